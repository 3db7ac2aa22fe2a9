import { type GoldenCase, type LogFields, logLine, message, okToClient, ownLogLine, toMain } from "./case.ts";
import { failed, refused } from "./failed-attempt.ts";

/** A GET that `main` answers; only the log line is of interest. */
function logged(
  name: string,
  one: {
    section?: string;
    start?: string;
    lines?: readonly string[];
    body?: string;
    config?: GoldenCase["config"];
    reply?: string;
    expect?: string;
    closes?: boolean;
    log: LogFields;
  },
): GoldenCase {
  const start = one.start ?? "GET / HTTP/1.1";
  const lines = one.lines ?? [];
  const hosted = lines.some((line) => /^host:/i.test(line));
  return {
    name,
    section: one.section ?? "data-plane §9.2",
    ...(one.config && { config: one.config }),
    send: message([start, ...(hosted ? [] : ["Host: a.b"]), ...lines], one.body),
    ...(one.reply !== undefined && { reply: one.reply }),
    upstream: [{}],
    expect: one.expect ?? okToClient(),
    ...(one.closes && { closes: true }),
    log: logLine({ request: start, ...one.log }),
  };
}

/** How a target is shown. */
const shownAs = (target: string, text: string, name = `${target} is shown as ${text}`): GoldenCase =>
  logged(name, {
    section: "data-plane §9.4",
    start: `GET ${target} HTTP/1.1`,
    log: { request: `GET ${text} HTTP/1.1` },
  });

const logging = (more: Record<string, unknown>) => ({ logging: { level: "debug", ...more } });
const redact = (mode: string) => logging({ redact_query_params: mode });
const sha = "fd218ea3f6f6f450a25fd293e9a8a89630c80940";
const redacted = (mode: string, start: string, shown: string, name: string): GoldenCase =>
  logged(name, {
    section: "data-plane §9.4",
    config: redact(mode),
    start,
    ...(start.startsWith("POST") && { lines: ["Content-Length: 0"] }),
    log: { request: shown },
  });

const headers = { extra_headers_to_log: ["X-Foo", "x-bar-BAZ", "X-Forwarded-For", "Cookie"] };
const extra = (foo: string, bar: string, forwarded: string, cookie: string): string =>
  `x_foo:${foo} x_bar_baz:${bar} x_forwarded_for:${forwarded} cookie:${cookie}`;
const none = '"-"';

