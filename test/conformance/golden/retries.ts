import {
  type GoldenCase,
  type GoldenRoute,
  logLine,
  message,
  okToClient,
  type ProgramLine,
  type Script,
  toMain,
} from "./case.ts";

const three = { backends: { max_attempts: 3 } };
const broken = "net/http: HTTP/1.x transport connection broken: ";
const failedBody = "502 Bad Gateway: Registered endpoint failed to handle the request.\n";
const refused = "dial tcp {backend:dead}: connect: connection refused";

/** The answer to a request whose last attempt failed so (data-plane §2.3). */
function failed(error: string): string {
  return message(
    [
      "HTTP/1.1 502 Bad Gateway",
      "Content-Type: text/plain; charset=utf-8",
      `X-Cf-Routererror: endpoint_failure (${error})`,
      "X-Content-Type-Options: nosniff",
      "Date: {date}",
      "Content-Length: 67",
    ],
    failedBody,
  );
}

/** The text of an error as the access log quotes it. */
const quoted = (error: string): string => error.replaceAll(/["\\]/g, "\\$&");
const failedLine = (error: string, more: Parameters<typeof logLine>[0] = {}): string =>
  logLine({ status: 502, out: 67, routerError: quoted(`endpoint_failure (${error})`), ...more });

const instance = (id: string, index: string) => ({
  app: "app-guid",
  private_instance_id: id,
  private_instance_index: index,
});

/** Data of a line about a failed attempt at the endpoint of that name, keys in order (data-plane §11.2). */
function attemptData(
  backend: string,
  of: { number: number; endpoints: number; connected: boolean; error: string; retriable: boolean },
): string {
  const { number, endpoints, connected, error, retriable } = of;
  return (
    `{"route-endpoint":${endpointData(backend)},"attempt":${number},"vcap_request_id":"{id}",` +
    `"num-endpoints":${endpoints},"got-connection":${connected},"wrote-headers":${connected},"conn-reused":false,` +
    `"dns-lookup-time":{any},"dial-time":{any},"tls-handshake-time":0,` +
    `"local-address":"${connected ? "127.0.0.1:{port}" : ""}","error":${JSON.stringify(error)},"retriable":${retriable}}`
  );
}

const endpointData = (backend: string): string =>
  `{"ApplicationId":"app-guid","Addr":"${backend}","Tags":null,"RouteServiceUrl":"","AZ":""}`;
const failedAttempt = (data: string): ProgramLine => ({
  message: "backend-endpoint-failed",
  level: 3,
  source: "gorouter.stdout",
  data,
});
const marked = (backend: string): ProgramLine => ({
  message: "endpoint-marked-as-ineligible",
  level: 3,
  data: `{"route-endpoint":${endpointData(backend)}}`,
});

/** Two instances; the cookie of `pinned` sends the first attempt to `main`, whatever the turn. */
const pair: readonly GoldenRoute[] = [
  { uris: ["x.com"], fields: instance("ia", "0") },
  { uris: ["x.com"], backend: "other", fields: instance("ib", "1") },
];
const pin = "Cookie: JSESSIONID=1; __VCAP_ID__=ia";

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

const maxBytes = 200;
/** A response head of exactly so many bytes, final empty line included. */
const headOf = (bytes: number): string => {
  const fixed = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Pad: \r\n\r\n";
  return fixed.replace("X-Pad: ", `X-Pad: ${"p".repeat(bytes - fixed.length)}`);
};
const limits = { max_response_header_bytes: maxBytes, max_response_headers: 3, ...three };
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
  {
    name: "a head of exactly max_response_header_bytes passes",
    section: "data-plane §4.3",
    config: limits,
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    reply: `${headOf(maxBytes)}ok`,
    upstream: toMain("GET / HTTP/1.1"),
    expect: okToClient(/X-Pad: p+/.exec(headOf(maxBytes))![0]),
    log: logLine(),
  },
  {
    name: "one byte more does not",
    section: "data-plane §4.3",
    config: limits,
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    reply: `${headOf(maxBytes + 1)}ok`,
    upstream: [{}],
    expect: failed(`${broken}net/http: server response headers exceeded ${maxBytes} bytes; aborted`),
    log: failedLine(`${broken}net/http: server response headers exceeded ${maxBytes} bytes; aborted`),
    logged: [{ message: "backend-endpoint-failed", level: 3 }],
  },
  {
    name: "max_response_headers lines pass",
    section: "data-plane §4.3",
    config: limits,
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    reply: message(["HTTP/1.1 200 OK", "A: 1", "A: 2", "Content-Length: 2"], "ok"),
    upstream: toMain("GET / HTTP/1.1"),
    expect: okToClient("A: 1", "A: 2"),
    log: logLine(),
  },
  {
    name: "one line more does not: a line of its own, no mark, no other attempt",
    section: "data-plane §4.3",
    config: limits,
    routes: pair,
    send: message(["GET / HTTP/1.1", "Host: x.com", pin]),
    replies: { main: [message(["HTTP/1.1 200 OK", "A: 1", "A: 2", "A: 3", "Content-Length: 2"], "ok")] },
    upstream: [{}],
    expect: failed("Too many response headers"),
    log: failedLine("Too many response headers", { host: "x.com", instance: "ia" }),
    logged: [
      {
        message: "backend-too-many-response-headers",
        level: 3,
        data: attemptData("{backend}", {
          number: 1,
          endpoints: 2,
          connected: true,
          error: "Too many response headers",
          retriable: false,
        }),
      },
    ],
  },
  {
    name: "endpoint_timeout before the head",
    section: "data-plane §4.7",
    config: { endpoint_timeout: "1s", ...three },
    routes: pair,
    send: message(["GET / HTTP/1.1", "Host: x.com", pin]),
    replies: { main: [["request", "closed"]] },
    upstream: [{}],
    expect: failed("context deadline exceeded"),
    log: failedLine("context deadline exceeded", { host: "x.com", instance: "ia" }),
    logged: [
      {
        message: "backend-request-timeout",
        level: 3,
        data: `{"route-endpoint":${endpointData("{backend}")},"error":"context deadline exceeded","vcap_request_id":"{id}"}`,
      },
      failedAttempt(
        attemptData("{backend}", {
          number: 1,
          endpoints: 2,
          connected: true,
          error: "context deadline exceeded",
          retriable: false,
        }),
      ),
    ],
  },
  {
    name: "endpoint_timeout in the body, activity notwithstanding",
    section: "data-plane §2.4, §4.7",
    config: { endpoint_timeout: "1s", ...three },
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    reply: ["request", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "closed"],
    upstream: [{}],
    expect: message(["HTTP/1.1 200 OK", "Content-Length: 9", "X-Vcap-Request-Id: {id}", "Date: {date}"], "half"),
    closes: true,
    log: null,
    logged: [{ message: "backend-request-timeout", level: 3 }],
  },
  {
    name: "disable_keep_alives: every request says Connection: close",
    section: "data-plane §4.8",
    config: { disable_keep_alives: true },
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    reply: ["request", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "closed"],
    upstream: toMain("GET / HTTP/1.1", ["Connection: close"]),
    expect: okToClient(),
    log: logLine(),
    next: [
      {
        send: message(["POST / HTTP/1.1", "Host: a.b", "Connection: keep-alive", "Content-Length: 1"], "x"),
        reply: ["request", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", "closed"],
        upstream: toMain("POST / HTTP/1.1", ["Content-Length: 1", "Connection: close"], "x"),
        expect: okToClient(),
        log: logLine({ request: "POST / HTTP/1.1", in: 1 }),
      },
    ],
  },
  {
    name: "an answer with Connection: close ends the backend's connection, not the client's",
    section: "data-plane §5.5",
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    reply: ["request", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "closed"],
    upstream: toMain("GET / HTTP/1.1"),
    expect: okToClient(),
    log: logLine(),
  },
  {
    name: "half of a response body: cut, no line",
    section: "data-plane §2.4",
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    reply: ["request", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "end"],
    upstream: [{}],
    expect: `${message([
      "HTTP/1.1 200 OK",
      "X-Vcap-Request-Id: {id}",
      "Date: {date}",
      "Transfer-Encoding: chunked",
    ])}4\r\nhalf\r\n`,
    closes: true,
    log: null,
  },
  {
    name: "a reused connection that the backend closed meanwhile costs nothing",
    section: "data-plane §4.8",
    send: message(["GET / HTTP/1.1", "Host: a.b"]),
    reply: ["request", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "end"],
    upstream: [{}],
    expect: okToClient(),
    log: logLine(),
    next: [
      {
        send: message(["GET /again HTTP/1.1", "Host: a.b"]),
        upstream: toMain("GET /again HTTP/1.1"),
        expect: okToClient(),
        log: logLine({ request: "GET /again HTTP/1.1" }),
      },
    ],
  },
];
