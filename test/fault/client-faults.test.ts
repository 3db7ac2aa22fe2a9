import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { condition } from "../conformance/harness/condition.ts";
import { chunked, FaultBench, ok, requestText, sized } from "./harness/fault-bench.ts";
import { say } from "./harness/faulty-backend.ts";

let bench: FaultBench;
before(async () => {
  bench = await FaultBench.start();
});
after(async () => {
  await bench?.stop();
});

/** A client that leaves while the router waits for something: the request is given up (data-plane §4.9). */
interface Leaving {
  readonly name: string;
  /** `HOST` stands for the route. */
  readonly sent: string;
  /** How much of the request the backend has to have before the client leaves. */
  readonly arrived?: string;
  readonly answer?: string;
  /** What the client has to have before it leaves. */
  readonly got?: string;
  readonly status: "499" | undefined;
  readonly requestBytes?: string;
  readonly ways?: readonly Way[];
}

type Way = "closes" | "half-closes" | "resets";
const ways: readonly Way[] = ["closes", "half-closes", "resets"];

const leavings: readonly Leaving[] = [
  { name: "before it sent anything", sent: "", status: undefined },
  { name: "within the request line", sent: "GET / HT", status: undefined },
  { name: "within the head", sent: "GET / HTTP/1.1\r\nHost: HOST\r\nX-", status: undefined },
  {
    name: "within a body of known length",
    sent: "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 9\r\n\r\nhalf",
    arrived: "half",
    status: "499",
    requestBytes: "4",
  },
  {
    name: "within a chunk",
    sent: "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    arrived: "half",
    status: "499",
    requestBytes: "4",
  },
  {
    name: "between two chunks",
    sent: "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    arrived: "half",
    status: "499",
    requestBytes: "4",
  },
  {
    name: "while it waits for the answer to a GET",
    sent: "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
    arrived: "\r\n\r\n",
    status: "499",
    requestBytes: "0",
  },
  {
    name: "while it waits for the answer to a POST",
    sent: "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\n\r\nbody",
    arrived: "body",
    status: "499",
    requestBytes: "4",
  },
  {
    name: "behind an interim response",
    sent: "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
    answer: "HTTP/1.1 103 Early Hints\r\n\r\n",
    got: "103 Early Hints",
    status: "499",
    requestBytes: "0",
  },
  {
    name: "within the head of the answer",
    sent: "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
    answer: "HTTP/1.1 200 OK\r\nX-",
    arrived: "\r\n\r\n",
    status: "499",
    requestBytes: "0",
  },
  {
    name: "within the body of the answer",
    sent: "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
    answer: sized,
    got: "half",
    status: undefined,
    // A client that has sent FIN may still read: see the case of its own below.
    ways: ["closes", "resets"],
  },
  {
    name: "within a chunk of the answer",
    sent: "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
    answer: chunked,
    got: "half",
    status: undefined,
    ways: ["closes", "resets"],
  },
];

const leave: Readonly<Record<Way, (socket: Socket) => void>> = {
  closes: (socket) => socket.destroy(),
  "half-closes": (socket) => socket.end(),
  resets: (socket) => socket.resetAndDestroy(),
};

