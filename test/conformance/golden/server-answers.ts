import { errorPage, type GoldenCase, logLine, message, okToClient, ownLogLine, toMain } from "./case.ts";

const section = "data-plane §1.2";
const plainHead = ["Content-Type: text/plain; charset=utf-8", "Connection: close"];

/** A request that never reaches the chain: no upstream, no log line, the connection is closed. */
function refused(name: string, send: string, status = "400 Bad Request", body = status): GoldenCase {
  const expect = message([`HTTP/1.1 ${status}`, ...plainHead], body);
  return { name, section, send, expect, closes: true, log: null };
}

/** The same for a request with these lines behind a good request line and Host. */
const refusedLines = (name: string, lines: readonly string[], status?: string, body?: string): GoldenCase =>
  refused(name, message(["GET / HTTP/1.1", "Host: a.b", ...lines]), status, body);

const refusedStart = (name: string, line: string, status?: string): GoldenCase =>
  refused(name, message([line, "Host: a.b"]), status);

const invalidName = "400 Bad Request: invalid header name";
const malformedHost = "400 Bad Request: malformed Host header";
const badVersion = "505 HTTP Version Not Supported: unsupported protocol version";
const notImplemented = "501 Not Implemented";
const codingBody = "Unsupported transfer encoding";

/** Refused by architecture §8 where Gorouter is lenient. */
const strict = (golden: GoldenCase): GoldenCase => ({ ...golden, section: "architecture §8" });

/** Taken, sent on as `upstream`, and answered. */
function taken(name: string, lines: readonly string[], upstream: string, request: string): GoldenCase {
  return { name, section, send: message(lines), upstream, expect: okToClient(), log: logLine({ request }) };
}

