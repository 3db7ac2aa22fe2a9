import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sourceOf } from "../../../src/wire/body.ts";
import type { TransportOptions } from "../../../src/wire/transport.ts";
import { createRig, type Rig, readBody, TestOutgoing, TestSource } from "../../fixtures/client-rig.ts";
import { settled } from "../../fixtures/memory-stream.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const get = (): TestOutgoing => new TestOutgoing("GET", "/");

/** Sends a GET over connection `index` and reads the answer. */
async function exchange(rig: Rig, index: number, answer = ok): Promise<TestOutgoing> {
  const outgoing = get();
  const result = await rig.send(outgoing);
  await rig.connections[index]!.say(answer);
  assert.equal(readBody(result).failure, undefined);
  return outgoing;
}

describe("Transport: connections are used again", () => {
  it("sends one request after the other on one connection, without a wait in between", async () => {
    const rig = createRig();
    assert.equal((await exchange(rig, 0)).attempt.reused, false);
    const backend = rig.connections[0]!;
    backend.received = "";
    const outgoing = get();
    const writes = backend.stream.writes;
    rig.transport.send(rig.endpoint, outgoing).catch(() => {});
    assert.equal(outgoing.attempt.wroteHead, true, "the hand-over is synchronous");
    assert.equal(outgoing.attempt.reused, true);
    assert.equal(outgoing.attempt.dialMs, -1);
    assert.equal(outgoing.attempt.localAddress, "10.0.0.9:50000");
    await settled();
    assert.equal(backend.received, "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n");
    assert.equal(backend.stream.writes, writes);
    assert.equal(rig.connections.length, 1);
  });

  it("has the connection back in the pool when the reader hears the end", async () => {
    for (const answer of [
      ok,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
      "HTTP/1.1 204 No Content\r\n\r\n",
    ]) {
      const rig = createRig();
      const first = await rig.send(get());
      const [head, body] = [
        answer.slice(0, answer.indexOf("\r\n\r\n") + 4),
        answer.slice(answer.indexOf("\r\n\r\n") + 4),
      ];
      await rig.connections[0]!.say(head);
      const second = get();
      const sink = readBody(first);
      if (body === "") rig.transport.send(rig.endpoint, second).catch(() => {});
      else sink.onEnd = () => void rig.transport.send(rig.endpoint, second).catch(() => {});
      await rig.connections[0]!.say(body);
      assert.equal(sink.ends, 1);
      assert.equal(second.attempt.reused, true, answer);
    }
  });

  it("keeps it behind a body whose memory was given back as soon as it was written on", async () => {
    const rig = createRig();
    const result = await rig.send(get());
    const [backend] = rig.connections;
    await backend!.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    const sink = {
      write: (bytes: Uint8Array) => (bytes.buffer as ArrayBuffer).transfer(0) !== undefined,
      end() {},
      fail() {},
    };
    sourceOf(result.response!)!.start(sink);
    await backend!.say("four");
    const second = get();
    await rig.send(second);
    assert.equal(second.attempt.reused, true);
  });

  it("takes the connection that became idle last", async () => {
    const rig = createRig();
    const results = [await rig.send(get()), await rig.send(get()), await rig.send(get())];
    for (const index of [2, 0, 1]) {
      await rig.connections[index]!.say(ok);
      readBody(results[index]!);
    }
    for (const expected of [50_001, 50_000, 50_002]) {
      const outgoing = get();
      await rig.send(outgoing);
      assert.equal(outgoing.attempt.localAddress, `10.0.0.9:${expected}`);
    }
  });

  for (const [options, kept] of [
    [{ maxIdlePerEndpoint: 3, maxIdle: 0 }, 3],
    [{ maxIdlePerEndpoint: 100, maxIdle: 4 }, 4],
    [{ maxIdlePerEndpoint: 0, maxIdle: 100 }, 2],
    [{ maxIdlePerEndpoint: -1, maxIdle: 100 }, 0],
    [{ maxIdlePerEndpoint: 100, maxIdle: -1 }, 0],
  ] as [Partial<TransportOptions>, number][]) {
    it(`keeps ${kept} of 6 with ${JSON.stringify(options)}, and closes the others`, async () => {
      const rig = createRig(options);
      const results = [];
      for (let i = 0; i < 6; i++) results.push(await rig.send(get()));
      assert.equal(rig.connections.length, 6);
      for (const [i, result] of results.entries()) {
        await rig.connections[i]!.say(ok);
        readBody(result);
      }
      await settled();
      assert.equal(rig.connections.filter((connection) => !connection.gone).length, kept);
      rig.transport.forget(rig.endpoint);
      await settled();
      assert.equal(rig.connections.filter((connection) => !connection.gone).length, 0);
    });
  }

  for (const [reason, answer] of [
    ["the backend says close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"],
    ["the backend speaks HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"],
    ["the head was irregular", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"],
    ["bytes came behind the body", `${ok}x`],
    ["bytes came behind an empty answer", "HTTP/1.1 204 No Content\r\n\r\nx"],
    ["bytes came behind the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx"],
  ] as const) {
    it(`does not use a connection again when ${reason}`, async () => {
      const rig = createRig();
      const result = await rig.send(get());
      await rig.connections[0]!.say(answer);
      const sink = readBody(result);
      assert.equal(sink.ends, 1);
      assert.equal(sink.failure, undefined);
      await settled();
      assert.equal(rig.connections[0]!.gone, true);
      await exchange(rig, 1);
    });
  }

  it("closes an idle connection that the backend says something on", async () => {
    const rig = createRig();
    await exchange(rig, 0);
    await rig.connections[0]!.say("HTTP/1.1 408 Request Timeout\r\n\r\n");
    assert.equal(rig.connections[0]!.gone, true);
    assert.equal((await exchange(rig, 1)).attempt.reused, false);
  });

  it("drops idle connections that the backend closes or resets", async () => {
    for (const way of ["end", "reset"] as const) {
      const rig = createRig();
      await exchange(rig, 0);
      await rig.connections[0]![way]();
      assert.equal((await exchange(rig, 1)).attempt.reused, false);
      assert.equal(rig.dials.length, 2);
    }
  });

  it("closes a connection that was idle for the idle timeout, but none in use", async () => {
    const rig = createRig();
    await exchange(rig, 0);
    rig.clock.turn(89_000);
    await exchange(rig, 0);
    rig.clock.turn(89_000);
    await settled();
    assert.equal(rig.connections[0]!.gone, false);
    const slow = await rig.send(get());
    rig.clock.turn(200_000);
    await rig.connections[0]!.say(ok);
    assert.equal(readBody(slow).text, "hi");
    rig.clock.turn(90_200);
    await settled();
    assert.equal(rig.connections[0]!.gone, true);
    await exchange(rig, 1);
  });

  it("does not keep connections of a forgotten endpoint", async () => {
    const rig = createRig();
    await exchange(rig, 0);
    const busy = await rig.send(get());
    const other = await rig.send(get());
    await rig.connections[1]!.say(ok);
    readBody(other);
    rig.transport.forget(rig.endpoint);
    await settled();
    assert.equal(rig.connections[1]!.gone, true, "idle ones go at once");
    await rig.connections[0]!.say(ok);
    assert.equal(readBody(busy).text, "hi");
    await settled();
    assert.equal(rig.connections[0]!.gone, true, "busy ones when they are done");
    await exchange(rig, 2);
  });
});

describe("Transport: a reused connection turns out to be dead", () => {
  /** A connection that the backend closes the moment a request arrives. */
  async function stale(rig: Rig, outgoing: TestOutgoing, way: "end" | "reset") {
    await exchange(rig, 0);
    const result = await rig.send(outgoing);
    assert.equal(outgoing.attempt.reused, true);
    await rig.connections[0]![way]();
    return result;
  }

  for (const way of ["end", "reset"] as const) {
    for (const method of ["GET", "HEAD", "OPTIONS", "TRACE"]) {
      it(`sends ${method} again on a new connection (${way})`, async () => {
        const rig = createRig();
        const outgoing = new TestOutgoing(method, "/again");
        const result = await stale(rig, outgoing, way);
        assert.equal(result.failure, undefined);
        assert.match(rig.connections[1]!.received, /^[A-Z]+ \/again HTTP/);
        assert.deepEqual([outgoing.attempt.reused, outgoing.attempt.wroteHead], [false, true]);
        await rig.connections[1]!.say(ok.replace("hi", method === "HEAD" ? "" : "hi"));
        assert.equal(result.response!.status, 200);
        assert.equal(readBody(result).ends, 1);
      });
    }
  }

  it("sends any method again that says it is idempotent", async () => {
    for (const name of ["Idempotency-Key", "X-Idempotency-Key"]) {
      const rig = createRig();
      const result = await stale(rig, new TestOutgoing("POST", "/", { headers: [[name, "k"]] }), "end");
      await rig.connections[1]!.say(ok);
      assert.equal(result.response!.status, 200);
    }
  });

  it("does not send another method again", async () => {
    const rig = createRig();
    const { failure } = await stale(rig, new TestOutgoing("DELETE", "/"), "end");
    assert.deepEqual([failure!.kind, failure!.message, failure!.retry], ["eof", "EOF", "never"]);
    const reset = await stale(createRig(), new TestOutgoing("DELETE", "/"), "reset");
    assert.equal(reset.failure!.kind, "reset");
    assert.equal(reset.failure!.retry, "never");
    assert.equal(reset.failure!.message, "read tcp 10.0.0.9:50000->10.0.0.1:8080: read: connection reset by peer");
  });

  it("does not send a body again of which bytes were taken", async () => {
    const rig = createRig();
    const source = new TestSource(3, ["abc"], true);
    const outgoing = new TestOutgoing("GET", "/", { body: source });
    const { failure } = await stale(rig, outgoing, "end");
    assert.deepEqual([failure!.kind, failure!.retry], ["eof", "never"]);
    assert.equal(outgoing.attempt.bodyBytesTaken, 3);
    assert.equal(rig.connections.length, 1);
  });

  it("moves a body to the new connection of which nothing was taken", async () => {
    const rig = createRig();
    const source = new TestSource(3);
    const result = await stale(rig, new TestOutgoing("GET", "/", { body: source }), "end");
    source.feed("abc");
    source.sink!.end(undefined);
    await settled();
    assert.match(rig.connections[1]!.received, /\r\nContent-Length: 3\r\n\r\nabc$/);
    await rig.connections[1]!.say(ok);
    assert.equal(result.response!.status, 200);
    assert.equal(source.cancelled, false);
  });

  it("keeps what comes of a body while it is between two connections", async () => {
    for (const length of [3, -1]) {
      const rig = createRig();
      await exchange(rig, 0);
      const source = new TestSource(length);
      const result = await rig.send(new TestOutgoing("GET", "/", { body: source }));
      rig.holdDials = true;
      await rig.connections[0]!.end();
      assert.equal(source.feed("abc"), false);
      await rig.letDialsPass();
      assert.equal(source.resumes, 1);
      source.sink!.end(undefined);
      await settled();
      const body = length === 3 ? "abc" : "3\r\nabc\r\n0\r\n\r\n";
      assert.equal(rig.connections[1]!.received.endsWith(`\r\n\r\n${body}`), true);
      await rig.connections[1]!.say(ok);
      assert.equal(result.response!.status, 200);
    }
  });

  it("does it once: a new connection that fails is a failure", async () => {
    const rig = createRig();
    const result = await stale(rig, get(), "end");
    await rig.connections[1]!.end();
    assert.deepEqual([result.failure!.kind, result.failure!.retry], ["eof", "always"]);
    assert.equal(rig.connections.length, 2);
  });

  it("does not send again once a byte of an answer came", async () => {
    for (const begun of ["H", "HTTP/1.1 103 Early Hints\r\n\r\n"]) {
      const rig = createRig();
      await exchange(rig, 0);
      const result = await rig.send(get());
      await rig.connections[0]!.say(begun);
      await rig.connections[0]!.end();
      assert.equal(result.failure!.kind, "eof");
      assert.match(result.failure!.message, /unexpected EOF$/);
      assert.equal(result.failure!.retry, "never");
      assert.equal(rig.connections.length, 1);
    }
  });
});