describe("the client goes away (data-plane §4.9)", () => {
  for (const leaving of leavings) {
    for (const way of leaving.ways ?? ways) {
      it(`${way} ${leaving.name}: ${leaving.status ?? "no line"}, backend connection closed, no mark`, async () => {
        const { backend, host } = await bench.faulty({ asked: (socket) => say(socket, leaving.answer ?? "") });
        const connection = await bench.connect(leaving.sent.replace("HOST", host));
        const { arrived, got } = leaving;
        if (arrived !== undefined) {
          await condition("the request at the backend", () => backend.received.includes(arrived) || undefined);
        }
        if (got !== undefined) await connection.text(got);
        leave[way](connection.socket);
        if (way === "half-closes") await connection.toEnd();
        await condition("the end of the backend's connection", () => backend.open === 0 || undefined);
        const line = await bench.accessLine(host);
        assert.deepEqual([line?.status, line?.requestBytes], [leaving.status, leaving.requestBytes]);
        const lines = await bench.linesAbout(backend.port);
        assert.ok(!lines.some(({ message }) => message === "endpoint-marked-as-ineligible"));
        if (leaving.status === undefined) assert.deepEqual(lines, []);
        else {
          assert.equal(line?.named.get("x_cf_routererror"), "endpoint_failure (context canceled)");
          assert.deepEqual(
            lines.map(({ message, data }) => [message, data?.["error"], data?.["retriable"]]),
            [["backend-endpoint-failed", "context canceled (context canceled)", false]],
          );
        }
        assert.ok(backend.requests <= 1);
      });
    }
  }

  it("sends slowly, byte by byte: served", async () => {
    const { host } = await bench.faulty({ asked: (socket) => say(socket, ok) });
    const connection = await bench.connect();
    for (const byte of requestText("GET", host)) {
      connection.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await connection.response()).body, "ok");
    assert.equal((await bench.accessLine(host))?.status, "200");
  });

  it("sends its body slowly: within endpoint_timeout it is served", async () => {
    const { backend, host } = await bench.faulty({
      asked: (socket) =>
        void condition("the body", () => backend.received.endsWith("body") || undefined).then(() => say(socket, ok)),
    });
    const connection = await bench.connect(requestText("POST", host).slice(0, -4));
    for (const [at, byte] of [..."body"].entries()) {
      connection.write(byte);
      const end = "body".slice(0, at + 1);
      await condition("the byte", () => backend.received.endsWith(`\r\n\r\n${end}`) || undefined);
    }
    assert.equal((await connection.response()).body, "ok");
    assert.equal((await bench.accessLine(host))?.requestBytes, "4");
  });

  it("stops within its body: 502 when endpoint_timeout is over, held back until the body is there (§1.4.17); no mark", async () => {
    const { backend, host } = await bench.faulty({});
    const connection = await bench.connect(requestText("POST", host).slice(0, -2));
    await bench.router.program.logged("backend-request-timeout", ({ data }) =>
      JSON.stringify(data).includes(`127.0.0.1:${backend.port}`),
    );
    assert.equal(connection.received, "");
    connection.write("dy");
    assert.equal(
      (await connection.response()).header("x-cf-routererror"),
      "endpoint_failure (context deadline exceeded)",
    );
    await condition("the end of the backend's connection", () => backend.open === 0 || undefined);
    const line = await bench.accessLine(host);
    assert.equal(line?.status, "502");
    assert.deepEqual(
      (await bench.linesAbout(backend.port)).map(({ message }) => message),
      ["backend-request-timeout", "backend-endpoint-failed"],
    );
  });

  for (const [name, garbage] of [
    ["no request", "\x00\x01garbage\r\n\r\n"],
    ["a bad head", "GET / HTTP/1.1\r\nHost : x\r\n\r\n"],
  ] as const) {
    it(`sends garbage after the request (${name}): the answer, then a raw 400 and the end`, async () => {
      const { backend, host } = await bench.faulty({ asked: (socket) => say(socket, ok) });
      const connection = await bench.connect(requestText("GET", host) + garbage);
      assert.equal((await connection.response()).body, "ok");
      const rest = await connection.toEnd();
      assert.match(
        rest,
        /^HTTP\/1\.1 400 Bad Request[^\r]*\r\nContent-Type: text\/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 /,
      );
      assert.equal((await bench.accessLine(host))?.status, "200");
      assert.equal(backend.requests, 1, "nothing of it goes upstream");
    });
  }

  it("sends a bad chunk: 400, nothing behind it goes upstream, the backend sees no complete message", async () => {
    const { backend, host } = await bench.faulty({});
    const connection = await bench.connect(
      `POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\nevil\r\n0\r\n\r\n`,
    );
    assert.equal((await connection.response()).status, 400);
    await condition("the end of the backend's connection", () => backend.open === 0 || undefined);
    assert.ok(!backend.received.includes("evil") && !backend.received.includes("0\r\n\r\n"));
    assert.equal((await bench.accessLine(host))?.status, "400");
    assert.ok(
      !(await bench.linesAbout(backend.port)).some(({ message }) => message === "endpoint-marked-as-ineligible"),
    );
  });
});