export const cases: readonly GoldenCase[] = [
  refused("HTTP/1.1 without Host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"),
  refused("Host with a blank", message(["GET / HTTP/1.1", "Host: a b"]), malformedHost),
  refused("Host with a slash", message(["GET / HTTP/1.1", "Host: a.b/c"]), malformedHost),
  refused("Host with an at sign", message(["GET / HTTP/1.1", "Host: u@a.b"]), malformedHost),
  refused("two equal Host lines", message(["GET / HTTP/1.1", "Host: a.b", "Host: a.b"])),
  refused("two different Host lines", message(["GET / HTTP/1.1", "Host: a.b", "Host: c.d"])),
  refusedLines("blank in a header name", ["X A: 1"], invalidName),
  refusedLines("blank behind a header name", ["X-A : 1"], invalidName),
  refusedLines("line without colon", ["X-A"]),
  refusedLines("empty header name", [": 1"]),
  refusedLines("header name with a byte that no token has", ["X(A): 1"]),
  refusedLines("header name with a high byte", ["X-\xe9: 1"]),
  refusedLines("NUL in a value", ["X-A: a\x00b"]),
  refusedLines("control byte in a value", ["X-A: a\x01b"]),
  refusedLines("DEL in a value", ["X-A: a\x7fb"]),
  refusedLines("bare CR in a value", ["X-A: a\rb"]),
  refusedLines("differing Content-Length lines", ["Content-Length: 1", "Content-Length: 2"]),
  refusedLines("signed Content-Length", ["Content-Length: +1"]),
  refusedLines("negative Content-Length", ["Content-Length: -1"]),
  refusedLines("Content-Length that is no number", ["Content-Length: x"]),
  refusedLines("hexadecimal Content-Length", ["Content-Length: 0x1"]),
  refusedLines("empty Content-Length", ["Content-Length: "]),
  refusedLines("Content-Length with a list", ["Content-Length: 1, 1"]),
  refusedLines("Content-Length beyond all numbers", ["Content-Length: 99999999999999999999"]),
  refusedStart("control byte in the target", "GET /a\x01 HTTP/1.1"),
  refusedStart("blank in the target", "GET /a b HTTP/1.1"),
  refusedStart("target without slash", "GET a HTTP/1.1"),
  refusedStart("empty target", "GET  HTTP/1.1"),
  refusedStart("a port that is no number", "GET http://a.b:x/ HTTP/1.1"),
  refusedStart("a port that is no number, CONNECT", "CONNECT a.b:4x HTTP/1.1"),
  refusedStart("an address without its closing bracket", "GET http://[::1/ HTTP/1.1"),
  refusedStart("something behind the closing bracket", "GET http://[::1]80/ HTTP/1.1"),
  refusedStart("bad escape in the path", "GET /%zz HTTP/1.1"),
  refusedStart("cut escape in the path", "GET /%4 HTTP/1.1"),
  refusedStart("no protocol", "GET /"),
  refusedStart("lower-case protocol", "GET / http/1.1"),
  refusedStart("protocol without minor version", "GET / HTTP/1"),
  refusedStart("protocol with two digits", "GET / HTTP/1.10"),
  refusedStart("another protocol", "GET / XTTP/1.1"),
  refusedStart("method that is no token", "G(T / HTTP/1.1"),
  refusedStart("empty method", " / HTTP/1.1"),
  refused("leading empty line", message(["", "GET / HTTP/1.1", "Host: a.b"])),
  refused("garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
  refusedLines("coding other than chunked", ["Transfer-Encoding: gzip"], notImplemented, codingBody),
  refusedLines("identity coding", ["Transfer-Encoding: identity"], notImplemented, codingBody),
  refusedLines("two codings", ["Transfer-Encoding: gzip, chunked"], notImplemented, codingBody),
  refusedLines(
    "chunked twice",
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    notImplemented,
    codingBody,
  ),
  refusedStart("HTTP/0.9", "GET / HTTP/0.9", badVersion),
  refusedStart("HTTP/2.0 in words", "GET / HTTP/2.0", badVersion),
  refusedStart("HTTP/3.0 in words", "GET / HTTP/3.0", badVersion),
  {
    name: "header block beyond 1 MiB and slack",
    section,
    send: message(["GET / HTTP/1.1", "Host: a.b", ...Array.from({ length: 132 }, () => `X-Big: ${"x".repeat(8000)}`)]),
    expect: message(
      ["HTTP/1.1 431 Request Header Fields Too Large", ...plainHead],
      "431 Request Header Fields Too Large",
    ),
    closes: true,
    log: null,
  },
  {
    name: "Expect other than 100-continue",
    section,
    send: message(["GET / HTTP/1.1", "Host: a.b", "Expect: tea"]),
    expect: message(["HTTP/1.1 417 Expectation Failed", "Connection: close", "Date: {date}", "Content-Length: 0"]),
    closes: true,
    log: null,
  },
  {
    name: "Expect other than 100-continue from HTTP/1.0",
    section,
    send: message(["POST / HTTP/1.0", "Host: a.b", "Expect: tea", "Content-Length: 2"], "xy"),
    expect: message(["HTTP/1.0 417 Expectation Failed", "Connection: close", "Date: {date}", "Content-Length: 0"]),
    closes: true,
    log: null,
  },
  {
    name: "OPTIONS *",
    section,
    send: message(["OPTIONS * HTTP/1.1", "Host: a.b"]),
    expect: message(["HTTP/1.1 200 OK", "Date: {date}", "Content-Length: 0"]),
    log: null,
  },
  {
    name: "OPTIONS * with an unknown host and Connection: close",
    section,
    send: message(["OPTIONS * HTTP/1.1", "Host: nowhere", "Connection: close"]),
    expect: message(["HTTP/1.1 200 OK", "Date: {date}", "Content-Length: 0", "Connection: close"]),
    closes: true,
    log: null,
  },
  {
    name: "GET * is looked up",
    section,
    send: message(["GET * HTTP/1.1", "Host: a.b"]),
    expect: errorPage(
      "404 Not Found",
      "unknown_route",
      "no-cache, no-store",
      "Requested route ('a.b') does not exist.",
    ),
    log: ownLogLine({ request: "GET * HTTP/1.1", status: 404, out: 55, routerError: "unknown_route" }),
  },
  {
    name: "HTTP/1.2 gets the raw 400 and a log line",
    section: "data-plane §1.4.11",
    send: message(["GET / HTTP/1.2", "Host: a.b"]),
    expect: "HTTP/1.0 400 Bad Request\r\n\r\n",
    closes: true,
    log: ownLogLine({ request: "GET / HTTP/1.2", status: '"-"' }),
  },
  {
    name: "HTTP/1.9 gets the raw 400 and a log line",
    section: "data-plane §1.4.11",
    send: message(["GET / HTTP/1.9", "Host: nowhere"]),
    expect: "HTTP/1.0 400 Bad Request\r\n\r\n",
    closes: true,
    log: ownLogLine({ host: "nowhere", request: "GET / HTTP/1.9", status: '"-"' }),
  },
  {
    name: "HTTP/2 preface, HTTP/2 off",
    section: "data-plane §1.4.11",
    config: { enable_http2: false },
    send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    expect: "HTTP/1.0 400 Bad Request\r\n\r\n",
    closes: true,
    log: ownLogLine({ host: "", request: "PRI * HTTP/2.0", status: '"-"' }),
  },
  strict(refused("bare LF as line end", "GET / HTTP/1.1\nHost: a.b\n\n")),
  strict(refused("bare LF inside the head", "GET / HTTP/1.1\r\nHost: a.b\nX: 1\r\n\r\n")),
  strict(refusedLines("folded line", ["X-A: a", " b"])),
  strict(refusedLines("Content-Length beside chunked", ["Content-Length: 3", "Transfer-Encoding: chunked"])),
  strict(
    refused(
      "chunked from HTTP/1.0",
      message(["POST / HTTP/1.0", "Host: a.b", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
    ),
  ),
  {
    name: "underscore in Host",
    section,
    send: message(["GET / HTTP/1.1", "Host: a.b:8_0"]),
    upstream: toMain("GET / HTTP/1.1", ["Host: a.b:8_0"]),
    expect: okToClient(),
    log: logLine({ host: "a.b:8_0" }),
  },
  taken(
    "high bytes in a value",
    ["GET / HTTP/1.1", "Host: a.b", "X-A: \xe9\xff"],
    toMain("GET / HTTP/1.1", ["X-A: \xe9\xff"]),
    "GET / HTTP/1.1",
  ),
  taken(
    "invalid escape in the query",
    ["GET /?%zz&%4 HTTP/1.1", "Host: a.b"],
    toMain("GET /?%zz&%4 HTTP/1.1"),
    "GET /?%zz&%4 HTTP/1.1",
  ),
  taken(
    "raw high bytes in the path",
    ["GET /\xe9 HTTP/1.1", "Host: a.b"],
    toMain("GET /\xe9 HTTP/1.1"),
    "GET /%E9 HTTP/1.1",
  ),
  taken("unknown method", ["BREW / HTTP/1.1", "Host: a.b"], toMain("BREW / HTTP/1.1"), "BREW / HTTP/1.1"),
  taken("lower-case method", ["get / HTTP/1.1", "Host: a.b"], toMain("get / HTTP/1.1"), "get / HTTP/1.1"),
  taken(
    "empty header value",
    ["GET / HTTP/1.1", "Host: a.b", "X-A:"],
    toMain("GET / HTTP/1.1", ["X-A:"]),
    "GET / HTTP/1.1",
  ),
  {
    name: "equal repeated Content-Length lines are merged",
    section,
    send: message(["PUT / HTTP/1.1", "Host: a.b", "Content-Length: 2", "Content-Length: 2"], "xy"),
    upstream: toMain("PUT / HTTP/1.1", ["Content-Length: 2"], "xy"),
    expect: okToClient(),
    log: logLine({ request: "PUT / HTTP/1.1", in: 2 }),
  },
  {
    name: "two requests in one piece: two answers in order",
    section: "data-plane §1.1",
    send: message(["GET /1 HTTP/1.1", "Host: nowhere"]) + message(["GET /2 HTTP/1.1", "Host: elsewhere"]),
    expect:
      errorPage("404 Not Found", "unknown_route", "no-cache, no-store", "Requested route ('nowhere') does not exist.") +
      errorPage(
        "404 Not Found",
        "unknown_route",
        "no-cache, no-store",
        "Requested route ('elsewhere') does not exist.",
      ),
    log: [
      ownLogLine({
        host: "nowhere",
        request: "GET /1 HTTP/1.1",
        status: 404,
        out: 59,
        routerError: "unknown_route",
        id: "{uuid}",
      }),
      ownLogLine({
        host: "elsewhere",
        request: "GET /2 HTTP/1.1",
        status: 404,
        out: 61,
        routerError: "unknown_route",
        id: "{uuid}",
      }),
    ],
  },
];
