import { type GoldenCase, logLine, message, okToClient, type Script, toMain } from "./case.ts";
import { broken, failed } from "./failed-attempt.ts";

const get = message(["GET / HTTP/1.1", "Host: a.b"]);
const ownLines = ["X-Vcap-Request-Id: {id}", "Date: {date}"];

/** A `GET /` whose backend answers `reply`. */
function answer(
  section: string,
  name: string,
  reply: Script,
  expect: string,
  log: Parameters<typeof logLine>[0] = {},
  config?: GoldenCase["config"],
): GoldenCase {
  return {
    name,
    section: `data-plane §${section}`,
    ...(config === undefined ? {} : { config }),
    send: get,
    upstream: toMain("GET / HTTP/1.1"),
    reply,
    expect,
    log: logLine(log),
  };
}

const reply = (lines: readonly string[] = [], start = "HTTP/1.1 200 OK", body = "ok"): string =>
  message([start, ...lines, ...(body === "" ? [] : [`Content-Length: ${body.length}`])], body);

/** The status line of an answer without body: what the backend says, what the client gets. */
function statusLine(sent: string, got: string, status: number, length = "Content-Length: 0"): GoldenCase {
  const lines = length === "" ? [] : [length];
  return answer(
    "5.5",
    `status line ${sent}`,
    message([`HTTP/1.1 ${sent}`, ...lines]),
    message([`HTTP/1.1 ${got}`, ...lines, ...ownLines]),
    {
      status,
      out: 0,
    },
  );
}

const chunkedLine = "Transfer-Encoding: chunked";
const chunkedOk = message(["HTTP/1.1 200 OK", chunkedLine, ...ownLines], "2\r\nok\r\n0\r\n\r\n");

/** Answers that are made regular; the backend's connection goes. */
const lenient = (name: string, text: string, expect: string = okToClient()): GoldenCase =>
  answer("5.5", name, ["request", text, "closed"], expect);

/** `error` as the header and, quoted, as the log have it. */
function bad(name: string, text: Script, error: string, section = "2.3", logged = error): GoldenCase {
  // Without connections to reuse, an early end is never taken for that of an idle connection, and sent again.
  return {
    ...answer(section, name, text, failed(error), {
      status: 502,
      out: 67,
      routerError: `endpoint_failure (${logged.replaceAll('"', '\\"')})`,
    }),
    config: { disable_keep_alives: true },
    upstream: toMain("GET / HTTP/1.1", ["Connection: close"]),
  };
}

const statuses: readonly GoldenCase[] = [
  statusLine("200 Fine", "200 OK", 200),
  statusLine("201 ", "201 Created", 201),
  statusLine("202", "202 Accepted", 202),
  statusLine("299 X", "299 status code 299", 299),
  statusLine("301 Moved", "301 Moved Permanently", 301),
  statusLine("404 Nope", "404 Not Found", 404),
  statusLine("418 Pot", "418 I'm a teapot", 418),
  statusLine("425 X", "425 Too Early", 425),
  statusLine("499 Gone", "499 status code 499", 499),
  statusLine("503 X", "503 Service Unavailable", 503),
  statusLine("599 X", "599 status code 599", 599),
  statusLine("999 X", "999 status code 999", 999),
  statusLine("204 Nothing", "204 No Content", 204, ""),
  statusLine("304 Same", "304 Not Modified", 304, ""),
];

