import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { deadPort } from "../conformance/harness/backend.ts";
import { condition } from "../conformance/harness/condition.ts";
import { chunked, FaultBench, ok, requestText, sized } from "./harness/fault-bench.ts";
import { type Fault, say } from "./harness/faulty-backend.ts";

const broken = "net/http: HTTP/1.x transport connection broken: ";
const endpointBody = "502 Bad Gateway: Registered endpoint failed to handle the request.\n";
const resetText = /^read tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:\d+: read: connection reset by peer$/;

let bench: FaultBench;
before(async () => {
  bench = await FaultBench.start();
});
after(async () => {
  await bench?.stop();
});

/** A fault before the response head is complete: the client gets 502 (data-plane §2.3). */
interface EarlyFault extends Fault {
  readonly name: string;
  readonly method?: "GET" | "POST";
  readonly error: string | RegExp;
  /** Log text around the error, `%` standing for it; the error alone when absent. */
  readonly wrapped?: string;
  readonly retriable: boolean;
  readonly marked: boolean;
  /** `backend-request-timeout` comes before the line about the attempt. */
  readonly timeout?: boolean;
  /** Message about the attempt; `backend-endpoint-failed` when absent. */
  readonly message?: string;
  readonly failedAttempts?: string;
}

const idempotent = "% (via idempotent request)";

