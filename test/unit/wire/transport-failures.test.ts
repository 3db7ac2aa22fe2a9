import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StreamError } from "../../../src/runtime/interface/stream-error.ts";
import { sourceOf } from "../../../src/wire/body.ts";
import type { TransportOptions } from "../../../src/wire/transport.ts";
import { createRig, readBody, TestOutgoing, TestSink, TestSource } from "../../fixtures/client-rig.ts";
import { settled } from "../../fixtures/memory-stream.ts";

const broken = "net/http: HTTP/1.x transport connection broken: ";
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

describe("Transport: the backend fails before its answer", () => {
  it("is an EOF, worth another attempt for replayable requests only", async () => {
    for (const [method, body, retry] of [
      ["GET", undefined, "always"],
      ["POST", undefined, "never"],
      ["GET", new TestSource(3, ["abc"], true), "never"],
    ] as const) {
      const rig = createRig();
      const outgoing = new TestOutgoing(method, "/", { body });
      const result = await rig.send(outgoing);
      await rig.connections[0]!.end();
      const { failure } = result;
      assert.deepEqual(
        [failure!.kind, failure!.source, failure!.message, failure!.retry],
        ["eof", "backend", "EOF", retry],
      );
      await settled();
      assert.equal(rig.connections[0]!.gone, true);
      assert.equal(outgoing.sending, undefined);
    }
  });

  it("is a reset", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.reset();
    assert.deepEqual([result.failure!.kind, result.failure!.retry], ["reset", "never"]);
    assert.equal(result.failure!.message, "read tcp 10.0.0.9:50000->10.0.0.1:8080: read: connection reset by peer");
  });

  for (const [host, shown] of [
    ["2001:db8::1", "[2001:db8::1]:8080"],
    ["[2001:db8::1]", "[2001:db8::1]:8080"],
    ["", ":8080"],
  ] as const) {
    it(`names ${JSON.stringify(host)} that refuses as ${shown}`, async () => {
      const rig = createRig({}, { host });
      rig.refusals.push(new StreamError("refused", "no", { syscall: "connect" }));
      const { failure } = await rig.send(new TestOutgoing("GET", "/"));
      assert.equal(failure!.message, `dial tcp ${shown}: connect: connection refused`);
    });
  }

  it("is a failed write", async () => {
    const rig = createRig();
    const source = new TestSource(6);
    const result = await rig.send(new TestOutgoing("POST", "/", { body: source }));
    rig.connections[0]!.stream.handler = { data() {}, drained() {}, ended() {}, closed() {} };
    rig.connections[0]!.stream.over = true;
    source.feed("abc");
    await settled();
    assert.deepEqual([result.failure!.kind, result.failure!.retry], ["write", "never"]);
    assert.equal(result.failure!.message, "write tcp 10.0.0.9:50000->10.0.0.1:8080: write: broken pipe");
    assert.equal(source.cancelled, true);
  });

  for (const [answer, kind, text, options] of [
    ["SSH-2.0-x\r\n\r\n", "malformed-response", `${broken}malformed HTTP response "SSH-2.0-x"`, {}],
    ["HTTP/1.1 99 x\r\n\r\n", "malformed-response", `${broken}malformed HTTP status code "99"`, {}],
    [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      "malformed-response",
      `${broken}unsupported transfer encoding: "gzip"`,
      {},
    ],
    [
      `HTTP/1.1 200 OK\r\nA: ${"a".repeat(200)}\r\n\r\n`,
      "response-head-too-large",
      `${broken}net/http: server response headers exceeded 100 bytes; aborted`,
      { maxResponseHeadBytes: 100 },
    ],
    [
      "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n",
      "too-many-response-headers",
      "Too many response headers",
      { maxResponseHeaderLines: 2 },
    ],
  ] as [string, string, string, Partial<TransportOptions>][]) {
    it(`is a bad answer: ${text}`, async () => {
      const rig = createRig(options);
      const result = await rig.send(new TestOutgoing("GET", "/"));
      await rig.connections[0]!.say(answer);
      const { failure } = result;
      assert.deepEqual([failure!.kind, failure!.retry, failure!.message], [kind, "never", text]);
      assert.equal(rig.connections[0]!.gone, true);
    });
  }
});

