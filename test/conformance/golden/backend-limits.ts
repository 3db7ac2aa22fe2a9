import { type GoldenCase, logLine, message, okToClient, toMain } from "./case.ts";
import {
  attemptData,
  broken,
  endpointData,
  failed,
  failedAttempt,
  failedLine,
  pair,
  pin,
  three,
} from "./failed-attempt.ts";

const maxBytes = 200;
/** A response head of exactly so many bytes, final empty line included. */
const headOf = (bytes: number): string => {
  const fixed = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Pad: \r\n\r\n";
  return fixed.replace("X-Pad: ", `X-Pad: ${"p".repeat(bytes - fixed.length)}`);
};
const limits = { max_response_header_bytes: maxBytes, max_response_headers: 3, ...three };

export const cases: readonly GoldenCase[] = [
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
    name: "half of a response body: cut, no line in the access log",
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
    logged: [
      {
        message: "backend-response-cut",
        level: 2,
        data: `{"route-endpoint":${endpointData("{backend}")},"error":"unexpected EOF","vcap_request_id":"{id}"}`,
      },
    ],
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
