import { type GoldenCase, logLine, message, okToClient, toMain } from "./case.ts";

const section = "data-plane §1.4.12";
const bytes = { max_request_header_bytes: 400 };
const lines = { max_request_headers: 5 };
const tooLarge = message([
  "HTTP/1.1 431 Request Header Fields Too Large",
  "X-Cf-Routererror: max-request-size-exceeded",
  "Date: {date}",
  "Content-Length: 0",
]);

/** Refused; an endpoint was drawn for the log, no backend request was made. */
function refused(
  name: string,
  sent: readonly string[],
  config: GoldenCase["config"],
  request = "GET / HTTP/1.1",
): GoldenCase {
  return {
    name,
    section,
    ...(config === undefined ? {} : { config }),
    send: message([request, "Host: a.b", ...sent]),
    expect: tooLarge,
    log: logLine({
      request,
      status: 431,
      out: 0,
      forwardedFor: "-",
      forwardedProto: "-",
      gorouterTime: "{any}",
      routerError: "max-request-size-exceeded",
    }),
  };
}

function taken(name: string, sent: readonly string[], config: GoldenCase["config"]): GoldenCase {
  return {
    name,
    section,
    ...(config === undefined ? {} : { config }),
    send: message(["GET / HTTP/1.1", "Host: a.b", ...sent]),
    upstream: toMain("GET / HTTP/1.1", sent),
    expect: okToClient(),
    log: logLine(),
  };
}

// GET, /, HTTP/1.1 and 4; a.b and 8; X-Vcap-Request-Id of 36 bytes and 4.
const counted = 3 + 1 + 8 + 4 + 3 + 8 + 17 + 36 + 4;
const filler = (size: number): string => `X-A: ${"x".repeat(size - counted - 3 - 4)}`;

export const cases: readonly GoldenCase[] = [
  taken("one byte below the limit passes", [filler(399)], bytes),
  refused("the limit itself is refused", [filler(400)], bytes),
  {
    ...refused("an empty path counts as /", [filler(400)], bytes),
    send: message(["GET http://a.b HTTP/1.1", "Host: a.b", filler(400)]),
  },
  refused("the query counts", [filler(380)], bytes, `GET /?${"q".repeat(30)} HTTP/1.1`),
  taken("lines: as many as allowed, the router's own counted, Host not", ["A: 1", "B: 2", "C: 3", "D: 4"], lines),
  {
    ...taken("lines: Transfer-Encoding and Trailer are none", ["A: 1", "B: 2", "C: 3", "D: 4"], lines),
    send: message(
      ["POST / HTTP/1.1", "Host: a.b", "Transfer-Encoding: chunked", "Trailer: X-T", "A: 1", "B: 2", "C: 3", "D: 4"],
      "0\r\n\r\n",
    ),
    upstream: toMain(
      "POST / HTTP/1.1",
      ["Transfer-Encoding: chunked", "Trailer: X-T", "A: 1", "B: 2", "C: 3", "D: 4"],
      "0\r\n\r\n",
    ),
    log: logLine({ request: "POST / HTTP/1.1" }),
  },
  {
    ...taken("bytes: nor are they counted", [filler(398)], bytes),
    send: message(
      ["POST / HTTP/1.1", "Host: a.b", "Transfer-Encoding: chunked", "Trailer: X-T", filler(398)],
      "0\r\n\r\n",
    ),
    upstream: toMain("POST / HTTP/1.1", ["Transfer-Encoding: chunked", "Trailer: X-T", filler(398)], "0\r\n\r\n"),
    log: logLine({ request: "POST / HTTP/1.1" }),
  },
  refused("lines: one more", ["A: 1", "B: 2", "C: 3", "D: 4", "E: 5"], lines),
  refused("lines: repeated names count one by one", ["A: 1", "A: 2", "A: 3", "A: 4", "A: 5"], lines),
  {
    ...refused("the client's own request id is counted as the router's", ["X-Vcap-Request-Id: x", filler(400)], bytes),
  },
  refused(
    "a megabyte by default",
    Array.from({ length: 130 }, (_, at) => `X-${at + 100}: ${"x".repeat(8070)}`),
    undefined,
  ),
];
