import { type GoldenCase, logLine, message, toMain } from "./case.ts";

/** Lines of a request that asks for a WebSocket; the request; the answer as backends give it and clients get it. */
export const asks = ["Connection: Upgrade", "Upgrade: websocket"];
export const ask = (...more: string[]): string => message(["GET /ws HTTP/1.1", "Host: a.b", ...asks, ...more]);
export const switches = (...more: string[]): string =>
  message(["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", ...more]);
export const switched = (...more: string[]): string => switches("X-Vcap-Request-Id: {id}", ...more);
/** The same request as the backend sees it. */
export const upstream = (...more: string[]): string => toMain("GET /ws HTTP/1.1", [...asks, ...more]);
/** The access log line of a tunnel. */
export const tunnelLog = (more: Parameters<typeof logLine>[0] = {}): string =>
  logLine({ request: "GET /ws HTTP/1.1", status: 101, out: 0, ...more });

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
    name: "of several Upgrade lines the first counts, on either side",
    lines: ["Connection: Upgrade", "Upgrade: tcp", "Upgrade: websocket"],
    upstreamLines: ["Connection: Upgrade", "Upgrade: tcp"],
    reply: message(["HTTP/1.1 101 Switching Protocols", "Upgrade: TCP", "Upgrade: foo", "Connection: Upgrade"]),
    expect: message([
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: TCP",
      "Upgrade: foo",
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
];