describe("Transport: the backend fails in its body", () => {
  for (const [name, begin] of [
    ["Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"],
    ["chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi"],
  ] as const) {
    for (const way of ["end", "reset"] as const) {
      it(`cuts a body with ${name} (${way})`, async () => {
        const rig = createRig();
        const outgoing = new TestOutgoing("GET", "/");
        const result = await rig.send(outgoing);
        await rig.connections[0]!.say(begin);
        const sink = readBody(result);
        await rig.connections[0]![way]();
        assert.equal(sink.text, "hi");
        assert.equal(sink.ends, 0);
        assert.equal(sink.failure!.kind, "body-cut");
        assert.equal(outgoing.bodyFailure, sink.failure);
        assert.match(sink.failure!.message, way === "end" ? /^unexpected EOF$/ : /connection reset by peer$/);
        assert.equal(outgoing.sending, undefined);
        assert.equal(await result.response!.trailers, undefined);
      });
    }
  }

  it("gives what there is of a body that failed before anybody read it", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
    await rig.connections[0]!.end();
    const sink = readBody(result);
    assert.equal(sink.text, "hi");
    assert.equal(sink.failure!.kind, "body-cut");
  });

  it("forwards nothing behind a bad byte of a chunked body", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    const sink = readBody(result);
    await rig.connections[0]!.say("1\r\nxx\r\n2\r\nho\r\n0\r\n\r\n");
    assert.equal(sink.text, "hix");
    assert.equal(sink.ends, 0);
    assert.equal(sink.failure!.kind, "malformed-response");
    assert.equal(rig.connections[0]!.gone, true);
  });

  it("cuts a body until close on reset only", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\n\r\nhi");
    const sink = readBody(result);
    await rig.connections[0]!.reset();
    assert.equal(sink.failure!.kind, "body-cut");
  });
});

describe("Transport: the deadline", () => {
  it("ends the wait for a connection: another attempt is worth it, and the connection is kept", async () => {
    const rig = createRig();
    rig.holdDials = true;
    const outgoing = new TestOutgoing("GET", "/", { timeoutMs: 500 });
    const result = await rig.send(outgoing);
    rig.clock.turn(520);
    await settled();
    const { failure } = result;
    assert.deepEqual(
      [failure!.kind, failure!.retry, failure!.message],
      ["deadline", "always", "context deadline exceeded"],
    );
    await rig.letDialsPass();
    assert.equal(rig.connections[0]!.received, "");
    const next = new TestOutgoing("GET", "/");
    await rig.send(next);
    assert.equal(rig.connections.length, 1);
    assert.equal(next.attempt.reused, false, "it has carried nothing yet");
  });

  it("ends the wait for the answer: not to be retried", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/", { timeoutMs: 500 }));
    rig.clock.turn(490);
    await rig.connections[0]!.say("HTTP/1.1 200");
    assert.equal(result.failure, undefined);
    rig.clock.turn(30);
    await settled();
    assert.deepEqual([result.failure!.kind, result.failure!.retry], ["deadline", "never"]);
    assert.equal(rig.connections[0]!.gone, true);
  });

  it("cuts the response body", async () => {
    const rig = createRig();
    const outgoing = new TestOutgoing("GET", "/", { timeoutMs: 500 });
    const result = await rig.send(outgoing);
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
    const sink = readBody(result);
    rig.clock.turn(520);
    await settled();
    assert.equal(sink.failure!.kind, "deadline");
    assert.equal(rig.connections[0]!.gone, true);
    assert.equal(outgoing.sending, undefined);
  });

  it("does nothing once the body has arrived, and none is none", async () => {
    const rig = createRig();
    for (const timeoutMs of [500, 0]) {
      const result = await rig.send(new TestOutgoing("GET", "/", { timeoutMs }));
      if (timeoutMs === 0) rig.clock.turn(80_000);
      await rig.connections[0]!.say(ok);
      rig.clock.turn(600);
      assert.equal(readBody(result).text, "hi");
    }
    assert.equal(rig.connections.length, 1);
  });
});

