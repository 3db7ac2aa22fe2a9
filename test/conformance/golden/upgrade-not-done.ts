import { type GoldenCase, type GoldenRoute, logLine, message, okToClient, type ProgramLine, toMain } from "./case.ts";
import { failed, failedLine, instance, refused, three } from "./failed-attempt.ts";
import { ask, asks, switched, switches, tunnelLog, upstream } from "./upgrade.ts";

/** Row 22 of data-plane §2.1. */
const refusedSwitch = message(["HTTP/1.1 502 Bad Gateway", "Date: {date}", "Content-Length: 0"]);

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

const good: GoldenRoute = { uris: ["x.com"], fields: instance("ia", "0") };
const dead: GoldenRoute = { uris: ["x.com"], backend: "dead", refuses: true, fields: instance("ib", "1") };
const pinned = "Cookie: JSESSIONID=1; __VCAP_ID__=ib";
const failedLines: readonly ProgramLine[] = [
  { message: "backend-endpoint-failed", level: 3 },
  { message: "endpoint-marked-as-ineligible", level: 3 },
];

export const cases: readonly GoldenCase[] = [
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
    log: failedLine(refused, {
      host: "x.com",
      request: "GET /ws HTTP/1.1",
      backend: "{backend:dead}",
      index: "1",
      instance: "ib",
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
    log: failedLine("EOF", { request: "POST /ws HTTP/1.1" }),
  },
  {
    name: "the client goes before the 101",
    section: "data-plane §6.2",
    send: [ask(), { until: "103" }, "end"],
    reply: ["request", "HTTP/1.1 103 Early Hints\r\n\r\n", "closed"],
    upstream: [{}],
    expect: `HTTP/1.1 103 Early Hints\r\n\r\n${failed("context canceled", "499 status code 499", "499 Request Cancelled\n")}`,
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
