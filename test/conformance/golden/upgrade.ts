import { type GoldenCase, type GoldenRoute, logLine, message, okToClient, type ProgramLine, toMain } from "./case.ts";

const three = { backends: { max_attempts: 3 } };
const asks = ["Connection: Upgrade", "Upgrade: websocket"];
const ask = (...more: string[]): string => message(["GET /ws HTTP/1.1", "Host: a.b", ...asks, ...more]);
const switches = (...more: string[]): string =>
  message(["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", ...more]);
const switched = (...more: string[]): string => switches("X-Vcap-Request-Id: {id}", ...more);
const upstream = (...more: string[]): string => toMain("GET /ws HTTP/1.1", [...asks, ...more]);
const tunnelLog = (more: Parameters<typeof logLine>[0] = {}): string =>
  logLine({ request: "GET /ws HTTP/1.1", status: 101, out: 0, ...more });
/** Row 22 of data-plane §2.1. */
const refusedSwitch = message(["HTTP/1.1 502 Bad Gateway", "Date: {date}", "Content-Length: 0"]);
const refused = "dial tcp {backend:dead}: connect: connection refused";

/** An upgrade that succeeds; the client then sends `ping`, the backend answers `pong` and closes. */
function tunnel(one: {
  name: string;
  section?: string;
  lines: readonly string[];
  start?: string;
  upstreamLines?: readonly string[];
  reply?: string;
  expect?: string;
  request?: string;
  config?: GoldenCase["config"];
  log?: Parameters<typeof logLine>[0];
}): GoldenCase {
  const start = one.start ?? "GET /ws HTTP/1.1";
  return {
    name: one.name,
    section: one.section ?? "data-plane §6.1",
    ...(one.config && { config: one.config }),
    send: [message([start, "Host: a.b", ...one.lines]), { until: "\r\n\r\n" }, "ping"],
    reply: ["request", one.reply ?? switches(), { until: "ping" }, "pong", "end"],
    upstream: [{ message: toMain(start.replace("HTTP/1.0", "HTTP/1.1"), one.upstreamLines ?? one.lines) }],
    expect: `${one.expect ?? switched()}pong`,
    closes: true,
    log: tunnelLog({ request: start, ...one.log }),
  };
}

/** The backend answers 101 in a way that does not fit: row 22. */
function mismatch(name: string, send: string, reply: string, log: Parameters<typeof logLine>[0] = {}): GoldenCase {
  return {
    name,
    section: "data-plane §6.3",
    send,
    reply: ["request", reply, "closed"],
    upstream: [{}],
    expect: refusedSwitch,
    // The round trip itself succeeded.
    config: { logging: { level: "debug", extra_access_log_fields: ["failed_attempts", "backend_time"] } },
    log: logLine({
      request: "GET /ws HTTP/1.1",
      status: 502,
      out: 0,
      extra: "failed_attempts:0 backend_time:{seconds}",
      ...log,
    }),
  };
}

/** The backend answers otherwise: an ordinary response, the connections go on. */
function otherwise(name: string, reply: string, expect: string, log: Parameters<typeof logLine>[0]): GoldenCase {
  return {
    name,
    section: "data-plane §6.3",
    send: ask(),
    reply,
    upstream: upstream(),
    expect,
    log: logLine({ request: "GET /ws HTTP/1.1", ...log }),
    next: [
      {
        send: message(["GET / HTTP/1.1", "Host: a.b"]),
        upstream: toMain("GET / HTTP/1.1"),
        expect: okToClient(),
        log: logLine(),
      },
    ],
  };
}

const fields = (id: string, index: string) => ({
  app: "app-guid",
  private_instance_id: id,
  private_instance_index: index,
});
const good: GoldenRoute = { uris: ["x.com"], fields: fields("ia", "0") };
const dead: GoldenRoute = { uris: ["x.com"], backend: "dead", refuses: true, fields: fields("ib", "1") };
const pinned = "Cookie: JSESSIONID=1; __VCAP_ID__=ib";
const failedLines: readonly ProgramLine[] = [
  { message: "backend-endpoint-failed", level: 3 },
  { message: "endpoint-marked-as-ineligible", level: 3 },
];
const failed = (
  error: string,
  status = "502 Bad Gateway",
  body = "502 Bad Gateway: Registered endpoint failed to handle the request.\n",
): string =>
  message(
    [
      `HTTP/1.1 ${status}`,
      "Content-Type: text/plain; charset=utf-8",
      `X-Cf-Routererror: endpoint_failure (${error})`,
      "X-Content-Type-Options: nosniff",
      "Date: {date}",
      `Content-Length: ${body.length}`,
    ],
    body,
  );

