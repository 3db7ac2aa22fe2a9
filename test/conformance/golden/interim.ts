import { type GoldenCase, logLine, message, okToClient, toMain } from "./case.ts";

const section = "data-plane §5.7";
const ok = message(["HTTP/1.1 200 OK", "Content-Length: 2"], "ok");
const go = message(["HTTP/1.1 100 Continue"]);
const expecting = ["POST / HTTP/1.1", "Host: a.b", "Expect: 100-continue", "Content-Length: 2"];
const upstream = toMain("POST / HTTP/1.1", ["Expect: 100-continue", "Content-Length: 2"], "xy");
const log = logLine({ request: "POST / HTTP/1.1", in: 2 });
const hint = message(["HTTP/1.1 103 Early Hints", "Link: </a>"]);

export const cases: readonly GoldenCase[] = [
  {
    name: "the backend's 100 is the client's, then the body flows",
    section,
    send: [message(expecting), { until: "100 Continue\r\n\r\n" }, "xy"],
    upstream,
    reply: [{ until: "\r\n\r\n" }, go, "request", ok],
    expect: go + okToClient(),
    log,
  },
  {
    name: "a 100 with headers of its own",
    section,
    send: [message(expecting), { until: "X-A: 1\r\n\r\n" }, "xy"],
    upstream,
    reply: [{ until: "\r\n\r\n" }, message(["HTTP/1.1 100 Continue", "X-A: 1"]), "request", ok],
    expect: message(["HTTP/1.1 100 Continue", "X-A: 1"]) + okToClient(),
    log,
  },
  {
    name: "Expect without regard to case",
    section,
    send: [
      message(["POST / HTTP/1.1", "Host: a.b", "Expect: 100-Continue", "Content-Length: 2"]),
      { until: "100 Continue\r\n\r\n" },
      "xy",
    ],
    upstream: toMain("POST / HTTP/1.1", ["Expect: 100-Continue", "Content-Length: 2"], "xy"),
    reply: [{ until: "\r\n\r\n" }, go, "request", ok],
    expect: go + okToClient(),
    log,
  },
  {
    name: "a silent backend: after a second the router's own 100",
    section,
    send: [message(expecting), { until: "100 Continue\r\n\r\n" }, "xy"],
    upstream,
    reply: ok,
    expect: go + okToClient(),
    log,
  },
  {
    name: "a silent backend whose 100 comes later: a second one",
    section,
    send: [message(expecting), { until: "100 Continue\r\n\r\n" }, "xy"],
    upstream,
    reply: ["request", go, ok],
    expect: go + go + okToClient(),
    log,
  },
  {
    name: "a final status instead of 100: the client has it at once and keeps its body (docs/differences.md)",
    section,
    send: message(expecting),
    upstream: toMain("POST / HTTP/1.1", ["Expect: 100-continue", "Content-Length: 2"]),
    reply: [{ until: "\r\n\r\n" }, message(["HTTP/1.1 403 Forbidden", "Content-Length: 2"], "no"), "closed"],
    expect: okToClient("Connection: close").replace("200 OK", "403 Forbidden").replace(/ok$/, "no"),
    closes: true,
    log: logLine({ request: "POST / HTTP/1.1", in: 0, status: 403 }),
  },
  {
    name: "a client that does not wait",
    section,
    send: message(expecting, "xy"),
    upstream,
    reply: ok,
    expect: okToClient(),
    log,
  },
  {
    name: "Expect without a body",
    section,
    send: message(["GET / HTTP/1.1", "Host: a.b", "Expect: 100-continue"]),
    upstream: toMain("GET / HTTP/1.1", ["Expect: 100-continue"]),
    expect: okToClient(),
    log: logLine(),
  },
  {
    name: "103 passes at once, its headers are not repeated",
    section,
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    reply: ["request", hint, ok],
    expect: hint + okToClient(),
    log: logLine(),
  },
  {
    name: "102 and 103",
    section,
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    reply: ["request", message(["HTTP/1.1 102 Processing"]) + hint, ok],
    expect: message(["HTTP/1.1 102 Processing"]) + hint + okToClient(),
    log: logLine(),
  },
  {
    name: "100 to a request that did not ask",
    section,
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    reply: ["request", go, ok],
    expect: go + okToClient(),
    log: logLine(),
  },
  {
    name: "103 to an HTTP/1.0 client",
    section,
    send: message(["GET / HTTP/1.0", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    reply: ["request", hint, ok],
    expect: (hint + okToClient()).replaceAll("HTTP/1.1", "HTTP/1.0"),
    closes: true,
    log: logLine({ request: "GET / HTTP/1.0" }),
  },
  {
    name: "five interim answers pass",
    section,
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    reply: ["request", hint.repeat(5), ok],
    expect: hint.repeat(5) + okToClient(),
    log: logLine(),
  },
  {
    name: "a sixth interim answer is a failure",
    section,
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    reply: ["request", hint.repeat(6), ok],
    expect:
      hint.repeat(5) +
      message(
        [
          "HTTP/1.1 502 Bad Gateway",
          "Content-Type: text/plain; charset=utf-8",
          "X-Cf-Routererror: endpoint_failure (net/http: HTTP/1.x transport connection broken: net/http: too many 1xx informational responses)",
          "X-Content-Type-Options: nosniff",
          "Date: {date}",
          "Content-Length: 67",
        ],
        "502 Bad Gateway: Registered endpoint failed to handle the request.\n",
      ),
    log: logLine({
      status: 502,
      out: 67,
      routerError:
        "endpoint_failure (net/http: HTTP/1.x transport connection broken: net/http: too many 1xx informational responses)",
    }),
  },
];
