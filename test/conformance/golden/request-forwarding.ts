import { type GoldenCase, logLine, message, okToClient, toMain } from "./case.ts";

/** A request with these lines; what reaches the backend instead of them. */
function passes(
  section: string,
  name: string,
  sent: readonly string[],
  upstream: readonly string[],
  log: Parameters<typeof logLine>[0] = {},
): GoldenCase {
  return {
    name,
    section: `data-plane §${section}`,
    send: message(["GET / HTTP/1.1", "Host: a.b", ...sent]),
    upstream: toMain("GET / HTTP/1.1", upstream),
    expect: okToClient(),
    log: logLine(log),
  };
}

/** A target that has to arrive byte for byte. */
function target(name: string, text: string, logged = text): GoldenCase {
  const semicolon = text.includes(";") ? { routerError: "deprecated-semicolon-params" } : {};
  return {
    name,
    section: "data-plane §5.1",
    send: message([`GET ${text} HTTP/1.1`, "Host: a.b"]),
    upstream: toMain(`GET ${text} HTTP/1.1`),
    expect: okToClient(),
    log: logLine({ request: `GET ${logged} HTTP/1.1`, ...semicolon }),
  };
}

/** A request with a body, and the framing lines and body it has at the backend. */
function body(
  name: string,
  method: string,
  sent: readonly string[],
  text: string,
  upstream: readonly string[],
  arriving: string,
  length: number,
): GoldenCase {
  return {
    name,
    section: "data-plane §5.4",
    send: message([`${method} / HTTP/1.1`, "Host: a.b", ...sent], text),
    upstream: toMain(`${method} / HTTP/1.1`, upstream, arriving),
    expect: okToClient(),
    log: logLine({ request: `${method} / HTTP/1.1`, in: length }),
  };
}

