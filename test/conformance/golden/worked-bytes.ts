import { errorPage, type GoldenCase, logLine, message, okToClient, ownLogLine, toMain } from "./case.ts";

const identity = ["X-Cf-Applicationid: app", "X-Cf-Instanceid: ib", "X-Cf-Instanceindex: 0"];
const route = {
  uris: ["x.com/ctx"],
  backend: "own",
  fields: { app: "app", private_instance_id: "ib", private_instance_index: "0" },
};

/** Data-plane §13.4: the lines a backend sends, and those the client gets behind them. */
function sticky(
  name: string,
  sent: readonly string[],
  added: string | undefined,
  request: readonly string[] = [],
  config?: GoldenCase["config"],
): GoldenCase {
  return {
    name,
    section: "data-plane §13.4",
    ...(config === undefined ? {} : { config }),
    routes: [route],
    send: message(["GET /ctx/p HTTP/1.1", "Host: x.com", ...request]),
    upstream: [
      {
        at: "own",
        message: message([
          "GET /ctx/p HTTP/1.1",
          "Host: x.com",
          ...request,
          ...identity,
          "X-Forwarded-For: 127.0.0.1",
          "X-Forwarded-Proto: http",
          "X-Request-Start: {ms}",
          "X-Vcap-Request-Id: {id}",
        ]),
      },
    ],
    reply: message(["HTTP/1.1 200 OK", ...sent, "Content-Length: 2"], "ok"),
    expect: okToClient(...sent, ...(added === undefined ? [] : [`Set-Cookie: ${added}`])),
    log: logLine({
      host: "x.com",
      request: "GET /ctx/p HTTP/1.1",
      backend: "{backend:own}",
      app: "app",
      instance: "ib",
    }),
  };
}

export const cases: readonly GoldenCase[] = [
  {
    name: "a request with everything",
    section: "data-plane §13.1",
    config: { extra_headers_to_log: ["X-Foo"] },
    send: message([
      "GET /a%2Fb;c=1?x=1;y=2&z#frag HTTP/1.1",
      "Host: a.b:8080",
      "X-Foo: bar",
      "Accept: */*",
      "X-CF-ApplicationID: spoof",
      "Connection: X-Foo, keep-alive",
      "te: trailers, deflate",
    ]),
    upstream: toMain("GET /a%2Fb;c=1?x=1;y=2&z#frag HTTP/1.1", ["Host: a.b:8080", "Accept: */*", "Te: trailers"]),
    expect: okToClient(),
    log: logLine({
      host: "a.b:8080",
      request: "GET /a%2Fb;c=1?x=1;y=2&z#frag HTTP/1.1",
      routerError: "deprecated-semicolon-params",
      headers: 'x_foo:"bar"',
    }),
  },
  {
    name: "an unknown route",
    section: "data-plane §13.2",
    send: message(["GET / HTTP/1.1", "Host: nope.com"]),
    expect: errorPage(
      "404 Not Found",
      "unknown_route",
      "no-cache, no-store",
      "Requested route ('nope.com') does not exist.",
    ),
    log: ownLogLine({ host: "nope.com", status: 404, out: 60, routerError: "unknown_route" }),
  },
  {
    name: "a backend that closes without an answer",
    section: "data-plane §13.2",
    config: { disable_keep_alives: true },
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1", ["Connection: close"]),
    reply: ["request", "close"],
    expect: message(
      [
        "HTTP/1.1 502 Bad Gateway",
        "Content-Type: text/plain; charset=utf-8",
        "X-Cf-Routererror: endpoint_failure (EOF)",
        "X-Content-Type-Options: nosniff",
        "Date: {date}",
        "Content-Length: 67",
      ],
      "502 Bad Gateway: Registered endpoint failed to handle the request.\n",
    ),
    log: logLine({ status: 502, out: 67, routerError: "endpoint_failure (EOF)" }),
    logged: [{ message: "backend-endpoint-failed", level: 3 }],
  },
  {
    name: "a backend that refuses",
    section: "data-plane §2.3",
    routes: [{ uris: ["dead.x"], backend: "dead", refuses: true }],
    send: message(["GET / HTTP/1.1", "Host: dead.x"]),
    expect: message(
      [
        "HTTP/1.1 502 Bad Gateway",
        "Content-Type: text/plain; charset=utf-8",
        "X-Cf-Routererror: endpoint_failure (dial tcp {backend:dead}: connect: connection refused)",
        "X-Content-Type-Options: nosniff",
        "Date: {date}",
        "Content-Length: 67",
      ],
      "502 Bad Gateway: Registered endpoint failed to handle the request.\n",
    ),
    log: logLine({
      host: "dead.x",
      status: 502,
      out: 67,
      backend: "{backend:dead}",
      app: "-",
      index: "-",
      instance: "-",
      routerError: "endpoint_failure (dial tcp {backend:dead}: connect: connection refused)",
    }),
  },
  sticky("a plain session cookie", ["Set-Cookie: JSESSIONID=1"], "__VCAP_ID__=ib; Path=/ctx; HttpOnly"),
  sticky(
    "every attribute",
    [
      "Set-Cookie: JSESSIONID=1; Path=/foo; Max-Age=100; Expires=Wed, 01 Jan 2031 01:00:00 GMT; Secure; HttpOnly; SameSite=None; Partitioned; Domain=x.com",
    ],
    "__VCAP_ID__=ib; Path=/ctx; Expires=Wed, 01 Jan 2031 01:00:00 GMT; HttpOnly; Secure; SameSite=None; Partitioned",
  ),
  sticky("a negative age", ["Set-Cookie: JSESSIONID=1; Max-Age=-1"], "__VCAP_ID__=ib; Path=/ctx; Max-Age=0; HttpOnly"),
  sticky("an unknown SameSite", ["Set-Cookie: JSESSIONID=1; SameSite=foo"], "__VCAP_ID__=ib; Path=/ctx; HttpOnly"),
  sticky("another case", ["Set-Cookie: jsessionid=1"], undefined),
  sticky("the backend's own __VCAP_ID__", ["Set-Cookie: __VCAP_ID__=zz", "Set-Cookie: JSESSIONID=1"], undefined),
  sticky("a session whose instance is gone", [], "__VCAP_ID__=ib; Path=/ctx; HttpOnly", [
    "Cookie: JSESSIONID=1; __VCAP_ID__=gone",
  ]),
  sticky(
    "Negotiate, with the option",
    ["WWW-Authenticate: Negotiate"],
    "__VCAP_ID__=ib; Path=/ctx; Max-Age=60; HttpOnly; SameSite=Strict",
    [],
    { sticky_sessions_for_auth_negotiate: true },
  ),
];