describe("Transport: giving up", () => {
  it("rejects while it dials", async () => {
    const rig = createRig();
    rig.holdDials = true;
    const body = new TestSource(3, ["abc"], true);
    const outgoing = new TestOutgoing("POST", "/", { body });
    const result = await rig.send(outgoing);
    outgoing.abort("client-gone");
    await settled();
    const { failure } = result;
    assert.deepEqual([failure!.kind, failure!.source, failure!.message], ["client-gone", "client", "context canceled"]);
    await rig.letDialsPass();
    assert.equal(body.taken, false);
    assert.equal(rig.connections[0]!.received, "");
  });

  it("rejects while it waits for the answer, and closes the connection", async () => {
    const rig = createRig();
    const body = new TestSource(3, ["a"]);
    const outgoing = new TestOutgoing("POST", "/", { body });
    const result = await rig.send(outgoing);
    outgoing.abort("client-gone");
    await settled();
    assert.equal(result.failure!.kind, "client-gone");
    assert.equal(rig.connections[0]!.gone, true);
    assert.equal(body.cancelled, true);
    assert.equal(outgoing.sending, undefined);
  });

  it("fails the response body, started or not", async () => {
    for (const started of [true, false]) {
      const rig = createRig();
      const outgoing = new TestOutgoing("GET", "/");
      const result = await rig.send(outgoing);
      await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
      const early = started ? readBody(result) : undefined;
      outgoing.abort("client-gone");
      const sink = early ?? readBody(result);
      assert.equal(sink.failure!.kind, "client-gone");
      assert.equal(sink.ends, 0);
      await settled();
      assert.equal(rig.connections[0]!.gone, true);
    }
  });

  it("says so when the router shuts down", async () => {
    const rig = createRig();
    const outgoing = new TestOutgoing("GET", "/");
    const result = await rig.send(outgoing);
    outgoing.abort("drain");
    await settled();
    assert.deepEqual([result.failure!.kind, result.failure!.source], ["internal", "router"]);
  });

  it("closes the connection of a body that nobody wants to the end", async () => {
    for (const started of [true, false]) {
      const rig = createRig();
      const outgoing = new TestOutgoing("GET", "/", { timeoutMs: 100 });
      const result = await rig.send(outgoing);
      await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
      const sink = new TestSink();
      const source = sourceOf(result.response!)!;
      if (started) source.start(sink);
      source.cancel();
      await settled();
      rig.clock.turn(200);
      assert.equal(rig.connections[0]!.gone, true);
      assert.equal(outgoing.sending, undefined);
      assert.deepEqual([sink.ends, sink.failure], [0, undefined]);
    }
  });

  it("is over for a sink that cancels while it is written to", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    const sink = new TestSink();
    const source = sourceOf(result.response!)!;
    sink.onWrite = () => source.cancel();
    source.start(sink);
    await rig.connections[0]!.say("hello");
    assert.deepEqual([sink.text, sink.ends, sink.failure], ["hello", 0, undefined]);
    await settled();
    assert.equal(rig.connections[0]!.gone, true);
  });

  it("leaves a connection alone whose answer has arrived completely", async () => {
    const rig = createRig();
    const result = await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.say(ok);
    sourceOf(result.response!)!.cancel();
    const next = new TestOutgoing("GET", "/");
    await rig.send(next);
    assert.equal(next.attempt.reused, true);
  });
});