const chunked = ["Transfer-Encoding: chunked"];
const cases51: readonly GoldenCase[] = [
  target("escapes, dots, slashes inside", "/a%2Fb/%7e/../c//d/.?x=%2f"),
  target("lower-case and upper-case escapes", "/%c3%A9"),
  target("fragment", "/p#frag?x", "/p%23frag?x"),
  target("lone question mark", "/p?"),
  target("two question marks", "/p??a?b"),
  target("semicolons", "/a;b?c;d=1"),
  target("quotes and brackets", '/"{}[]^|`<>\\', "/%22%7B%7D%5B%5D%5E%7C%60%3C%3E%5C"),
  {
    name: "two slashes in front: in absolute form (path and query byte for byte: docs/differences.md)",
    section: "data-plane §5.1",
    send: message(["GET //foo/b%2Fr?b=2&a=1;q&c=%zz HTTP/1.1", "Host: A.b:80"]),
    upstream: toMain("GET http://A.b:80//foo/b%2Fr?b=2&a=1;q&c=%zz HTTP/1.1", ["Host: A.b:80"]),
    expect: okToClient(),
    log: logLine({
      host: "A.b:80",
      request: "GET //foo/b%2Fr?b=2&a=1;q&c=%zz HTTP/1.1",
      routerError: "deprecated-semicolon-params",
    }),
  },
  target("high bytes", "/\xc3\xa9?\xff", "/%C3%A9?\\xff"),
  {
    name: "HTTP/1.0 becomes HTTP/1.1",
    section: "data-plane §5.1",
    send: message(["GET / HTTP/1.0", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    expect: okToClient().replace("HTTP/1.1", "HTTP/1.0"),
    closes: true,
    log: logLine({ request: "GET / HTTP/1.0" }),
  },
  {
    name: "HTTP/1.0 that stays open",
    section: "data-plane §5.5",
    send: message(["GET / HTTP/1.0", "Host: a.b", "Connection: keep-alive"]),
    upstream: toMain("GET / HTTP/1.1"),
    expect: okToClient("Connection: keep-alive").replace("HTTP/1.1", "HTTP/1.0"),
    log: logLine({ request: "GET / HTTP/1.0" }),
  },
  {
    name: "HTTP/1.1 with Connection: close",
    section: "data-plane §5.5",
    send: message(["GET / HTTP/1.1", "Host: a.b", "Connection: close"]),
    upstream: toMain("GET / HTTP/1.1"),
    expect: okToClient("Connection: close"),
    closes: true,
    log: logLine(),
  },
  {
    name: "spelling of Host is kept",
    section: "data-plane §5.1",
    send: message(["GET / HTTP/1.1", "Host: A.B:080"]),
    upstream: toMain("GET / HTTP/1.1", ["Host: A.B:080"]),
    expect: okToClient(),
    log: logLine({ host: "A.B:080" }),
  },
  {
    name: "Connection: close to the backend with disable_keep_alives",
    section: "data-plane §5.3",
    config: { disable_keep_alives: true },
    send: message(["GET / HTTP/1.1", "Host: a.b", "Connection: keep-alive"]),
    upstream: toMain("GET / HTTP/1.1", ["Connection: close"]),
    expect: okToClient(),
    log: logLine(),
  },
];

const cases53: readonly GoldenCase[] = [
  passes("5.3", "X-Forwarded-For is continued", ["X-Forwarded-For: 1.2.3.4"], ["X-Forwarded-For: 1.2.3.4, 127.0.0.1"], {
    forwardedFor: "1.2.3.4, 127.0.0.1",
  }),
  passes(
    "5.3",
    "X-Forwarded-For lines are joined",
    ["X-Forwarded-For: 1.2.3.4, 5.6.7.8", "x-forwarded-for: ::1"],
    ["X-Forwarded-For: 1.2.3.4, 5.6.7.8, ::1, 127.0.0.1"],
    { forwardedFor: "1.2.3.4, 5.6.7.8, ::1, 127.0.0.1" },
  ),
  passes("5.3", "an empty X-Forwarded-For counts", ["X-Forwarded-For:"], ["X-Forwarded-For: , 127.0.0.1"], {
    forwardedFor: ", 127.0.0.1",
  }),
  passes("5.3", "X-Request-Start is kept", ["X-Request-Start: t=1"], ["X-Request-Start: t=1"]),
  passes("5.3", "an empty X-Request-Start is present", ["X-Request-Start:"], ["X-Request-Start:"]),
  passes(
    "5.3",
    "other forwarding headers pass",
    ["Forwarded: for=1", "X-Forwarded-Host: h", "X-Forwarded-Port: 1", "X-Real-Ip: 1.1.1.1"],
    ["Forwarded: for=1", "X-Forwarded-Host: h", "X-Forwarded-Port: 1", "X-Real-Ip: 1.1.1.1"],
  ),
  passes(
    "5.3",
    "route service headers pass on a route without one",
    ["X-CF-Forwarded-Url: http://u", "X-CF-Proxy-Metadata: m"],
    ["X-CF-Forwarded-Url: http://u", "X-CF-Proxy-Metadata: m"],
  ),
  passes("5.3", "the debug header passes", ["X-Vcap-Trace: 22"], ["X-Vcap-Trace: 22"]),
  passes(
    "5.3",
    "user agent, encodings, cookies, credentials pass",
    [
      "User-Agent: u/1",
      "Accept-Encoding: gzip, br",
      "Cookie: a=1; b=2",
      "Cookie: c=3",
      "Authorization: Basic eA==",
      "Referer: http://r",
    ],
    [
      "User-Agent: u/1",
      "Accept-Encoding: gzip, br",
      "Cookie: a=1; b=2",
      "Cookie: c=3",
      "Authorization: Basic eA==",
      "Referer: http://r",
    ],
    { userAgent: "u/1", referer: "http://r" },
  ),
  passes(
    "5.3",
    "hop-by-hop headers are removed",
    [
      "Connection: keep-alive",
      "Proxy-Connection: keep-alive",
      "Keep-Alive: timeout=5",
      "Proxy-Authenticate: Basic",
      "Proxy-Authorization: Basic eA==",
      "Te: gzip",
      "Trailer: X-T",
      "Upgrade: h2c",
    ],
    [],
  ),
  passes(
    "5.3",
    "headers named in Connection are removed, names without regard to case",
    ["Connection: x-FOO , X-Bar", "Connection: X-Baz", "X-Foo: 1", "X-Foo: 2", "X-Bar: 3", "X-Baz: 4", "X-Qux: 5"],
    ["X-Qux: 5"],
  ),
  passes("5.3", "Te: trailers is kept alone", ["Te: deflate, Trailers;q=0.5, trailers"], ["Te: trailers"]),
  passes("5.3", "Te named in Connection is kept as well", ["Connection: TE", "TE: trailers"], ["Te: trailers"]),
  passes("5.3", "blanks around values are trimmed", ["X-A:   v \t "], ["X-A: v"]),
  passes("5.3", "repeated names stay in order", ["X-A: 1", "X-B: 2", "x-a: 3"], ["X-A: 1", "X-B: 2", "X-A: 3"]),
  passes(
    "5.3",
    "If-None-Match, Range and unknown headers pass",
    ['If-None-Match: W/"x"', "Range: bytes=0-1", "x_foo: 1"],
    ['If-None-Match: W/"x"', "Range: bytes=0-1", "x_foo: 1"],
  ),
  {
    name: "an endpoint without application and instance ids",
    section: "data-plane §5.3",
    routes: [{ uris: ["bare.x"], backend: "bare" }],
    send: message(["GET / HTTP/1.1", "Host: bare.x"]),
    upstream: [
      {
        at: "bare",
        message: message([
          "GET / HTTP/1.1",
          "Host: bare.x",
          "X-Cf-Applicationid:",
          "X-Cf-Instanceid: {backend:bare}",
          "X-Cf-Instanceindex:",
          "X-Forwarded-For: 127.0.0.1",
          "X-Forwarded-Proto: http",
          "X-Request-Start: {ms}",
          "X-Vcap-Request-Id: {id}",
        ]),
      },
    ],
    expect: okToClient(),
    log: logLine({ host: "bare.x", backend: "{backend:bare}", app: "-", index: "-", instance: "-" }),
  },
];

const badBody = message(
  [
    "HTTP/1.1 400 Bad Request",
    "Content-Type: text/plain; charset=utf-8",
    "X-Cf-Routererror: endpoint_failure (invalid byte in chunk length)",
    "X-Content-Type-Options: nosniff",
    "Date: {date}",
    "Content-Length: 40",
    "Connection: close",
  ],
  "400 Bad Request: Malformed request body\n",
);
const badBodyLog = (length = 0): string =>
  logLine({
    request: "POST / HTTP/1.1",
    status: 400,
    in: length,
    out: 40,
    routerError: "endpoint_failure (invalid byte in chunk length)",
  });

const cases54: readonly GoldenCase[] = [
  body("Content-Length", "POST", ["Content-Length: 5"], "hello", ["Content-Length: 5"], "hello", 5),
  body("chunked", "POST", chunked, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", chunked, "5\r\nhello\r\n0\r\n\r\n", 5),
  body(
    "chunked, written in capitals",
    "PUT",
    ["TRANSFER-ENCODING: Chunked"],
    "1\r\nx\r\n0\r\n\r\n",
    chunked,
    "1\r\nx\r\n0\r\n\r\n",
    1,
  ),
  body("chunked and empty", "POST", chunked, "0\r\n\r\n", chunked, "0\r\n\r\n", 0),
  body(
    "chunk extensions are dropped",
    "POST",
    chunked,
    "2;a=b\r\nhe\r\n0;c\r\n\r\n",
    chunked,
    "2\r\nhe\r\n0\r\n\r\n",
    2,
  ),
  ...["POST", "PUT", "PATCH"].flatMap((method) => [
    body(`${method} without a body`, method, [], "", ["Content-Length: 0"], "", 0),
    body(`${method} with length 0`, method, ["Content-Length: 0"], "", ["Content-Length: 0"], "", 0),
  ]),
  body("DELETE without a body", "DELETE", [], "", [], "", 0),
  body("DELETE with length 0", "DELETE", ["Content-Length: 0"], "", [], "", 0),
  body("GET with length 0", "GET", ["Content-Length: 0"], "", [], "", 0),
  body("OPTIONS without a body", "OPTIONS", [], "", [], "", 0),
  body("GET with a body", "GET", ["Content-Length: 2"], "xy", ["Content-Length: 2"], "xy", 2),
  body("DELETE with a body", "DELETE", ["Content-Length: 2"], "xy", ["Content-Length: 2"], "xy", 2),
  body("GET with a chunked body", "GET", chunked, "1\r\nx\r\n0\r\n\r\n", chunked, "1\r\nx\r\n0\r\n\r\n", 1),
  body("bytes of every value", "POST", ["Content-Length: 4"], "\x00\r\n\xff", ["Content-Length: 4"], "\x00\r\n\xff", 4),
  body(
    "announced trailers are announced, their values are lost",
    "POST",
    [...chunked, "Trailer: X-Sum"],
    "1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n",
    [...chunked, "Trailer: X-Sum"],
    "1\r\nx\r\n0\r\n\r\n",
    1,
  ),
  body(
    "trailers that were not announced vanish",
    "POST",
    chunked,
    "1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n",
    chunked,
    "1\r\nx\r\n0\r\n\r\n",
    1,
  ),
  {
    ...body("a body in pieces", "POST", ["Content-Length: 6"], "", ["Content-Length: 6"], "abcdef", 6),
    send: [message(["POST / HTTP/1.1", "Host: a.b", "Content-Length: 6"], "ab"), "cd", "ef"],
  },
  {
    name: "a bad chunk size is the client's mistake (docs/differences.md)",
    section: "architecture §8",
    send: message(["POST / HTTP/1.1", "Host: a.b", ...chunked], "zz\r\nhe\r\n0\r\n\r\n"),
    expect: badBody,
    closes: true,
    log: badBodyLog(),
  },
  {
    name: "a bad chunk size after a good chunk: the backend never sees a complete message",
    section: "architecture §8",
    send: [
      message(["POST / HTTP/1.1", "Host: a.b", ...chunked], "2\r\nhe\r\n"),
      { until: "103 Early Hints\r\n\r\n" },
      "zz\r\n",
    ],
    upstream: toMain("POST / HTTP/1.1", chunked, "2\r\nhe\r\n"),
    reply: [{ until: "he\r\n" }, "HTTP/1.1 103 Early Hints\r\n\r\n", "closed"],
    expect: `HTTP/1.1 103 Early Hints\r\n\r\n${badBody}`,
    closes: true,
    log: badBodyLog(2),
  },
];
export const cases: readonly GoldenCase[] = [...cases51, ...cases53, ...cases54];