const headers: readonly GoldenCase[] = [
  answer(
    "5.5",
    "headers are copied, repeated ones in order",
    reply(["X-A: 1", "Set-Cookie: a=1", 'ETag: "x"', "Set-Cookie: b=2", "Server: s", "Via: v"]),
    okToClient("X-A: 1", "Set-Cookie: a=1", 'ETag: "x"', "Set-Cookie: b=2", "Server: s", "Via: v"),
  ),
  answer(
    "5.5",
    "hop-by-hop headers are removed",
    reply([
      "Connection: X-Gone",
      "X-Gone: 1",
      "Keep-Alive: timeout=5",
      "Proxy-Authenticate: Basic",
      "Proxy-Connection: x",
      "Te: x",
      "Upgrade: h2c",
    ]),
    okToClient(),
  ),
  answer(
    "5.5",
    "Connection: close of the backend is no close to the client",
    ["request", reply(["Connection: close"]), "close"],
    okToClient(),
  ),
  answer(
    "5.5",
    "the backend's request id stays",
    reply(["X-Vcap-Request-Id: theirs"]),
    okToClient("X-Vcap-Request-Id: theirs").replace("X-Vcap-Request-Id: {id}\r\n", ""),
  ),
  answer("5.5", "an empty request id is replaced", reply(["X-Vcap-Request-Id:"]), okToClient()),
  answer(
    "5.5",
    "the backend's Date stays",
    reply(["Date: yesterday"]),
    okToClient("Date: yesterday").replace("Date: {date}\r\n", ""),
  ),
  answer(
    "5.5",
    "no Content-Type is guessed",
    reply([], "HTTP/1.1 200 OK", "<html>"),
    okToClient()
      .replace("2", "6")
      .replace("Content-Length: 2", "Content-Length: 6")
      .replace("HTTP/1.1 600", "HTTP/1.1 200")
      .replace(/ok$/, "<html>"),
    { out: 6 },
  ),
  answer(
    "5.5",
    "Content-Type of the backend stays as it is",
    reply(["Content-Type: TEXT/html;charset=x"]),
    okToClient("Content-Type: TEXT/html;charset=x"),
  ),
  answer(
    "5.5",
    "a backend's router error header passes and is logged",
    reply(["X-Cf-RouterError: theirs"]),
    okToClient("X-Cf-Routererror: theirs"),
    { routerError: "theirs" },
  ),
  answer("5.5", "high bytes in values pass", reply(["X-A: \xe9\xff"]), okToClient("X-A: \xe9\xff")),
  {
    ...answer(
      "5.5",
      "X-Vcap-Trace with the key",
      reply(),
      okToClient("X-Vcap-Router: {any}", "X-Vcap-Backend: {backend}", "X-Cf-RouteEndpoint: {backend}"),
      {},
      { trace_key: "22" },
    ),
    send: message(["GET / HTTP/1.1", "Host: a.b", "X-Vcap-Trace: 22"]),
    upstream: toMain("GET / HTTP/1.1", ["X-Vcap-Trace: 22"]),
  },
  {
    ...answer("5.5", "X-Vcap-Trace with another value", reply(), okToClient(), {}, { trace_key: "22" }),
    send: message(["GET / HTTP/1.1", "Host: a.b", "X-Vcap-Trace: 23"]),
    upstream: toMain("GET / HTTP/1.1", ["X-Vcap-Trace: 23"]),
  },
  {
    ...answer("5.5", "an empty X-Vcap-Trace without a key", reply(), okToClient()),
    send: message(["GET / HTTP/1.1", "Host: a.b", "X-Vcap-Trace:"]),
    upstream: toMain("GET / HTTP/1.1", ["X-Vcap-Trace:"]),
  },
];

