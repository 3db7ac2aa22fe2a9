import { type GoldenCase, logLine, message, okToClient, ownLogLine, toMain } from "./case.ts";

const started = "GET / HTTP/1.1";
const get = (lines: readonly string[] = [], target = "/", host = "a.b"): string =>
  message([`GET ${target} HTTP/1.1`, `Host: ${host}`, ...lines]);

/** A `GET /` with these lines that reaches the backend with those. */
function passes(
  section: string,
  name: string,
  sent: readonly string[],
  upstream: readonly string[],
  log: Parameters<typeof logLine>[0] = {},
  config?: GoldenCase["config"],
): GoldenCase {
  return {
    name,
    section: `data-plane §${section}`,
    ...(config === undefined ? {} : { config }),
    send: get(sent),
    upstream: toMain(started, upstream),
    expect: okToClient(),
    log: logLine(log),
  };
}

const monitor = "HTTP-Monitor/1.1";
const healthy = message(
  ["HTTP/1.1 200 OK", "Cache-Control: private, max-age=0", "Expires: 0", "Date: {date}", "Content-Length: 3"],
  "ok\n",
);

const filter = {
  hop_by_hop_headers_to_filter: [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "B3",
    "X-B3",
    "X-B3-SpanID",
    "X-B3-TraceID",
    "X-Request-Start",
    "X-Forwarded-Client-Cert",
  ],
};
const rewrite = {
  http_rewrite: {
    responses: {
      add_headers_if_not_present: [
        { name: "X-Frame-Options", value: "DENY" },
        { name: "x-two", value: "1" },
        { name: "X-Two", value: "2" },
      ],
      remove_headers: [{ name: "X-Secret" }, { name: "server" }],
    },
  },
};
const added = ["X-Frame-Options: DENY", "X-Two: 1", "X-Two: 2"];

const https = { force_forwarded_proto_https: true };
const sanitized = { sanitize_forwarded_proto: true, forwarded_client_cert: "forward" };
const sanitizeSet = { forwarded_client_cert: "sanitize_set" };

/** A case of `X-Forwarded-Proto`: the lines sent on and, by that, the log's field. */
const proto = (
  name: string,
  sent: readonly string[],
  to: readonly string[],
  log: string,
  config?: GoldenCase["config"],
) => passes("1.4.15", name, sent, to, { forwardedProto: log }, config);

const hop = (name: string, sent: readonly string[], to: readonly string[], log?: Parameters<typeof logLine>[0]) =>
  passes("1.4.14", name, sent, to, log, filter);

