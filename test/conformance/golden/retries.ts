import { type GoldenCase, type GoldenRoute, logLine, message, okToClient, type Script, toMain } from "./case.ts";
import {
  attemptData,
  broken,
  failed,
  failedAttempt,
  failedLine,
  instance,
  marked,
  pair,
  pin,
  refused,
  three,
} from "./failed-attempt.ts";

/** The first attempt fails so at `main`; whether there is a second, at `other`. */
function replayed(
  name: string,
  start: string,
  lines: readonly string[],
  fault: Script,
  retried: boolean,
  more: { body?: string; mark?: boolean; section?: string } = {},
): GoldenCase {
  const { body = "", mark = false, section = "data-plane §4.4" } = more;
  const method = start.slice(0, start.indexOf(" "));
  const common = {
    name,
    section,
    config: three,
    routes: pair,
    send: message([start, "Host: x.com", pin, ...lines], body),
    replies: { main: [fault] },
    logged: [{ message: "backend-endpoint-failed", level: 3 }, ...(mark ? [marked("{backend}")] : [])],
  };
  const log = { host: "x.com", request: start, in: body.length };
  const headOnly = method === "HEAD";
  if (retried) {
    const head = [
      "HTTP/1.1 200 OK",
      "Content-Length: 2",
      "Set-Cookie: __VCAP_ID__=ib; Path=/; HttpOnly",
      "X-Vcap-Request-Id: {id}",
      "Date: {date}",
    ];
    return {
      ...common,
      ...(headOnly && {
        replies: { main: [fault], other: [["request", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"]] },
      }),
      upstream: [{}, { at: "other" }],
      expect: message(head, headOnly ? "" : "ok"),
      log: logLine({ ...log, backend: "{backend:other}", index: "1", instance: "ib", out: headOnly ? 0 : 2 }),
    };
  }
  const error = mark ? "read tcp 127.0.0.1:{port}->{backend}: read: connection reset by peer" : "EOF";
  return {
    ...common,
    upstream: [{}],
    expect: failed(error),
    log: failedLine(error, { ...log, instance: "ia" }),
  };
}

const ends: Script = ["request", "end"];
const resets: Script = ["request", "reset"];

/** Answered once by the standing backend: a status that is never retried. */
function status(code: string): GoldenCase {
  return {
    name: `${code} is an answer like any other`,
    section: "data-plane §4.3",
    config: three,
    routes: pair,
    send: message(["GET / HTTP/1.1", "Host: x.com", pin]),
    replies: { main: [`HTTP/1.1 ${code}\r\nContent-Length: 1\r\n\r\nx`] },
    upstream: [{}],
    expect: message([`HTTP/1.1 ${code}`, "Content-Length: 1", "X-Vcap-Request-Id: {id}", "Date: {date}"], "x"),
    log: logLine({ host: "x.com", status: Number(code.slice(0, 3)), out: 1, instance: "ia" }),
  };
}

const attemptFields = [
  "failed_attempts",
  "failed_attempts_time",
  "backend_time",
  "dial_time",
  "dns_time",
  "tls_time",
  "local_address",
];
/** One worker: whether a connection is there to be used again is asked, and each worker has its own. */
const withAttempts = { workers: 1, logging: { level: "debug", extra_access_log_fields: attemptFields }, ...three };
const dead = (uri: string, name: string, id: string): GoldenRoute => ({
  uris: [uri],
  backend: name,
  refuses: true,
  fields: instance(id, "0"),
});

export const cases: readonly GoldenCase[] = [
  {
    name: "one endpoint has one attempt",
    section: "data-plane §4.1",
    config: three,
    routes: [dead("x.com", "dead", "ia")],
    send: message(["GET / HTTP/1.1", "Host: x.com"]),
    expect: failed(refused),
    log: failedLine(refused, { host: "x.com", backend: "{backend:dead}", instance: "ia" }),
    logged: [
      failedAttempt(
        attemptData("{backend:dead}", {
          number: 1,
          endpoints: 1,
          connected: false,
          error: `incomplete request (${refused})`,
          retriable: true,
        }),
      ),
      marked("{backend:dead}"),
    ],
  },
  {
    name: "a host that is a name: the error has the address that was dialled, everything else the name",
    section: "data-plane §2.3",
    routes: [
      { uris: ["x.com"], backend: "dead", refuses: true, fields: { ...instance("ia", "0"), host: "localhost" } },
    ],
    send: message(["GET / HTTP/1.1", "Host: x.com"]),
    expect: failed("dial tcp {any}1:{backend-port:dead}: connect: connection refused"),
    log: failedLine("dial tcp {any}1:{backend-port:dead}: connect: connection refused", {
      host: "x.com",
      backend: "localhost:{backend-port:dead}",
      instance: "ia",
    }),
  },
  {
    name: "its mark does not keep the next request away",
    section: "data-plane §3.4",
    config: three,
    routes: [dead("x.com", "dead", "ia")],
    send: message(["GET / HTTP/1.1", "Host: x.com"]),
    expect: failed(refused),
    log: failedLine(refused, { host: "x.com", backend: "{backend:dead}", instance: "ia" }),
    next: [
      {
        send: message(["GET / HTTP/1.1", "Host: x.com"]),
        expect: failed(refused),
        log: failedLine(refused, { host: "x.com", backend: "{backend:dead}", instance: "ia" }),
        logged: [{ message: "backend-endpoint-failed" }, marked("{backend:dead}")],
      },
    ],
  },
  {
    name: "max_attempts 0 means one",
    section: "data-plane §4.1",
    routes: [pair[0]!, dead("x.com", "dead", "ib")],
    send: message(["GET / HTTP/1.1", "Host: x.com", "Cookie: JSESSIONID=1; __VCAP_ID__=ib"]),
    expect: failed(refused),
    log: failedLine(refused, { host: "x.com", backend: "{backend:dead}", instance: "ib" }),
  },
  {
    name: "a request with a body is tried again when no connection was there",
    section: "data-plane §4.2",
    config: three,
    routes: [pair[0]!, dead("x.com", "dead", "ib")],
    send: message(
      ["POST / HTTP/1.1", "Host: x.com", "Cookie: JSESSIONID=1; __VCAP_ID__=ib", "Content-Length: 4"],
      "body",
    ),
    upstream: [
      {
        message: message(
          [
            "POST / HTTP/1.1",
            "Host: x.com",
            "Cookie: JSESSIONID=1; __VCAP_ID__=ib",
            "Content-Length: 4",
            "X-Cf-Applicationid: app-guid",
            "X-Cf-Instanceid: ia",
            "X-Cf-Instanceindex: 0",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: http",
            "X-Request-Start: {ms}",
            "X-Vcap-Request-Id: {id}",
          ],
          "body",
        ),
      },
    ],
    expect: message(
      [
        "HTTP/1.1 200 OK",
        "Content-Length: 2",
        "Set-Cookie: __VCAP_ID__=ia; Path=/; HttpOnly",
        "X-Vcap-Request-Id: {id}",
        "Date: {date}",
      ],
      "ok",
    ),
    log: logLine({ host: "x.com", request: "POST / HTTP/1.1", in: 4, instance: "ia" }),
    logged: [
      failedAttempt(
        attemptData("{backend:dead}", {
          number: 1,
          endpoints: 2,
          connected: false,
          error: `incomplete request (${refused})`,
          retriable: true,
        }),
      ),
      marked("{backend:dead}"),
    ],
  },
  {
    name: "all endpoints dead: as many attempts as endpoints, the last error",
    section: "data-plane §4.1",
    config: { backends: { max_attempts: 5 } },
    routes: [dead("x.com", "dead", "ia"), dead("x.com", "dead2", "ib")],
    send: message(["GET / HTTP/1.1", "Host: x.com", "Cookie: JSESSIONID=1; __VCAP_ID__=ib"]),
    expect: failed(refused),
    log: failedLine(refused, { host: "x.com", backend: "{backend:dead}", instance: "ia" }),
    logged: [
      { message: "backend-endpoint-failed", level: 3 },
      marked("{backend:dead2}"),
      { message: "backend-endpoint-failed", level: 3 },
      marked("{backend:dead}"),
    ],
  },
  {
    name: "attempts end at max_attempts",
    section: "data-plane §4.1",
    config: {
      backends: { max_attempts: 2 },
      logging: { level: "debug", extra_access_log_fields: ["failed_attempts"] },
    },
    routes: [dead("x.com", "dead", "ia"), dead("x.com", "dead2", "ib"), dead("x.com", "dead3", "ic")],
    send: message(["GET / HTTP/1.1", "Host: x.com"]),
    expect: failed("dial tcp 127.0.0.1:{port}: connect: connection refused"),
    log: failedLine("dial tcp 127.0.0.1:{port}: connect: connection refused", {
      host: "x.com",
      backend: "127.0.0.1:{port}",
      instance: "{any}",
      extra: "failed_attempts:2",
    }),
  },
  {
    name: "details of attempts: none failed",
    section: "data-plane §9.3",
    config: withAttempts,
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    expect: okToClient(),
    log: logLine({
      extra:
        'failed_attempts:0 failed_attempts_time:"-" backend_time:{seconds} dial_time:{seconds} dns_time:0.000000 tls_time:0.000000 local_address:"127.0.0.1:{port}"',
    }),
    next: [
      {
        send: message(["GET /reused HTTP/1.1", "Host: a.b"]),
        upstream: toMain("GET /reused HTTP/1.1"),
        expect: okToClient(),
        log: logLine({
          request: "GET /reused HTTP/1.1",
          extra:
            'failed_attempts:0 failed_attempts_time:"-" backend_time:{seconds} dial_time:0.000000 dns_time:0.000000 tls_time:0.000000 local_address:"127.0.0.1:{port}"',
        }),
      },
    ],
  },
  {
    name: "details of attempts: one failed, one succeeded",
    section: "data-plane §9.3",
    config: withAttempts,
    routes: [pair[0]!, dead("x.com", "dead", "ib")],
    send: message(["GET / HTTP/1.1", "Host: x.com", "Cookie: JSESSIONID=1; __VCAP_ID__=ib"]),
    upstream: [{}],
    expect: message(
      [
        "HTTP/1.1 200 OK",
        "Content-Length: 2",
        "Set-Cookie: __VCAP_ID__=ia; Path=/; HttpOnly",
        "X-Vcap-Request-Id: {id}",
        "Date: {date}",
      ],
      "ok",
    ),
    log: logLine({
      host: "x.com",
      instance: "ia",
      extra:
        'failed_attempts:1 failed_attempts_time:{seconds} backend_time:{seconds} dial_time:{seconds} dns_time:0.000000 tls_time:0.000000 local_address:"127.0.0.1:{port}"',
    }),
  },
  {
    name: "details of attempts: none succeeded",
    section: "data-plane §9.3",
    config: withAttempts,
    routes: [dead("x.com", "dead", "ia")],
    send: message(["GET / HTTP/1.1", "Host: x.com"]),
    expect: failed(refused),
    log: failedLine(refused, {
      host: "x.com",
      backend: "{backend:dead}",
      instance: "ia",
      extra:
        'failed_attempts:1 failed_attempts_time:{seconds} backend_time:"-" dial_time:"-" dns_time:"-" tls_time:"-" local_address:"-"',
    }),
  },
  {
    name: "details of attempts: in the configured order, doubles and unknown names dropped",
    section: "data-plane §9.3",
    config: {
      logging: {
        level: "debug",
        extra_access_log_fields: ["local_address", "nonsense", "failed_attempts", "local_address"],
      },
    },
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    upstream: toMain("GET / HTTP/1.1"),
    expect: okToClient(),
    log: logLine({ extra: 'local_address:"127.0.0.1:{port}" failed_attempts:0' }),
  },
  ...["GET", "HEAD", "OPTIONS", "TRACE"].map((method) =>
    replayed(`${method}: EOF is tried on another`, `${method} / HTTP/1.1`, [], ends, true),
  ),
  ...["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "get"].map((method) =>
    replayed(`${method} without body: EOF is not`, `${method} / HTTP/1.1`, [], ends, false),
  ),
  replayed("POST with a key and no body", "POST / HTTP/1.1", ["Idempotency-Key: k", "Content-Length: 0"], ends, true),
  replayed("DELETE with the other key", "DELETE / HTTP/1.1", ["X-Idempotency-Key: k"], ends, true),
  replayed("an empty key is none", "DELETE / HTTP/1.1", ["Idempotency-Key:"], ends, false),
  replayed("a key does not help a body", "POST / HTTP/1.1", ["Idempotency-Key: k", "Content-Length: 4"], ends, false, {
    body: "body",
  }),
  replayed("GET with a body", "GET / HTTP/1.1", ["Content-Length: 4"], ends, false, { body: "body" }),
  replayed("GET with length 0", "GET / HTTP/1.1", ["Content-Length: 0"], ends, true),
  replayed("POST: a reset is not tried again, and marks", "POST / HTTP/1.1", ["Content-Length: 4"], resets, false, {
    body: "body",
    mark: true,
  }),
  replayed("GET: a reset is (better than upstream), and marks", "GET / HTTP/1.1", [], resets, true, { mark: true }),
  ...[
    "500 Internal Server Error",
    "502 Bad Gateway",
    "503 Service Unavailable",
    "504 Gateway Timeout",
    "429 Too Many Requests",
  ].map(status),
  {
    name: "an answer that breaks off in its head is not tried again",
    section: "data-plane §4.4",
    config: three,
    routes: pair,
    send: message(["GET / HTTP/1.1", "Host: x.com", pin]),
    replies: { main: [["request", "HTTP/1.1 200 OK\r\nX-", "end"]] },
    upstream: [{}],
    expect: failed(`${broken}unexpected EOF`),
    log: failedLine(`${broken}unexpected EOF`, { host: "x.com", instance: "ia" }),
    logged: [
      failedAttempt(
        attemptData("{backend}", {
          number: 1,
          endpoints: 2,
          connected: true,
          error: `${broken}unexpected EOF`,
          retriable: false,
        }),
      ),
    ],
  },
  {
    name: "garbage is not tried again",
    section: "data-plane §2.3",
    config: three,
    routes: pair,
    send: message(["GET / HTTP/1.1", "Host: x.com", pin]),
    replies: { main: ["hello world\r\n\r\n"] },
    upstream: [{}],
    expect: failed(`${broken}malformed HTTP status code "world"`),
    log: failedLine(`${broken}malformed HTTP status code "world"`, { host: "x.com", instance: "ia" }),
  },
];