const leniency: readonly GoldenCase[] = [
  lenient("LF line ends", "HTTP/1.1 200 OK\nX-A: 1\nContent-Length: 2\n\nok", okToClient("X-A: 1")),
  lenient("folded line", "HTTP/1.1 200 OK\r\nX-A: 1\r\n  2\r\nContent-Length: 2\r\n\r\nok", okToClient("X-A: 1 2")),
  lenient("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  lenient("another version", "HTTP/3.7 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  lenient("equal repeated Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
  lenient(
    "Content-Length beside chunked is dropped",
    `HTTP/1.1 200 OK\r\nContent-Length: 9\r\n${chunkedLine}\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    chunkedOk,
  ),
  lenient("bytes behind the body are ignored", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokjunk"),
  answer(
    "5.5",
    "a line whose name has a blank is dropped",
    ["request", "HTTP/1.1 200 OK\r\nX A: 1\r\nX-B : 2\r\nContent-Length: 2\r\n\r\nok"],
    okToClient(),
  ),
];

const malformed: readonly GoldenCase[] = [
  bad("closed without a reply", ["request", "close"], "EOF"),
  bad("FIN without a reply", ["request", "end"], "EOF"),
  bad("no HTTP at all", "garbage\r\n\r\n", `${broken}malformed HTTP response "garbage"`),
  bad("status that is no number", "HTTP/1.1 2x0 OK\r\n\r\n", `${broken}malformed HTTP status code "2x0"`),
  bad("status of two digits", "HTTP/1.1 20 OK\r\n\r\n", `${broken}malformed HTTP status code "20"`),
  bad("status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", `${broken}malformed HTTP status code "2000"`),
  bad("no HTTP version", "XTTP/1.1 200 OK\r\n\r\n", `${broken}malformed HTTP version "XTTP/1.1"`),
  bad(
    "header line without colon",
    "HTTP/1.1 200 OK\r\nfoo\r\n\r\n",
    `${broken}malformed MIME header: missing colon: "foo"`,
  ),
  bad(
    "Content-Length that is no number",
    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    `${broken}bad Content-Length "x"`,
  ),
  bad(
    "differing Content-Length lines",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
    `${broken}http: message cannot contain multiple Content-Length headers; got ["1" "2"]`,
  ),
  bad(
    "another transfer coding",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
    `${broken}unsupported transfer encoding: "gzip"`,
    "5.5",
  ),
  {
    ...bad("closed within the head", ["request", "HTTP/1.1 200 OK\r\nX-A: 1\r\n", "close"], `${broken}unexpected EOF`),
  },
];

const bodies: readonly GoldenCase[] = [
  answer("5.6", "chunked", message(["HTTP/1.1 200 OK", chunkedLine], "1\r\no\r\n1\r\nk\r\n0\r\n\r\n"), chunkedOk),
  answer("5.6", "until close", ["request", "HTTP/1.1 200 OK\r\n\r\nok", "close"], chunkedOk),
  answer(
    "5.6",
    "until close and empty",
    ["request", "HTTP/1.1 200 OK\r\n\r\n", "close"],
    message(["HTTP/1.1 200 OK", chunkedLine, ...ownLines], "0\r\n\r\n"),
    { out: 0 },
  ),
  answer(
    "5.6",
    "length 0",
    message(["HTTP/1.1 200 OK", "Content-Length: 0"]),
    message(["HTTP/1.1 200 OK", "Content-Length: 0", ...ownLines]),
    { out: 0 },
  ),
  answer(
    "5.6",
    "announced trailers",
    message(["HTTP/1.1 200 OK", chunkedLine, "Trailer: X-Sum"], "2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"),
    message(["HTTP/1.1 200 OK", chunkedLine, "Trailer: X-Sum", ...ownLines], "2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"),
  ),
  answer(
    "5.6",
    "trailers that were not announced",
    message(["HTTP/1.1 200 OK", chunkedLine], "2\r\nok\r\n0\r\nX-B: 2\r\nX-A: 1\r\n\r\n"),
    message(["HTTP/1.1 200 OK", chunkedLine, ...ownLines], "2\r\nok\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n"),
  ),
  {
    name: "HEAD keeps the length and has no body",
    section: "data-plane §5.6",
    send: message(["HEAD / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("HEAD / HTTP/1.1"),
    reply: message(["HTTP/1.1 200 OK", "Content-Length: 42"]),
    expect: message(["HTTP/1.1 200 OK", "Content-Length: 42", ...ownLines]),
    log: logLine({ request: "HEAD / HTTP/1.1", out: 0 }),
  },
  {
    name: "HEAD of a chunked answer",
    section: "data-plane §5.6",
    send: message(["HEAD / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("HEAD / HTTP/1.1"),
    reply: message(["HTTP/1.1 200 OK", chunkedLine]),
    expect: message(["HTTP/1.1 200 OK", ...ownLines]),
    log: logLine({ request: "HEAD / HTTP/1.1", out: 0 }),
  },
  {
    name: "HEAD that fails: the suppressed body is logged",
    section: "data-plane §1.4.3",
    config: { disable_keep_alives: true },
    send: message(["HEAD / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("HEAD / HTTP/1.1", ["Connection: close"]),
    reply: ["request", "close"],
    expect: failed("EOF").replace(/\r\n\r\n.*\n$/, "\r\n\r\n"),
    log: logLine({ request: "HEAD / HTTP/1.1", status: 502, out: 67, routerError: "endpoint_failure (EOF)" }),
  },
  answer(
    "5.6",
    "304 without the backend's length",
    message(["HTTP/1.1 304 Not Modified", "Content-Length: 42", 'ETag: "x"']),
    message(["HTTP/1.1 304 Not Modified", 'ETag: "x"', ...ownLines]),
    { status: 304, out: 0 },
  ),
  {
    name: "chunked to HTTP/1.0: until close",
    section: "data-plane §5.6",
    send: message(["GET / HTTP/1.0", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    reply: message(["HTTP/1.1 200 OK", chunkedLine], "2\r\nok\r\n0\r\n\r\n"),
    expect: message(["HTTP/1.0 200 OK", ...ownLines], "ok"),
    closes: true,
    log: logLine({ request: "GET / HTTP/1.0" }),
  },
  {
    name: "chunked to HTTP/1.0 that wanted to stay: until close, no Connection line",
    section: "data-plane §5.6",
    send: message(["GET / HTTP/1.0", "Host: a.b", "Connection: keep-alive"]),
    upstream: toMain("GET / HTTP/1.1"),
    reply: message(["HTTP/1.1 200 OK", chunkedLine], "2\r\nok\r\n0\r\n\r\n"),
    expect: message(["HTTP/1.0 200 OK", ...ownLines], "ok"),
    closes: true,
    log: logLine({ request: "GET / HTTP/1.0" }),
  },
  {
    name: "trailers to HTTP/1.0: announced, not sent",
    section: "data-plane §5.6",
    send: message(["GET / HTTP/1.0", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    reply: message(["HTTP/1.1 200 OK", chunkedLine, "Trailer: X-Sum"], "2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"),
    expect: message(["HTTP/1.0 200 OK", "Trailer: X-Sum", ...ownLines], "ok"),
    closes: true,
    log: logLine({ request: "GET / HTTP/1.0" }),
  },
  {
    name: "a body that ends short: what came, then the end, no log line",
    section: "data-plane §2.4",
    send: get,
    upstream: toMain("GET / HTTP/1.1"),
    reply: ["request", message(["HTTP/1.1 200 OK", "Content-Length: 9"], "ok"), "close"],
    expect: message(["HTTP/1.1 200 OK", "Content-Length: 9", ...ownLines], "ok"),
    closes: true,
    log: null,
  },
  {
    name: "chunks that end short: no last chunk, no log line",
    section: "data-plane §2.4",
    send: get,
    upstream: toMain("GET / HTTP/1.1"),
    reply: ["request", message(["HTTP/1.1 200 OK", chunkedLine], "2\r\nok\r\n"), "close"],
    expect: message(["HTTP/1.1 200 OK", chunkedLine, ...ownLines], "2\r\nok\r\n"),
    closes: true,
    log: null,
  },
];

const large = "y".repeat(100_000);
const bulk: GoldenCase = answer(
  "5.6",
  "100 kB",
  reply([], "HTTP/1.1 200 OK", large),
  message(["HTTP/1.1 200 OK", "Content-Length: 100000", ...ownLines], large),
  { out: 100_000 },
);

export const cases: readonly GoldenCase[] = [...statuses, ...headers, ...leniency, ...malformed, ...bodies, bulk];