export const cases: readonly GoldenCase[] = [
  // Request id
  passes("1.4.6", "a client's request id is overwritten", ["X-Vcap-Request-Id: mine"], []),
  passes("1.4.6", "several request ids become one", ["X-Vcap-Request-Id: a", "x-vcap-request-id: b"], []),
  {
    ...passes("1.4.6", "each request has its own", [], []),
    next: [{ send: get(), upstream: toMain(started), expect: okToClient(), log: logLine() }],
  },
  // Identity headers
  passes(
    "1.4.7",
    "identity headers of a client are replaced",
    ["X-CF-ApplicationID: a", "X-Cf-InstanceID: b", "x-cf-instanceindex: 9", "X-CF-InstanceIndex: 10"],
    [],
  ),
  // Semicolons
  {
    ...passes("1.4.8", "semicolon in the query", [], []),
    send: get([], "/?a;b"),
    upstream: toMain("GET /?a;b HTTP/1.1"),
    log: logLine({ request: "GET /?a;b HTTP/1.1", routerError: "deprecated-semicolon-params" }),
    logged: [
      {
        message: "deprecated-semicolon-params",
        level: 2,
        data: '{"trace-id":"{hex32}","span-id":"{hex16}","vcap_request_id":"{id}"}',
      },
    ],
  },
  {
    ...passes("1.4.8", "semicolon in the path", [], []),
    send: get([], "/a;b"),
    upstream: toMain("GET /a;b HTTP/1.1"),
    log: logLine({ request: "GET /a;b HTTP/1.1", routerError: "deprecated-semicolon-params" }),
  },
  {
    name: "semicolon and another router error: the log has the first",
    section: "data-plane §1.4.8",
    send: get([], "/?a;b", "nope"),
    expect: message(
      [
        "HTTP/1.1 404 Not Found",
        "Cache-Control: no-cache, no-store",
        "Content-Type: text/plain; charset=utf-8",
        "X-Cf-Routererror: unknown_route",
        "X-Content-Type-Options: nosniff",
        "Date: {date}",
        "Content-Length: 56",
      ],
      "404 Not Found: Requested route ('nope') does not exist.\n",
    ),
    log: ownLogLine({
      host: "nope",
      request: "GET /?a;b HTTP/1.1",
      status: 404,
      out: 56,
      routerError: "unknown_route",
    }),
  },
  {
    ...passes("1.4.8", "an escaped semicolon is none", [], []),
    send: get([], "/?a%3Bb"),
    upstream: toMain("GET /?a%3Bb HTTP/1.1"),
    log: logLine({ request: "GET /?a%3Bb HTTP/1.1" }),
  },
  // Rewriting of response headers
  {
    ...passes("1.4.9", "a backend's answer: removed, added", [], []),
    config: rewrite,
    reply: message(["HTTP/1.1 200 OK", "x-secret: 1", "Server: s", "X-Secret: 2", "Content-Length: 2"], "ok"),
    expect: okToClient(...added),
  },
  {
    ...passes("1.4.9", "what is there is not added", [], []),
    config: rewrite,
    reply: message(["HTTP/1.1 200 OK", "x-frame-options: SAMEORIGIN", "X-two:", "Content-Length: 2"], "ok"),
    expect: okToClient("X-Frame-Options: SAMEORIGIN", "X-Two:"),
  },
  {
    ...passes("1.4.9", "X-CF-Proxy-Signature is always removed", [], []),
    reply: message(["HTTP/1.1 200 OK", "X-Cf-Proxy-Signature: s", "X-Cf-Proxy-Metadata: m", "Content-Length: 2"], "ok"),
    expect: okToClient("X-Cf-Proxy-Metadata: m"),
  },
  {
    name: "own errors too",
    section: "data-plane §1.4.9",
    config: rewrite,
    send: get([], "/", "nope"),
    expect: message(
      [
        "HTTP/1.1 404 Not Found",
        "Cache-Control: no-cache, no-store",
        "Content-Type: text/plain; charset=utf-8",
        "X-Cf-Routererror: unknown_route",
        "X-Content-Type-Options: nosniff",
        ...added,
        "Date: {date}",
        "Content-Length: 56",
      ],
      "404 Not Found: Requested route ('nope') does not exist.\n",
    ),
    log: ownLogLine({ host: "nope", status: 404, out: 56, routerError: "unknown_route" }),
  },
  {
    ...passes("1.4.9", "interim answers too", [], []),
    config: rewrite,
    reply: [
      "request",
      message(["HTTP/1.1 103 Early Hints", "Link: </a>", "X-Secret: 1"]),
      message(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok"),
    ],
    expect: message(["HTTP/1.1 103 Early Hints", "Link: </a>", ...added]) + okToClient(...added),
  },
  {
    name: "not the raw answers",
    section: "data-plane §1.4.9",
    config: rewrite,
    send: "GET / HTTP/1.1\r\n\r\n",
    expect: message(
      [
        "HTTP/1.1 400 Bad Request: missing required Host header",
        "Content-Type: text/plain; charset=utf-8",
        "Connection: close",
      ],
      "400 Bad Request: missing required Host header",
    ),
    closes: true,
    log: null,
  },
  {
    ...passes("1.4.9", "an added Content-Type never takes effect", [], []),
    config: {
      http_rewrite: { responses: { add_headers_if_not_present: [{ name: "Content-Type", value: "text/x" }] } },
    },
  },
  {
    ...passes("1.4.9", "a removed Date is the router's own then", [], []),
    config: { http_rewrite: { responses: { remove_headers: [{ name: "Date" }] } } },
    reply: message(["HTTP/1.1 200 OK", "Date: yesterday", "Content-Length: 2"], "ok"),
  },
  // Health check
  {
    name: "health check on an unknown host",
    section: "data-plane §1.4.10",
    send: get([`User-Agent: ${monitor}`], "/any", "nope"),
    expect: healthy,
    log: ownLogLine({ host: "nope", request: "GET /any HTTP/1.1", status: 200, out: 3, userAgent: monitor }),
  },
  {
    name: "health check by HEAD on a known host",
    section: "data-plane §1.4.10",
    send: message(["HEAD / HTTP/1.1", "Host: a.b", `User-Agent: ${monitor}`]),
    expect: healthy.replace("\r\n\r\nok\n", "\r\n\r\n"),
    log: ownLogLine({ request: "HEAD / HTTP/1.1", status: 200, out: 3, userAgent: monitor }),
  },
  {
    name: "health check without Host",
    section: "data-plane §1.4.10",
    send: message(["GET / HTTP/1.0", `User-Agent: ${monitor}`]),
    expect: healthy.replace("HTTP/1.1", "HTTP/1.0"),
    closes: true,
    log: ownLogLine({ host: "", request: "GET / HTTP/1.0", status: 200, out: 3, userAgent: monitor }),
  },
  passes(
    "1.4.10",
    "another case is no health check",
    ["User-Agent: http-monitor/1.1"],
    ["User-Agent: http-monitor/1.1"],
    {
      userAgent: "http-monitor/1.1",
    },
  ),
  passes("1.4.10", "a longer one is no health check", [`User-Agent: ${monitor}x`], [`User-Agent: ${monitor}x`], {
    userAgent: `${monitor}x`,
  }),
  {
    name: "with an empty setting, requests without User-Agent are health checks",
    section: "data-plane §1.4.10",
    config: { healthcheck_user_agent: "" },
    send: get(),
    expect: healthy,
    log: ownLogLine({ status: 200, out: 3 }),
  },
  // X-Forwarded-Client-Cert without TLS
  passes("1.4.13", "always_forward: untouched", ["X-Forwarded-Client-Cert: c"], ["X-Forwarded-Client-Cert: c"]),
  passes("1.4.13", "forward: removed", ["X-Forwarded-Client-Cert: c", "x-forwarded-client-cert: d"], [], {}, sanitized),
  passes("1.4.13", "sanitize_set: removed", ["X-Forwarded-Client-Cert: c"], [], {}, sanitizeSet),
  passes("1.4.13", "sanitize_set: nothing to remove", [], [], {}, sanitizeSet),
  // Hop-by-hop filter
  hop(
    "a name in Connection is protected",
    ["Connection: X-Forwarded-For, close-not", "X-Forwarded-For: 1.2.3.4"],
    ["X-Forwarded-For: 1.2.3.4, 127.0.0.1"],
    { forwardedFor: "1.2.3.4, 127.0.0.1" },
  ),
  hop(
    "without regard to case",
    ["Connection: x-FORWARDED-proto", "X-Forwarded-Proto: https"],
    ["X-Forwarded-Proto: https"],
    {
      forwardedProto: "https",
    },
  ),
  hop(
    "in several lines",
    ["Connection: keep-alive", "Connection: X-Request-Start", "X-Request-Start: 5"],
    ["X-Request-Start: 5"],
  ),
  hop(
    "others are removed still",
    ["Connection: X-Foo, X-B3-TraceID", "X-Foo: 1", "X-B3-TraceID: t"],
    ["X-B3-TraceID: t"],
  ),
  hop(
    "a protected client certificate",
    ["Connection: X-Forwarded-Client-Cert", "X-Forwarded-Client-Cert: c"],
    ["X-Forwarded-Client-Cert: c"],
  ),
  passes(
    "1.4.14",
    "unprotected: X-Forwarded-For starts anew",
    ["Connection: X-Forwarded-For", "X-Forwarded-For: 1.2.3.4"],
    [],
  ),
  {
    ...passes("1.4.14", "unprotected: X-Forwarded-Proto is lost", [], []),
    send: get(["Connection: X-Forwarded-Proto", "X-Forwarded-Proto: https"]),
    upstream: toMain(started).replace("X-Forwarded-Proto: http\r\n", ""),
    log: logLine({ forwardedProto: "-" }),
  },
  {
    ...passes("1.4.14", "unprotected: X-Request-Start is lost", [], []),
    send: get(["Connection: X-Request-Start", "X-Request-Start: 5"]),
    upstream: toMain(started).replace("X-Request-Start: {ms}\r\n", ""),
  },
  {
    ...passes("1.4.14", "unprotected: a fresh X-Request-Start named in Connection", [], []),
    send: get(["Connection: X-Request-Start"]),
  },
  passes(
    "1.4.14",
    "unprotected: Authorization and User-Agent are removed",
    ["Connection: Authorization, User-Agent", "Authorization: Basic eA==", "User-Agent: u"],
    [],
  ),
  passes("1.4.14", "identity headers cannot be removed", ["Connection: X-Cf-Applicationid, X-Cf-Instanceid"], []),
  passes("1.4.14", "the request id cannot be removed", ["Connection: X-Vcap-Request-Id"], []),
  passes("1.4.14", "Host cannot be removed", ["Connection: X-A, host", "X-A: 1"], []),
  // X-Forwarded-Proto
  proto("absent: the connection's", [], ["X-Forwarded-Proto: http"], "http"),
  proto("empty counts as absent", ["X-Forwarded-Proto:"], ["X-Forwarded-Proto: http"], "http"),
  proto("as received", ["X-Forwarded-Proto: https"], ["X-Forwarded-Proto: https"], "https"),
  proto("anything as received", ["X-Forwarded-Proto: potatoe"], ["X-Forwarded-Proto: potatoe"], "potatoe"),
  proto(
    "several lines as received",
    ["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"],
    ["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"],
    "https",
  ),
  proto("forced, absent", [], ["X-Forwarded-Proto: https"], "https", https),
  proto(
    "forced, several lines become one",
    ["X-Forwarded-Proto: a", "X-Forwarded-Proto: b"],
    ["X-Forwarded-Proto: https"],
    "https",
    https,
  ),
  proto("sanitized", ["X-Forwarded-Proto: https"], ["X-Forwarded-Proto: http"], "http", sanitized),
  proto(
    "sanitized, several lines become one",
    ["X-Forwarded-Proto: a", "X-Forwarded-Proto: b"],
    ["X-Forwarded-Proto: http"],
    "http",
    sanitized,
  ),
];
