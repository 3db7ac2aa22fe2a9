import { errorPage, type GoldenCase, logLine, message, okToClient, ownLogLine, toMain } from "./case.ts";

const uncached = "no-cache, no-store";
const notFound = errorPage("404 Not Found", "unknown_route", uncached, "Requested route ('nope') does not exist.");
const closing = (page: string): string => page.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
const notFoundLog = (request: string): string =>
  ownLogLine({ host: "nope", request, status: 404, out: 56, routerError: "unknown_route" });
const cancelled = message(
  [
    "HTTP/1.1 499 status code 499",
    "Content-Type: text/plain; charset=utf-8",
    "X-Cf-Routererror: endpoint_failure (context canceled)",
    "X-Content-Type-Options: nosniff",
    "Date: {date}",
    "Content-Length: 22",
  ],
  "499 Request Cancelled\n",
);
const ok = message(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok");

/** A request for an unknown host. */
function unrouted(
  section: string,
  name: string,
  send: GoldenCase["send"],
  request: string,
  closes = false,
): GoldenCase {
  return {
    name,
    section: `data-plane §${section}`,
    send,
    expect: closes ? closing(notFound) : notFound,
    closes,
    log: notFoundLog(request),
  };
}

/** A request in absolute form, and the Host the backend gets. */
function absolute(name: string, target: string, logged: string, lines: readonly string[], host = "a.b"): GoldenCase {
  return {
    name,
    section: "data-plane §1.3",
    send: message([`GET ${target} HTTP/1.1`, ...lines]),
    upstream: toMain(`GET ${target} HTTP/1.1`, [`Host: ${host}`]),
    expect: okToClient(),
    log: logLine({ host, request: `GET ${logged} HTTP/1.1` }),
  };
}

/** Taken as it is. */
function plain(
  section: string,
  name: string,
  sent: readonly string[],
  upstream: readonly string[],
  body = "",
  arriving = body,
): GoldenCase {
  return {
    name,
    section,
    send: message(["POST / HTTP/1.1", ...sent], body),
    upstream: toMain("POST / HTTP/1.1", upstream, arriving),
    expect: okToClient(),
    log: logLine({ request: "POST / HTTP/1.1", in: 2 }),
  };
}

/** Refused with the raw answer of data-plane §1.2. */
function refused(name: string, lines: readonly string[], status = "400 Bad Request", text = status): GoldenCase {
  return {
    name,
    section: "architecture §8",
    send: message(["POST / HTTP/1.1", "Host: a.b", ...lines]),
    expect: message([`HTTP/1.1 ${status}`, "Content-Type: text/plain; charset=utf-8", "Connection: close"], text),
    closes: true,
    log: null,
  };
}

const manyLines = Array.from({ length: 300 }, (_, at) => `X-Line-${at}: ${"v".repeat(at)}`);

export const cases: readonly GoldenCase[] = [
  unrouted(
    "5.5",
    "an error page to a client that closes",
    message(["GET / HTTP/1.1", "Host: nope", "Connection: close"]),
    "GET / HTTP/1.1",
    true,
  ),
  unrouted(
    "5.5",
    "close in a list and in capitals",
    message(["GET / HTTP/1.1", "Host: nope", "Connection: foo, CLOSE"]),
    "GET / HTTP/1.1",
    true,
  ),
  {
    ...unrouted(
      "1.4.3",
      "HEAD: the suppressed body is logged",
      message(["HEAD / HTTP/1.1", "Host: nope"]),
      "HEAD / HTTP/1.1",
    ),
    expect: notFound.replace(/\r\n\r\n.*\n$/, "\r\n\r\n"),
  },
  unrouted(
    "1.4.17",
    "an unwanted body is read away and not counted",
    message(["POST / HTTP/1.1", "Host: nope", "Content-Length: 5"], "hello"),
    "POST / HTTP/1.1",
  ),
  unrouted(
    "1.4.17",
    "an unwanted chunked body is read away",
    message(["POST / HTTP/1.1", "Host: nope", "Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n"),
    "POST / HTTP/1.1",
  ),
  unrouted(
    "1.4.17",
    "an unwanted body of 256 KiB ends the connection",
    message(["POST / HTTP/1.1", "Host: nope", "Content-Length: 262144"]),
    "POST / HTTP/1.1",
    true,
  ),
  {
    name: "a client that ends behind its request: cancelled; that the connection ends goes without saying",
    section: "data-plane §4.9, §5.5",
    send: [message(["GET / HTTP/1.1", "Host: a.b"]), { until: "103" }, "end"],
    reply: ["request", "HTTP/1.1 103 Early Hints\r\n\r\n", "closed"],
    upstream: [{}],
    expect: `HTTP/1.1 103 Early Hints\r\n\r\n${cancelled}`,
    closes: true,
    log: logLine({ status: 499, out: 22, routerError: "endpoint_failure (context canceled)" }),
  },
  {
    name: "a client that ends behind two requests in one piece: both are cancelled, in their turn",
    section: "data-plane §4.9",
    send: [
      message(["GET /1 HTTP/1.1", "Host: a.b"]) + message(["GET /2 HTTP/1.1", "Host: a.b"]),
      { until: "103" },
      "end",
    ],
    reply: ["request", "HTTP/1.1 103 Early Hints\r\n\r\n", "closed"],
    upstream: [{}],
    expect: `HTTP/1.1 103 Early Hints\r\n\r\n${cancelled}${cancelled}`,
    closes: true,
    log: [
      logLine({ request: "GET /1 HTTP/1.1", status: 499, out: 22, routerError: "endpoint_failure (context canceled)" }),
      logLine({
        request: "GET /2 HTTP/1.1",
        status: 499,
        out: 22,
        id: "{uuid}",
        routerError: "endpoint_failure (context canceled)",
      }),
    ],
  },
  {
    name: "a client that resets behind a second request: the first is cancelled, the second is never begun (docs/differences.md)",
    section: "data-plane §4.9",
    send: [
      message(["GET /1 HTTP/1.1", "Host: a.b"]),
      { until: "103" },
      message(["GET /2 HTTP/1.1", "Host: a.b"]),
      "reset",
    ],
    reply: ["request", "HTTP/1.1 103 Early Hints\r\n\r\n", "closed"],
    upstream: [{}],
    expect: "HTTP/1.1 103 Early Hints\r\n\r\n",
    closes: true,
    log: logLine({
      request: "GET /1 HTTP/1.1",
      status: 499,
      out: 22,
      routerError: "endpoint_failure (context canceled)",
    }),
  },
  unrouted(
    "5.7",
    "an unwanted body is not asked for",
    message(["POST / HTTP/1.1", "Host: nope", "Content-Length: 5", "Expect: 100-continue"]),
    "POST / HTTP/1.1",
    true,
  ),
  unrouted(
    "5.7",
    "an unwanted body that came unasked ends the connection",
    message(["POST / HTTP/1.1", "Host: nope", "Content-Length: 5", "Expect: 100-continue"], "hello"),
    "POST / HTTP/1.1",
    true,
  ),
  {
    ...unrouted(
      "5.5",
      "an error page to HTTP/1.0 that stays",
      message(["GET / HTTP/1.0", "Host: nope", "Connection: keep-alive"]),
      "GET / HTTP/1.0",
    ),
    expect: closing(notFound).replace("HTTP/1.1", "HTTP/1.0").replace("Connection: close", "Connection: keep-alive"),
  },
  {
    name: "two requests with bodies in one piece",
    section: "data-plane §1.1",
    send:
      message(["POST /1 HTTP/1.1", "Host: a.b", "Content-Length: 2"], "xy") +
      message(["POST /2 HTTP/1.1", "Host: a.b", "Transfer-Encoding: chunked"], "1\r\nz\r\n0\r\n\r\n"),
    upstream: [
      { message: toMain("POST /1 HTTP/1.1", ["Content-Length: 2"], "xy").replace("{id}", "{uuid}") },
      {
        message: toMain("POST /2 HTTP/1.1", ["Transfer-Encoding: chunked"], "1\r\nz\r\n0\r\n\r\n").replace(
          "{id}",
          "{uuid}",
        ),
      },
    ],
    expect: okToClient().replace("{id}", "{uuid}").repeat(2),
    log: [
      logLine({ request: "POST /1 HTTP/1.1", in: 2, id: "{uuid}" }),
      logLine({ request: "POST /2 HTTP/1.1", in: 1, id: "{uuid}" }),
    ],
  },
  {
    name: "an answer before the body is whole comes with the body's end",
    section: "data-plane §1.4.17",
    send: [message(["POST / HTTP/1.1", "Host: a.b", "Content-Length: 6"], "abc"), "def"],
    upstream: toMain("POST / HTTP/1.1", ["Content-Length: 6"], "abcdef"),
    reply: [{ until: "abc" }, ok, "request"],
    expect: okToClient(),
    log: logLine({ request: "POST / HTTP/1.1", in: 6 }),
  },
  {
    name: "full duplex: the answer comes before the body is whole",
    section: "data-plane §1.4.17",
    config: { enable_http1_concurrent_read_write: true },
    send: [message(["POST / HTTP/1.1", "Host: a.b", "Content-Length: 6"], "abc"), { until: "ok" }, "def"],
    upstream: toMain("POST / HTTP/1.1", ["Content-Length: 6"], "abcdef"),
    reply: [{ until: "abc" }, message(["HTTP/1.1 200 OK", "Content-Length: 4"], "ok"), "request", "ok"],
    expect: okToClient().replace("Content-Length: 2", "Content-Length: 4").replace(/ok$/, "okok"),
    log: logLine({ request: "POST / HTTP/1.1", in: 6, out: 4 }),
  },
  absolute("without a path", "http://a.b?x=1", "/?x=1", ["Host: a.b"]),
  absolute("scheme in capitals", "HTTP://a.b/p", "/p", ["Host: a.b"]),
  absolute("another scheme", "ftp://a.b/p", "/p", ["Host: other"]),
  absolute("https", "https://a.b/p", "/p", ["Host: other"]),
  absolute("an empty Host line", "http://a.b/p", "/p", ["Host:"]),
  {
    name: "absolute form from HTTP/1.0 without Host",
    section: "data-plane §1.3",
    send: message(["GET http://a.b/p HTTP/1.0"]),
    upstream: toMain("GET http://a.b/p HTTP/1.1"),
    expect: okToClient().replace("HTTP/1.1", "HTTP/1.0"),
    closes: true,
    log: logLine({ request: "GET /p HTTP/1.0" }),
  },
  plain(
    "data-plane §1.2",
    "blanks around Host and length",
    ["Host: \t a.b \t", "Content-Length:  2 "],
    ["Content-Length: 2"],
    "xy",
  ),
  plain(
    "data-plane §1.2",
    "a length with leading zeros",
    ["Host: a.b", "Content-Length: 002"],
    ["Content-Length: 002"],
    "xy",
  ),
  plain(
    "data-plane §1.2",
    "tabs in values",
    ["Host: a.b", "X-A: a\tb", "Content-Length: 2"],
    ["X-A: a\tb", "Content-Length: 2"],
    "xy",
  ),
  plain(
    "data-plane §5.4",
    "chunk sizes with zeros in front and in capitals",
    ["Host: a.b", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked"],
    "0002\r\nxy\r\n0000\r\n\r\n",
    "2\r\nxy\r\n0\r\n\r\n",
  ),
  plain(
    "data-plane §5.3",
    "300 header lines",
    ["Host: a.b", ...manyLines, "Content-Length: 2"],
    [...manyLines, "Content-Length: 2"],
    "xy",
  ),
  refused(
    "a coding that ends in chunked",
    ["Transfer-Encoding: xchunked"],
    "501 Not Implemented",
    "Unsupported transfer encoding",
  ),
  refused(
    "chunked with a parameter",
    ["Transfer-Encoding: chunked;q=1"],
    "501 Not Implemented",
    "Unsupported transfer encoding",
  ),
  refused("an empty coding", ["Transfer-Encoding:"], "501 Not Implemented", "Unsupported transfer encoding"),
  refused("chunked behind a vertical tab", ["Transfer-Encoding: \x0bchunked"]),
  refused("a length behind equal ones that differs", ["Content-Length: 1", "Content-Length: 1", "Content-Length: 2"]),
  refused("chunked before a length", ["Transfer-Encoding: chunked", "Content-Length: 0"]),
  {
    name: "route service headers on a route without one, route services off",
    section: "data-plane §1.4.1",
    send: message([
      "GET / HTTP/1.1",
      "Host: a.b",
      "X-CF-Proxy-Signature: c2lnbmF0dXJl",
      "X-CF-Forwarded-Url: http://a.b/",
      "X-CF-Proxy-Metadata: eyJub25jZSI6IkFBRUNBd1FGQmdjSUNRb0wifQ==",
    ]),
    upstream: toMain("GET / HTTP/1.1", [
      "X-CF-Proxy-Signature: c2lnbmF0dXJl",
      "X-CF-Forwarded-Url: http://a.b/",
      "X-CF-Proxy-Metadata: eyJub25jZSI6IkFBRUNBd1FGQmdjSUNRb0wifQ==",
    ]),
    // Both of them: no session is tied (data-plane §3.8).
    reply: message(["HTTP/1.1 200 OK", "Set-Cookie: JSESSIONID=1", "Content-Length: 2"], "ok"),
    expect: okToClient("Set-Cookie: JSESSIONID=1"),
    log: logLine(),
  },
  {
    name: "a signature alone does not keep the session from being tied",
    section: "data-plane §3.8",
    send: message(["GET / HTTP/1.1", "Host: a.b", "X-CF-Proxy-Signature: s"]),
    upstream: toMain("GET / HTTP/1.1", ["X-CF-Proxy-Signature: s"]),
    reply: message(["HTTP/1.1 200 OK", "Set-Cookie: JSESSIONID=1", "Content-Length: 2"], "ok"),
    expect: okToClient("Set-Cookie: JSESSIONID=1", "Set-Cookie: __VCAP_ID__=inst-1; Path=/; HttpOnly"),
    log: logLine(),
  },
  {
    name: "strict validation refuses behind X-Forwarded-Proto, which the log has",
    section: "data-plane §8.2 row 1",
    config: { route_services_secret: "s", route_services: { strict_signature_validation: true } },
    send: message(["GET / HTTP/1.1", "Host: a.b", "X-CF-Proxy-Signature: x"]),
    expect: errorPage(
      "400 Bad Request",
      "invalid_route_service_signature",
      undefined,
      "invalid route service signature detected",
    ),
    log: ownLogLine({
      status: 400,
      out: 58,
      forwardedProto: "http",
      routerError: "invalid_route_service_signature",
    }),
    logged: [{ message: "signature-validation-failed", level: 3 }, { message: "status" }],
  },
  {
    name: "a route bound to a route service, route services off",
    section: "data-plane §2.1 row 13",
    routes: [{ uris: ["rs.x"], backend: "own", fields: { route_service_url: "https://rs.example.com" } }],
    send: message(["GET / HTTP/1.1", "Host: rs.x"]),
    expect: errorPage(
      "502 Bad Gateway",
      "route_service_unsupported",
      undefined,
      "Support for route services is disabled.",
    ),
    log: ownLogLine({
      host: "rs.x",
      status: 502,
      out: 57,
      forwardedProto: "http",
      routerError: "route_service_unsupported",
    }),
    logged: [
      { message: "route-service-unsupported", level: 1, data: '{"trace-id":"{hex32}","span-id":"{hex16}"}' },
      {
        message: "status",
        level: 1,
        data: '{"trace-id":"{hex32}","span-id":"{hex16}","body":"502 Bad Gateway: Support for route services is disabled."}',
      },
    ],
  },
  {
    name: "204 with a length: none to the client",
    section: "RFC 9110 §8.6",
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    reply: message(["HTTP/1.1 204 No Content", "Content-Length: 0"]),
    expect: message(["HTTP/1.1 204 No Content", "X-Vcap-Request-Id: {id}", "Date: {date}"]),
    log: logLine({ status: 204, out: 0 }),
  },
  {
    name: "a zipkin header that is configured too is logged twice",
    section: "data-plane §9.3",
    config: { tracing: { enable_zipkin: true }, extra_headers_to_log: ["X-B3-TraceID"] },
    send: message(["GET / HTTP/1.1", "Host: a.b", "b3: 1"]),
    upstream: toMain("GET / HTTP/1.1", ["b3: 1"]),
    expect: okToClient(),
    log: logLine({
      headers: 'x_b3_traceid:"-" x_b3_traceid:"-" x_b3_spanid:"-" x_b3_parentspanid:"-" b3:"1"',
    }),
  },
];