export const cases: readonly GoldenCase[] = [
  logged("every field", {
    start: "POST /p?q=1 HTTP/1.1",
    lines: [
      "Host: A.b:8080",
      "Referer: http://r/",
      "User-Agent: curl/8",
      "X-Forwarded-For: 9.9.9.9",
      "X-Forwarded-Proto: https",
      "Content-Length: 3",
    ],
    body: "abc",
    reply: "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n12345",
    expect: message(["HTTP/1.1 201 Created", "Content-Length: 5", "X-Vcap-Request-Id: {id}", "Date: {date}"], "12345"),
    log: {
      host: "A.b:8080",
      status: 201,
      in: 3,
      out: 5,
      referer: "http://r/",
      userAgent: "curl/8",
      forwardedFor: "9.9.9.9, 127.0.0.1",
      forwardedProto: "https",
    },
  }),
  logged("de-chunked bytes are counted, both ways", {
    start: "POST / HTTP/1.1",
    lines: ["Transfer-Encoding: chunked"],
    body: "1\r\nx\r\n4\r\nyyyy\r\n0\r\n\r\n",
    reply: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    expect: `${message(["HTTP/1.1 200 OK", "X-Vcap-Request-Id: {id}", "Date: {date}", "Transfer-Encoding: chunked"])}7\r\nabcdefg\r\n0\r\n\r\n`,
    log: { in: 5, out: 7 },
  }),
  logged("an answer without bytes", {
    reply: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    expect: message(["HTTP/1.1 200 OK", "Content-Length: 0", "X-Vcap-Request-Id: {id}", "Date: {date}"]),
    log: { out: 0 },
  }),
  logged("204", {
    reply: "HTTP/1.1 204 No Content\r\n\r\n",
    expect: message(["HTTP/1.1 204 No Content", "X-Vcap-Request-Id: {id}", "Date: {date}"]),
    log: { status: 204, out: 0 },
  }),
  logged("304", {
    reply: "HTTP/1.1 304 Not Modified\r\n\r\n",
    expect: message(["HTTP/1.1 304 Not Modified", "X-Vcap-Request-Id: {id}", "Date: {date}"]),
    log: { status: 304, out: 0 },
  }),
  logged("a status that has no name", {
    reply: "HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n",
    expect: message(["HTTP/1.1 299 status code 299", "Content-Length: 0", "X-Vcap-Request-Id: {id}", "Date: {date}"]),
    log: { status: 299, out: 0 },
  }),
  logged("HTTP/1.0", {
    start: "GET / HTTP/1.0",
    expect: message(["HTTP/1.0 200 OK", "Content-Length: 2", "X-Vcap-Request-Id: {id}", "Date: {date}"], "ok"),
    closes: true,
    log: {},
  }),
  logged("an unknown method", { start: "PURGE / HTTP/1.1", log: {} }),
  {
    name: "no Host, HTTP/1.0: the line starts with a blank",
    section: "data-plane §13.2",
    send: "GET /x HTTP/1.0\r\n\r\n",
    expect: message(
      [
        "HTTP/1.0 400 Bad Request",
        "Cache-Control: public,max-age=2",
        "Content-Type: text/plain; charset=utf-8",
        "X-Cf-Routererror: empty_host",
        "X-Content-Type-Options: nosniff",
        "Date: {date}",
        "Content-Length: 47",
      ],
      "400 Bad Request: Request had empty Host header\n",
    ),
    closes: true,
    log: ownLogLine({ host: "", request: "GET /x HTTP/1.0", status: 400, out: 47, routerError: "empty_host" }),
  },
  {
    name: "an unroutable request: fields are those of the client, first lines only",
    section: "data-plane §9.2",
    send: message([
      "GET / HTTP/1.1",
      "Host: none.test",
      "User-Agent: one",
      "User-Agent: two",
      "Referer: r1",
      "X-Forwarded-For: 1.1.1.1",
      "X-Forwarded-For: 2.2.2.2",
      "X-Forwarded-Proto: https",
    ]),
    expect: message(
      [
        "HTTP/1.1 404 Not Found",
        "Cache-Control: no-cache, no-store",
        "Content-Type: text/plain; charset=utf-8",
        "X-Cf-Routererror: unknown_route",
        "X-Content-Type-Options: nosniff",
        "Date: {date}",
        "Content-Length: 61",
      ],
      "404 Not Found: Requested route ('none.test') does not exist.\n",
    ),
    log: ownLogLine({
      host: "none.test",
      request: "GET / HTTP/1.1",
      status: 404,
      out: 61,
      userAgent: "one",
      referer: "r1",
      forwardedFor: "1.1.1.1",
      forwardedProto: "https",
      routerError: "unknown_route",
    }),
  },
  logged("X-Forwarded-For lines are joined", {
    lines: ["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2, 3.3.3.3"],
    log: { forwardedFor: "1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1" },
  }),
  logged("an empty X-Forwarded-For line", { lines: ["X-Forwarded-For:"], log: { forwardedFor: ", 127.0.0.1" } }),
  logged("a header named in Connection is gone from the backend's request, and so from the line", {
    lines: ["User-Agent: x", "Referer: y", "Connection: User-Agent, Referer"],
    log: {},
  }),
  logged("empty values", { lines: ["User-Agent:", "Referer: "], log: {} }),
  // Quoting.
  logged("quotes and backslashes", {
    lines: ['User-Agent: a"b\\c', 'Referer: "'],
    log: { userAgent: 'a\\"b\\\\c', referer: '\\"' },
  }),
  logged("a tab", { lines: ["User-Agent: a\tb"], log: { userAgent: "a\\tb" } }),
  logged("UTF-8 stays", {
    lines: ["User-Agent: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"],
    log: { userAgent: "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
  }),
  logged("bytes that are no UTF-8", {
    lines: ["User-Agent: a\xff\xc3(\xe2\x82"],
    log: { userAgent: "a\\xff\\xc3(\\xe2\\x82" },
  }),
  logged("code points that do not print", {
    lines: ["User-Agent: \xc2\x80\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x80\x81"],
    log: { userAgent: "\\u0080\\u200b\\ufeff\\U000e0001" },
  }),
  logged("the host is neither quoted nor escaped", { lines: ["Host: a.b:x"], log: { host: "a.b:x" } }),
  // URI.
  shownAs("/a%2Fb", "/a%2Fb"),
  shownAs("/<x>", "/%3Cx%3E"),
  shownAs("/\xc3\xa9", "/%C3%A9", "bytes of a path are escaped"),
  shownAs("/#a", "/%23a"),
  shownAs("/\xc3\xa9%2fb%41", "/%C3%A9/bA", "with one byte to escape, all escapes are redone"),
  shownAs("/a?b=%zz&c", "/a?b=%zz&c"),
  shownAs("/?", "/?"),
  shownAs("/?a?b", "/?a?b"),
  shownAs("//x", "//x"),
  shownAs("/a/../b/./c", "/a/../b/./c"),
  shownAs("http://a.b", "/"),
  shownAs("http://a.b?q", "/?q"),
  shownAs("http://a.b/abs?q", "/abs?q"),
  shownAs('/a"b', "/a%22b"),
  shownAs('/?a"b\\', '/?a\\"b\\\\'),
  logged("a semicolon shows as x_cf_routererror", {
    section: "data-plane §1.4.8",
    start: "GET /?a;b HTTP/1.1",
    log: { routerError: "deprecated-semicolon-params" },
  }),
  {
    name: "the error wins over the semicolon",
    section: "data-plane §1.4.8",
    routes: [{ uris: ["x.com"], backend: "dead", refuses: true }],
    send: message(["GET /?a;b HTTP/1.1", "Host: x.com"]),
    expect: failed(refused),
    log: logLine({
      host: "x.com",
      request: "GET /?a;b HTTP/1.1",
      status: 502,
      out: 67,
      backend: "{backend:dead}",
      app: "-",
      index: "-",
      instance: "-",
      routerError: "endpoint_failure (dial tcp {backend:dead}: connect: connection refused)",
    }),
  },
  // A backend's header of that name.
  logged("an X-Cf-RouterError of the backend", {
    reply: "HTTP/1.1 200 OK\r\nX-Cf-RouterError: own\r\nContent-Length: 2\r\n\r\nok",
    expect: okToClient("X-Cf-RouterError: own"),
    log: { routerError: "own" },
  }),
  // Redaction.
  redacted("all", "GET /p?query=value&a=1 HTTP/1.1", "GET /p HTTP/1.1", "all: the query is gone"),
  redacted("all", "GET /p? HTTP/1.1", "GET /p? HTTP/1.1", "all: an empty query stays"),
  redacted("all", "POST /p?a=1 HTTP/1.1", "POST /p?a=1 HTTP/1.1", "all: only GET"),
  redacted("hash", "GET /p?query=value&a=1 HTTP/1.1", `GET /p?hash=${sha} HTTP/1.1`, "hash: SHA-1 of the raw query"),
  redacted("hash", "HEADX /p?a=1 HTTP/1.1", "HEADX /p?a=1 HTTP/1.1", "hash: only GET"),
  redacted("hash", "GET /p HTTP/1.1", "GET /p HTTP/1.1", "hash: no query"),
  redacted("none", "GET /p?a=1 HTTP/1.1", "GET /p?a=1 HTTP/1.1", "none"),
  // Switches.
  logged("disable_log_forwarded_for", {
    section: "data-plane §9.2",
    config: logging({ disable_log_forwarded_for: true }),
    lines: ["X-Forwarded-For: 9.9.9.9"],
    log: { forwardedFor: "-" },
  }),
  logged("disable_log_source_ip", { config: logging({ disable_log_source_ip: true }), log: { client: "-" } }),
  // Extra headers.
  logged("extra headers: names, first values, the client's own", {
    section: "data-plane §9.3",
    config: headers,
    lines: ["X-Foo: one", "X-Foo: two", "X-Bar-Baz: b", "X-Forwarded-For: 9.9.9.9", "Cookie: a=b"],
    log: { forwardedFor: "9.9.9.9, 127.0.0.1", headers: extra('"one"', '"b"', '"9.9.9.9"', '"a=b"') },
  }),
  logged("extra headers: absent ones", {
    section: "data-plane §9.3",
    config: headers,
    log: { headers: extra(none, none, none, none) },
  }),
  logged("extra headers: quoted, and those named in Connection too", {
    section: "data-plane §9.3",
    config: headers,
    lines: ['X-Foo: a"b', "Connection: X-Foo"],
    log: { headers: extra('"a\\"b"', none, none, none) },
  }),
  logged("extra headers: what Go's server takes out of the header set is never there", {
    section: "data-plane §9.3",
    config: { extra_headers_to_log: ["Host", "Transfer-Encoding", "Trailer", "Content-Length", "Connection"] },
    start: "POST / HTTP/1.1",
    lines: ["Transfer-Encoding: chunked", "Trailer: X-T", "Connection: X-Foo"],
    body: "0\r\n\r\n",
    log: { headers: 'host:"-" transfer_encoding:"-" trailer:"-" content_length:"-" connection:"X-Foo"' },
  }),
  {
    name: "extra headers of an unroutable request",
    section: "data-plane §9.3",
    config: headers,
    send: message(["GET / HTTP/1.1", "Host: none.test", "X-Foo: 1"]),
    expect: message(
      [
        "HTTP/1.1 404 Not Found",
        "Cache-Control: no-cache, no-store",
        "Content-Type: text/plain; charset=utf-8",
        "X-Cf-Routererror: unknown_route",
        "X-Content-Type-Options: nosniff",
        "Date: {date}",
        "Content-Length: 61",
      ],
      "404 Not Found: Requested route ('none.test') does not exist.\n",
    ),
    log: ownLogLine({
      host: "none.test",
      request: "GET / HTTP/1.1",
      status: 404,
      out: 61,
      routerError: "unknown_route",
      headers: extra('"1"', none, none, none),
    }),
  },
  {
    name: "extra headers, then zipkin's, then W3C's; another spelling comes twice",
    section: "data-plane §9.3",
    config: {
      extra_headers_to_log: ["X-B3-TraceID"],
      tracing: { enable_zipkin: true, enable_w3c: true },
    },
    send: message([
      "GET / HTTP/1.1",
      "Host: a.b",
      "X-B3-TraceId: 463ac35c9f6413ad48485a3953bb6124",
      "X-B3-SpanId: a2fb4a1d1a96d312",
      "traceparent: 00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-01",
    ]),
    upstream: [{}],
    expect: okToClient(),
    log: logLine({
      headers:
        'x_b3_traceid:"463ac35c9f6413ad48485a3953bb6124" x_b3_traceid:"463ac35c9f6413ad48485a3953bb6124" x_b3_spanid:"{any}" x_b3_parentspanid:"{any}" b3:"{any}" traceparent:"{any}" tracestate:"{any}"',
    }),
  },
  // Endpoints.
  {
    name: "an endpoint without ids",
    section: "data-plane §9.2",
    routes: [{ uris: ["x.com"] }],
    send: message(["GET / HTTP/1.1", "Host: x.com"]),
    upstream: [
      {
        message: toMain("GET / HTTP/1.1", ["Host: x.com"])
          .replace("app-guid", "")
          .replace("inst-1", "{backend}")
          .replace("Instanceindex: 0", "Instanceindex: "),
      },
    ],
    expect: okToClient(),
    log: logLine({ host: "x.com", app: "-", index: "-", instance: "-" }),
  },
  {
    name: "ids are quoted",
    section: "data-plane §9.2",
    routes: [{ uris: ["x.com"], fields: { app: 'a"p', private_instance_id: "i\u00e9", private_instance_index: "\\" } }],
    send: message(["GET / HTTP/1.1", "Host: x.com"]),
    upstream: [{}],
    expect: okToClient(),
    log: logLine({ host: "x.com", app: 'a\\"p', index: "\\\\", instance: "i\xc3\xa9" }),
  },
  {
    name: "two pipelined requests have two lines",
    section: "data-plane §9.1",
    send: message(["GET /1 HTTP/1.1", "Host: a.b"]) + message(["GET /2 HTTP/1.1", "Host: a.b"]),
    upstream: [{}, {}],
    expect: okToClient() + okToClient().replace("{id}", "{uuid}"),
    log: [logLine({ request: "GET /1 HTTP/1.1" }), logLine({ request: "GET /2 HTTP/1.1", id: "{uuid}" })],
  },
  {
    name: "what the server refuses itself has none",
    section: "data-plane §9.1, §1.2",
    send: "GET / HTTP/1.1\r\nHost : a.b\r\n\r\n",
    expect:
      "HTTP/1.1 400 Bad Request: invalid header name\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request: invalid header name",
    closes: true,
    log: null,
  },
  {
    name: "a HEAD has no response bytes",
    section: "data-plane §9.2",
    send: message(["HEAD / HTTP/1.1", "Host: a.b"]),
    reply: message(["HTTP/1.1 200 OK", "Content-Length: 99"]),
    upstream: [{}],
    expect: message(["HTTP/1.1 200 OK", "Content-Length: 99", "X-Vcap-Request-Id: {id}", "Date: {date}"]),
    log: logLine({ request: "HEAD / HTTP/1.1", out: 0 }),
  },
];