export const cases: readonly GoldenCase[] = [
  tunnel({ name: "websocket", lines: asks }),
  tunnel({
    name: "websocket with its headers",
    lines: [...asks, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Origin: http://x"],
    reply: switches("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    expect: switched("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
  }),
  tunnel({
    name: "the token among others, in another case",
    lines: ["Connection: keep-alive, UPGRADE", "Upgrade: WebSocket"],
    upstreamLines: ["Connection: Upgrade", "Upgrade: WebSocket"],
  }),
  tunnel({
    name: "the token in the second of two lines",
    lines: ["Connection: keep-alive", "Connection: upgrade", "Upgrade: websocket"],
    upstreamLines: ["Connection: Upgrade", "Upgrade: websocket"],
  }),
  tunnel({
    name: "headers named in Connection are taken out all the same",
    lines: ["Connection: Upgrade, X-Gone", "Upgrade: websocket", "X-Gone: 1", "X-Kept: 2"],
    upstreamLines: ["Connection: Upgrade", "Upgrade: websocket", "X-Kept: 2"],
  }),
  tunnel({
    name: "another protocol",
    lines: ["Connection: Upgrade", "Upgrade: tcp"],
    reply: message(["HTTP/1.1 101 Switching Protocols", "Upgrade: tcp", "Connection: Upgrade"]),
    expect: message([
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: tcp",
      "Connection: Upgrade",
      "X-Vcap-Request-Id: {id}",
    ]),
  }),
  tunnel({
    name: "another method",
    start: "PATCH /ws HTTP/1.1",
    lines: asks,
    upstreamLines: [...asks, "Content-Length: 0"],
  }),
  tunnel({ name: "an HTTP/1.0 client gets an HTTP/1.1 status line", start: "GET /ws HTTP/1.0", lines: asks }),
  tunnel({
    name: "the backend's phrase, Connection, Upgrade and Date stay as they are",
    section: "data-plane §6.2",
    lines: asks,
    reply: message([
      "HTTP/1.1 101 Of We Go",
      "Upgrade: WEBSOCKET",
      "Connection: keep-alive, upgrade",
      "Keep-Alive: timeout=5",
      "Date: Tue, 01 Apr 2025 12:34:56 GMT",
      "X-B: 1",
    ]),
    expect: message([
      "HTTP/1.1 101 Of We Go",
      "Upgrade: WEBSOCKET",
      "Connection: keep-alive, upgrade",
      "Keep-Alive: timeout=5",
      "Date: Tue, 01 Apr 2025 12:34:56 GMT",
      "X-B: 1",
      "X-Vcap-Request-Id: {id}",
    ]),
  }),
  tunnel({
    name: "no rewriters on a 101",
    section: "data-plane §6.2",
    config: {
      http_rewrite: {
        responses: { add_headers_if_not_present: [{ name: "X-Added", value: "1" }], remove_headers: [{ name: "X-B" }] },
      },
    },
    lines: asks,
    reply: switches("X-B: 1"),
    expect: switched("X-B: 1"),
  }),
  tunnel({
    name: "a sticky cookie on a 101",
    section: "data-plane §6.2, §3.8",
    lines: asks,
    reply: switches("Set-Cookie: JSESSIONID=1"),
    expect: switched("Set-Cookie: JSESSIONID=1", "Set-Cookie: __VCAP_ID__=inst-1; Path=/; HttpOnly"),
  }),
  tunnel({
    name: "a request id of the backend stays",
    section: "data-plane §5.5",
    lines: asks,
    reply: switches("X-Vcap-Request-Id: own"),
    expect: switches("X-Vcap-Request-Id: own"),
  }),
  tunnel({
    name: "an interim response before it",
    section: "data-plane §5.7",
    lines: asks,
    reply: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${switches()}`,
    expect: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${switched()}`,
  }),
  tunnel({
    name: "with disable_keep_alives",
    section: "data-plane §4.8",
    config: { disable_keep_alives: true },
    lines: asks,
  }),
  {
    name: "bytes right behind the backend's head",
    section: "data-plane §6.2",
    send: ask(),
    reply: ["request", `${switches()}early`, "end"],
    upstream: upstream(),
    expect: `${switched()}early`,
    closes: true,
    log: tunnelLog(),
  },
  {
    name: "bytes right behind the request",
    section: "data-plane §6.2",
    send: `${ask()}eager`,
    reply: [{ until: "\r\n\r\n" }, switches(), { until: "eager" }, "seen", "end"],
    upstream: [{}],
    expect: `${switched()}seen`,
    closes: true,
    log: tunnelLog(),
  },
  {
    name: "the client closes: the backend's connection ends too",
    section: "data-plane §6.2",
    send: [ask(), { until: "hello" }, "end"],
    reply: ["request", `${switches()}hello`, "closed"],
    upstream: upstream(),
    expect: `${switched()}hello`,
    closes: true,
    log: tunnelLog(),
  },
  {
    name: "many bytes both ways, none counted",
    section: "data-plane §6.4",
    send: [ask(), { until: "\r\n\r\n" }, "a".repeat(10_000), { until: "b".repeat(10_000) }],
    reply: ["request", switches(), { until: "a".repeat(10_000) }, "b".repeat(10_000), "end"],
    upstream: [{}],
    expect: `${switched()}${"b".repeat(10_000)}`,
    closes: true,
    log: tunnelLog({ in: 0, out: 0 }),
  },
  mismatch(
    "another protocol than asked for",
    ask(),
    message(["HTTP/1.1 101 Switching Protocols", "Upgrade: tcp", "Connection: Upgrade"]),
  ),
  mismatch("no Upgrade line", ask(), message(["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade"])),
  mismatch(
    "no token in its Connection",
    ask(),
    message(["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: keep-alive"]),
  ),
  mismatch("no Connection line", ask(), message(["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket"])),
  mismatch("nobody asked", message(["GET /ws HTTP/1.1", "Host: a.b"]), switches()),
  mismatch(
    "asked without the token",
    message(["GET /ws HTTP/1.1", "Host: a.b", "Connection: keep-alive", "Upgrade: websocket"]),
    switches(),
  ),
  otherwise("200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", okToClient(), {}),
  otherwise(
    "426 with Upgrade and Connection: they are hop-by-hop",
    "HTTP/1.1 426 Upgrade Required\r\nUpgrade: foo\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno",
    message(["HTTP/1.1 426 Upgrade Required", "Content-Length: 2", "X-Vcap-Request-Id: {id}", "Date: {date}"], "no"),
    { status: 426 },
  ),
  otherwise(
    "400",
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    message(["HTTP/1.1 400 Bad Request", "Content-Length: 0", "X-Vcap-Request-Id: {id}", "Date: {date}"]),
    { status: 400, out: 0 },
  ),
  otherwise(
    "a chunked answer",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    `${message(["HTTP/1.1 200 OK", "X-Vcap-Request-Id: {id}", "Date: {date}", "Transfer-Encoding: chunked"])}2\r\nok\r\n0\r\n\r\n`,
    {},
  ),
  {
    name: "a protocol with a byte that is not printable: before an endpoint is chosen",
    section: "data-plane §6.1",
    send: message(["GET /ws HTTP/1.1", "Host: a.b", "Connection: Upgrade", "Upgrade: \xe9"]),
    expect: refusedSwitch,
    log: logLine({
      request: "GET /ws HTTP/1.1",
      status: 502,
      out: 0,
      backend: "-",
      forwardedFor: "{any}",
      app: "-",
      index: "-",
      instance: "-",
      gorouterTime: "0.000000",
    }),
  },
  {
    name: "substring of the token: websocket, but no upgrade",
    section: "data-plane §6.1",
    send: message(["GET /ws HTTP/1.1", "Host: a.b", "Connection: no-upgrade", "Upgrade: websocket"]),
    upstream: toMain("GET /ws HTTP/1.1"),
    expect: okToClient(),
    log: logLine({ request: "GET /ws HTTP/1.1" }),
  },
  {
    name: "Upgrade without Connection is taken out",
    section: "data-plane §5.3",
    send: message(["GET /ws HTTP/1.1", "Host: a.b", "Upgrade: websocket"]),
    upstream: toMain("GET /ws HTTP/1.1"),
    expect: okToClient(),
    log: logLine({ request: "GET /ws HTTP/1.1" }),
  },
  {
    name: "h2c is an upgrade like any other, and its settings are kept unless named",
    section: "data-plane §6.1",
    send: message([
      "GET /ws HTTP/1.1",
      "Host: a.b",
      "Connection: Upgrade, HTTP2-Settings",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMA",
    ]),
    upstream: toMain("GET /ws HTTP/1.1", ["Connection: Upgrade", "Upgrade: h2c"]),
    expect: okToClient(),
    log: logLine({ request: "GET /ws HTTP/1.1" }),
  },
  {
    name: "a body goes before the switch",
    section: "data-plane §6.1",
    send: message(["POST /ws HTTP/1.1", "Host: a.b", ...asks, "Content-Length: 4"], "body"),
    reply: ["request", switches(), "hi", "end"],
    upstream: toMain("POST /ws HTTP/1.1", [...asks, "Content-Length: 4"], "body"),
    expect: `${switched()}hi`,
    closes: true,
    log: tunnelLog({ request: "POST /ws HTTP/1.1", in: 4 }),
  },
  {
    name: "a dead endpoint: retried before the switch",
    section: "data-plane §6.2",
    config: three,
    routes: [good, dead],
    send: [message(["GET /ws HTTP/1.1", "Host: x.com", ...asks, pinned]), { until: "hi" }],
    reply: ["request", switches(), "hi", "end"],
    upstream: [{}],
    expect: `${switched("Set-Cookie: __VCAP_ID__=ia; Path=/; HttpOnly")}hi`,
    closes: true,
    log: tunnelLog({ host: "x.com", instance: "ia" }),
    logged: failedLines,
  },
  {
    name: "no endpoint lives",
    section: "data-plane §6.3",
    routes: [dead],
    send: message(["GET /ws HTTP/1.1", "Host: x.com", ...asks]),
    expect: failed(refused),
    log: logLine({
      host: "x.com",
      request: "GET /ws HTTP/1.1",
      status: 502,
      out: 67,
      backend: "{backend:dead}",
      index: "1",
      instance: "ib",
      routerError: `endpoint_failure (${refused})`,
    }),
    logged: failedLines,
  },
  {
    name: "the backend ends before it answered",
    section: "data-plane §6.3",
    send: message(["POST /ws HTTP/1.1", "Host: a.b", ...asks]),
    reply: ["request", "end"],
    upstream: [{}],
    expect: failed("EOF"),
    log: logLine({ request: "POST /ws HTTP/1.1", status: 502, out: 67, routerError: "endpoint_failure (EOF)" }),
  },
  {
    name: "the client goes before the 101",
    section: "data-plane §6.2",
    send: [ask(), { until: "103" }, "end"],
    reply: ["request", "HTTP/1.1 103 Early Hints\r\n\r\n", "closed"],
    upstream: [{}],
    expect: `HTTP/1.1 103 Early Hints\r\n\r\n${failed("context canceled", "499 status code 499", "499 Request Cancelled\n").replace("Date", "Connection: close\r\nDate")}`,
    closes: true,
    log: tunnelLog({ status: 499, out: 22, routerError: "endpoint_failure (context canceled)" }),
    logged: [{ message: "gateway-error-and-original-request-context-cancelled", level: 3 }],
  },
  {
    name: "an upgrade on a route that does not exist",
    section: "data-plane §2.1",
    send: message(["GET /ws HTTP/1.1", "Host: none", ...asks]),
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
      "404 Not Found: Requested route ('none') does not exist.\n",
    ),
    log: logLine({
      host: "none",
      request: "GET /ws HTTP/1.1",
      status: 404,
      out: 56,
      backend: "-",
      forwardedFor: "-",
      forwardedProto: "-",
      app: "-",
      index: "-",
      instance: "-",
      gorouterTime: "0.000000",
      routerError: "unknown_route",
    }),
  },
  {
    name: "CONNECT is proxied like any request",
    section: "data-plane §6.5",
    send: message(["CONNECT a.b:443 HTTP/1.1", "Host: a.b:443"]),
    reply: "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 2\r\n\r\nno",
    upstream: toMain("CONNECT a.b:443 HTTP/1.1", ["Host: a.b:443"]),
    expect: message(
      ["HTTP/1.1 405 Method Not Allowed", "Content-Length: 2", "X-Vcap-Request-Id: {id}", "Date: {date}"],
      "no",
    ),
    log: logLine({ host: "a.b:443", request: "CONNECT / HTTP/1.1", status: 405 }),
  },
  {
    name: "CONNECT: the authority routes, not the Host line",
    section: "data-plane §6.5, §1.3",
    send: message(["CONNECT a.b:443 HTTP/1.1", "Host: other.test"]),
    upstream: toMain("CONNECT a.b:443 HTTP/1.1", ["Host: a.b:443"]),
    expect: okToClient(),
    log: logLine({ host: "a.b:443", request: "CONNECT / HTTP/1.1" }),
  },
];