const early: readonly EarlyFault[] = [
  {
    name: "closes once it has the request, GET",
    asked: (socket) => socket.end(),
    error: "EOF",
    wrapped: idempotent,
    retriable: true,
    marked: false,
  },
  {
    name: "closes once it has the request, POST",
    method: "POST",
    asked: (socket) => socket.end(),
    error: "EOF",
    retriable: false,
    marked: false,
  },
  {
    name: "resets once it has the request, GET",
    asked: (socket) => socket.resetAndDestroy(),
    error: resetText,
    wrapped: idempotent,
    retriable: true,
    marked: true,
  },
  {
    name: "resets once it has the request, POST",
    method: "POST",
    asked: (socket) => socket.resetAndDestroy(),
    error: resetText,
    retriable: false,
    marked: true,
  },
  {
    name: "closes within the status line",
    asked: (socket) => socket.end("HTTP/1.1 2"),
    error: `${broken}unexpected EOF`,
    retriable: false,
    marked: false,
  },
  {
    name: "closes within the head",
    asked: (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Le"),
    error: `${broken}unexpected EOF`,
    retriable: false,
    marked: false,
  },
  {
    name: "resets within the head",
    asked: (socket) => afterRead(socket, "HTTP/1.1 200 OK\r\nContent-Le", () => socket.resetAndDestroy()),
    error: resetText,
    retriable: false,
    marked: true,
  },
  {
    name: "closes behind an interim response",
    asked: (socket) => socket.end("HTTP/1.1 102 Processing\r\n\r\n"),
    error: `${broken}unexpected EOF`,
    retriable: false,
    marked: false,
  },
  {
    name: "never answers, GET",
    error: "context deadline exceeded",
    retriable: false,
    marked: false,
    timeout: true,
  },
  {
    name: "never answers, POST",
    method: "POST",
    error: "context deadline exceeded",
    retriable: false,
    marked: false,
    timeout: true,
  },
  {
    name: "stalls within the status line",
    asked: (socket) => say(socket, "HTTP/1."),
    error: "context deadline exceeded",
    retriable: false,
    marked: false,
    timeout: true,
  },
  {
    name: "stalls within the head",
    asked: (socket) => say(socket, "HTTP/1.1 200 OK\r\nX-A: b\r\nX-"),
    error: "context deadline exceeded",
    retriable: false,
    marked: false,
    timeout: true,
  },
  {
    name: "sends garbage",
    asked: (socket) => say(socket, "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    error: `${broken}malformed HTTP response "SSH-2.0-OpenSSH_9.2"`,
    retriable: false,
    marked: false,
  },
  {
    name: "sends garbage to a POST",
    method: "POST",
    asked: (socket) => say(socket, "\x00\x01\x02\r\n\r\n"),
    error: new RegExp(`^${broken}malformed HTTP response "`),
    retriable: false,
    marked: false,
  },
  {
    name: "sends an oversized head",
    asked: (socket) => say(socket, `HTTP/1.1 200 OK\r\nX: ${"x".repeat(2100)}\r\nContent-Length: 0\r\n\r\n`),
    error: `${broken}net/http: server response headers exceeded 2048 bytes; aborted`,
    retriable: false,
    marked: false,
  },
  {
    name: "sends an oversized head that never ends",
    asked: (socket) => say(socket, `HTTP/1.1 200 OK\r\nX: ${"x".repeat(5000)}`),
    error: `${broken}net/http: server response headers exceeded 2048 bytes; aborted`,
    retriable: false,
    marked: false,
  },
  {
    name: "sends too many header lines",
    asked: (socket) => say(socket, `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(20)}Content-Length: 0\r\n\r\n`),
    error: "Too many response headers",
    retriable: false,
    marked: false,
    message: "backend-too-many-response-headers",
    failedAttempts: "0",
  },
  {
    name: "sends differing lengths",
    asked: (socket) => say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    error: new RegExp(`^${broken}`),
    retriable: false,
    marked: false,
  },
  {
    name: "sends a sixth interim response",
    asked: (socket) => say(socket, `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(6)}${ok}`),
    error: `${broken}net/http: too many 1xx informational responses`,
    retriable: false,
    marked: false,
  },
];

/** Goes on when the router has read `text`: nothing on loopback tells, but an answer to a request sent after it does. */
function afterRead(socket: Socket, text: string, then: () => void): void {
  say(socket, text, () => {
    void bench.connect("GET / HTTP/1.1\r\nHost: none.test\r\nConnection: close\r\n\r\n").then(async (probe) => {
      await probe.toEnd();
      probe.close();
      then();
    });
  });
}

describe("the backend fails before its answer (data-plane §2.3, §4.4, §4.5)", () => {
  for (const fault of early) {
    it(`${fault.name}: 502, its lines, ${fault.marked ? "a mark" : "no mark"}`, async () => {
      const { backend, host } = await bench.faulty(fault);
      const connection = await bench.connect(requestText(fault.method ?? "GET", host));
      let answer = await connection.response();
      while (answer.status < 200) answer = await connection.response();
      const error = /^endpoint_failure \((.*)\)$/.exec(answer.header("x-cf-routererror") ?? "")?.[1] ?? "";
      if (typeof fault.error === "string") assert.equal(error, fault.error);
      else assert.match(error, fault.error);
      assert.deepEqual([answer.statusLine, answer.body], ["HTTP/1.1 502 Bad Gateway", endpointBody]);
      const lines = await bench.linesAbout(backend.port);
      const attempt = fault.message ?? "backend-endpoint-failed";
      assert.deepEqual(
        lines.map(({ log_level, message }) => `${log_level} ${message}`),
        [
          ...(fault.timeout ? ["3 backend-request-timeout"] : []),
          `3 ${attempt}`,
          ...(fault.marked ? ["3 endpoint-marked-as-ineligible"] : []),
        ],
      );
      const data = lines.find(({ message }) => message === attempt)?.data;
      assert.deepEqual(
        [data?.["error"], data?.["retriable"], data?.["attempt"], data?.["num-endpoints"]],
        [(fault.wrapped ?? "%").replace("%", error), fault.retriable, 1, 1],
      );
      assert.deepEqual([data?.["got-connection"], data?.["wrote-headers"], data?.["conn-reused"]], [true, true, false]);
      const logged = await bench.accessLine(host);
      assert.deepEqual(
        [logged?.status, logged?.responseBytes, logged?.backend, logged?.named.get("x_cf_routererror")],
        [
          "502",
          String(endpointBody.length),
          `127.0.0.1:${backend.port}`,
          `endpoint_failure (${error.replaceAll(/["\\]/g, "\\$&")})`,
        ],
      );
      assert.equal(logged?.named.get("failed_attempts"), fault.failedAttempts ?? "1");
      assert.equal(backend.requests, 1, "one endpoint, one attempt");
      await condition("the end of the backend's connection", () => backend.open === 0 || undefined);
      // The client's connection goes on.
      connection.write(requestText("GET", "none.test"));
      assert.equal((await connection.response()).status, 404);
    });
  }

  it("refuses: retriable, marked, no connection", async () => {
    const port = await deadPort();
    await bench.router.register({ uris: ["refused.test"], port });
    const connection = await bench.connect(requestText("POST", "refused.test"));
    const answer = await connection.response();
    const error = `dial tcp 127.0.0.1:${port}: connect: connection refused`;
    assert.deepEqual(
      [answer.status, answer.header("x-cf-routererror"), answer.body],
      [502, `endpoint_failure (${error})`, endpointBody],
    );
    const lines = await bench.linesAbout(port);
    assert.deepEqual(
      lines.map(({ message }) => message),
      ["backend-endpoint-failed", "endpoint-marked-as-ineligible"],
    );
    const { data } = lines[0]!;
    assert.deepEqual(
      [
        data?.["error"],
        data?.["retriable"],
        data?.["got-connection"],
        data?.["wrote-headers"],
        data?.["local-address"],
      ],
      [`incomplete request (${error})`, true, false, false, ""],
    );
  });

  it("accepts and closes: 502; marked exactly when the end was a reset", async () => {
    const { backend, host } = await bench.faulty({ connected: (socket) => socket.destroy() });
    const connection = await bench.connect(requestText("GET", host));
    const answer = await connection.response();
    assert.deepEqual([answer.status, answer.body], [502, endpointBody]);
    const error = answer.header("x-cf-routererror") ?? "";
    assert.match(
      error,
      /^endpoint_failure \((EOF|(read|write) tcp \S+: (read|write): (connection reset by peer|broken pipe))\)$/,
    );
    const lines = await bench.linesAbout(backend.port);
    assert.deepEqual(
      lines.map(({ message }) => message),
      ["backend-endpoint-failed", ...(error.includes(": read: ") ? ["endpoint-marked-as-ineligible"] : [])],
    );
    assert.equal(lines[0]?.data?.["retriable"], true);
  });

  it("a dead endpoint beside a good one: the request is served, its line says so", async () => {
    const { backend, host } = await bench.faulty({ asked: (socket) => say(socket, ok) });
    const port = await deadPort();
    await bench.router.register({ uris: [host], port });
    for (let at = 0; at < 3; at++) {
      const connection = await bench.connect(requestText("POST", host, `/${at}`));
      assert.equal((await connection.response()).body, "ok");
    }
    assert.equal(
      (await bench.linesAbout(port)).filter(({ message }) => message === "backend-endpoint-failed").length,
      1,
    );
    const failed = await bench.router.accessLogged(
      (line) => line.startsWith(`${host} `) && line.includes("failed_attempts:1"),
    );
    assert.ok(failed.includes(`"127.0.0.1:${backend.port}"`), "the last endpoint chosen");
  });
});

/** A fault behind the response head: what came is passed on, then the client's connection ends (data-plane §2.4). */
interface LateFault extends Fault {
  readonly name: string;
  /** What the client gets behind the head, raw. */
  readonly body: string;
  readonly timeout?: boolean;
}

const late: readonly LateFault[] = [
  { name: "closes in its body", asked: (socket) => socket.end(sized), body: "half" },
  { name: "announces more than it sends", asked: (socket) => socket.end(sized.replace("10", "5")), body: "half" },
  {
    name: "resets in its body",
    asked: (socket) => afterRead(socket, sized, () => socket.resetAndDestroy()),
    body: "half",
  },
  { name: "stalls in its body", asked: (socket) => say(socket, sized), body: "half", timeout: true },
  { name: "closes between chunks", asked: (socket) => socket.end(chunked), body: "4\r\nhalf\r\n" },
  { name: "closes in a chunk", asked: (socket) => socket.end(`${chunked}5\r\nab`), body: "6\r\nhalfab\r\n" },
  { name: "closes in the size of a chunk", asked: (socket) => socket.end(`${chunked}5`), body: "4\r\nhalf\r\n" },
  { name: "closes in its trailers", asked: (socket) => socket.end(`${chunked}0\r\nX-T: 1\r\n`), body: "4\r\nhalf\r\n" },
  {
    name: "resets in a chunk",
    asked: (socket) => afterRead(socket, `${chunked}5\r\nab`, () => socket.resetAndDestroy()),
    body: "6\r\nhalfab\r\n",
  },
  { name: "stalls between chunks", asked: (socket) => say(socket, chunked), body: "4\r\nhalf\r\n", timeout: true },
  {
    name: "stalls in a chunk",
    asked: (socket) => say(socket, `${chunked}5\r\nab`),
    body: "6\r\nhalfab\r\n",
    timeout: true,
  },
  {
    name: "sends a bad chunk size",
    asked: (socket) => say(socket, `${chunked}zz\r\nab\r\n0\r\n\r\n`),
    body: "4\r\nhalf\r\n",
  },
  {
    name: "sends a chunk that is too long",
    asked: (socket) => say(socket, `${chunked}1\r\nabc\r\n0\r\n\r\n`),
    body: "5\r\nhalfa\r\n",
  },
];

/** The bytes of a chunked body, however it was cut into chunks; undefined when the framing is wrong. */
function chunkedBytes(text: string): string | undefined {
  let bytes = "";
  for (let at = 0; at < text.length; ) {
    const match = /^([0-9a-f]+)\r\n/i.exec(text.slice(at));
    if (match === null) return undefined;
    const size = Number.parseInt(match[1]!, 16);
    if (size === 0) return `${bytes}(end)`;
    const start = at + match[0].length;
    if (text.slice(start + size, start + size + 2) !== "\r\n") return undefined;
    bytes += text.slice(start, start + size);
    at = start + size + 2;
  }
  return bytes;
}

describe("the backend fails in its answer (data-plane §2.4, §4.7)", () => {
  for (const fault of late) {
    it(`${fault.name}: cut, no line in the access log, no mark`, async () => {
      const { backend, host } = await bench.faulty(fault);
      const connection = await bench.connect(requestText("GET", host));
      const text = await connection.toEnd();
      const head = text.slice(0, text.indexOf("\r\n\r\n") + 4);
      assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
      const body = text.slice(head.length);
      const wanted = fault.body.includes("\r\n") ? chunkedBytes(fault.body) : fault.body;
      assert.equal(fault.body.includes("\r\n") ? chunkedBytes(body) : body, wanted);
      assert.equal(await bench.accessLine(host), undefined);
      assert.deepEqual(
        (await bench.linesAbout(backend.port)).map(({ log_level, message }) => `${log_level} ${message}`),
        fault.timeout ? ["3 backend-request-timeout"] : ["2 backend-response-cut"],
      );
      await condition("the end of the backend's connection", () => backend.open === 0 || undefined);
    });
  }
});

describe("the backend does not want the rest of an upload (data-plane §1.4.17)", () => {
  it("answers and closes at once, which resets what is still being sent: the answer is the client's", async () => {
    const refusal = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmuch";
    const { backend, host } = await bench.faulty({
      asked: (socket) => {
        socket.pause();
        say(socket, refusal, () => socket.destroy());
      },
    });
    const length = 4 * 1024 * 1024;
    for (let round = 0; round < 4; round++) {
      const connection = await bench.connect(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${length}\r\n\r\n`);
      connection.write("x".repeat(length));
      const answer = await connection.response();
      assert.deepEqual([answer.status, answer.body], [413, "much"]);
    }
    assert.deepEqual(await bench.linesAbout(backend.port), []);
  });
});

describe("the backend says too much (data-plane §5.5)", () => {
  for (const [name, text] of [
    ["two heads", `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n`],
    ["data behind the response", `${ok}garbage`],
    ["a length that is too short", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay then"],
    ["data behind the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nmore"],
    ["a body on 204", "HTTP/1.1 204 No Content\r\n\r\nmore"],
  ] as const) {
    it(`${name}: the answer is passed on, the rest dropped, the connection not used again`, async () => {
      const { backend, host } = await bench.faulty({ asked: (socket) => say(socket, text) });
      const connection = await bench.connect();
      for (let round = 1; round <= 2; round++) {
        connection.write(requestText("GET", host));
        const answer = await connection.response();
        assert.deepEqual([answer.status, answer.body], text.includes(" 204 ") ? [204, ""] : [200, "ok"]);
        assert.equal(backend.accepted, round);
        await condition("the end of the backend's connection", () => backend.open === 0 || undefined);
      }
      assert.equal((await bench.accessLine(host))?.status, text.includes(" 204 ") ? "204" : "200");
      assert.deepEqual(await bench.linesAbout(backend.port), []);
    });
  }

  it("data on an idle connection: it is closed, the next request has a new one", async () => {
    const sockets: Socket[] = [];
    const { backend, host } = await bench.faulty({
      asked: (socket) => {
        sockets.push(socket);
        say(socket, ok);
      },
    });
    const connection = await bench.connect(requestText("GET", host));
    await connection.response();
    say(sockets[0]!, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    await condition("the end of the backend's connection", () => backend.open === 0 || undefined);
    connection.write(requestText("GET", host));
    assert.equal((await connection.response()).body, "ok");
    assert.equal(backend.accepted, 2);
  });
});
