import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Endpoint } from "../../../src/core/routing/endpoint.ts";
import type { ByteStreamHandler } from "../../../src/runtime/interface/byte-stream.ts";
import { StreamError } from "../../../src/runtime/interface/stream-error.ts";
import type { Runtime } from "../../../src/runtime/interface.ts";
import { TimerWheel } from "../../../src/wire/timer-wheel.ts";
import { createTransport } from "../../../src/wire/transport.ts";
import {
  BackendConnection,
  createRig,
  plainOptions,
  type Rig,
  TestOutgoing,
  TurnedClock,
  watch,
} from "../../fixtures/client-rig.ts";
import { bytesOf, memoryPair, settled, textOf } from "../../fixtures/memory-stream.ts";

async function open(rig: Rig, outgoing = new TestOutgoing("CONNECT", "db.example.com:5432")) {
  const result = watch(rig.transport.open!(rig.endpoint, outgoing));
  await settled();
  return { result, outgoing };
}

describe("client: connections for CONNECT tunnels", () => {
  it("dials, writes nothing, and gives the stream with 200", async () => {
    const rig = createRig();
    const { result, outgoing } = await open(rig);
    const [backend] = rig.connections;
    assert.deepEqual([result.tunnel!.status, rig.dials[0]!.host, rig.dials[0]!.port], [200, "10.0.0.1", 8080]);
    assert.deepEqual([backend!.received, outgoing.sending], ["", undefined]);
    const { gotConnection, reused, localAddress } = outgoing.attempt;
    assert.deepEqual([gotConnection, reused, localAddress], [true, false, "10.0.0.9:50000"]);
    let heard = "";
    const add = (bytes: Uint8Array): void => {
      heard += textOf(bytes);
    };
    const { tunnel, early } = result.tunnel!;
    assert.equal(early.length, 0);
    tunnel.handler = { data: add, drained() {}, ended() {}, closed() {} };
    await backend!.say("hello");
    assert.equal(heard, "");
    tunnel.resume();
    await settled();
    assert.equal(heard, "hello");
  });

  it("never takes an idle connection, and leaves none behind", async () => {
    const rig = createRig();
    await rig.send(new TestOutgoing("GET", "/"));
    await rig.connections[0]!.say("HTTP/1.1 204 No Content\r\n\r\n");
    await open(rig);
    assert.equal(rig.connections.length, 2);
    await rig.send(new TestOutgoing("GET", "/"));
    assert.equal(rig.connections.length, 2);
  });

  it("fails as a dial does", async () => {
    const rig = createRig();
    rig.refusals.push(new StreamError("refused", "nobody there"));
    const { result, outgoing } = await open(rig);
    assert.deepEqual([result.failure!.kind, result.failure!.retry], ["dial", "always"]);
    assert.equal(result.failure!.message, "dial tcp 10.0.0.1:8080: connect: connection refused");
    assert.equal(outgoing.attempt.gotConnection, false);
  });

  it("is given up when the client leaves, and its connection closed when it comes", async () => {
    const rig = createRig();
    rig.holdDials = true;
    const { result, outgoing } = await open(rig);
    outgoing.abort("client-gone");
    await settled();
    assert.equal(result.failure!.kind, "client-gone");
    await rig.letDialsPass();
    assert.equal(rig.connections[0]!.gone, true);
  });

  /** Dials where the handler hears that much before the dial resolves. */
  async function openAfter(hear: (handler: ByteStreamHandler) => void) {
    const [near, far] = memoryPair({});
    const backend = new BackendConnection(far);
    const clock = new TurnedClock();
    const runtime: Pick<Runtime, "clock" | "connect"> = {
      clock,
      async connect(_options, handler) {
        near.handler = handler;
        hear(handler);
        return near;
      },
    };
    const transport = createTransport(runtime as Runtime, new TimerWheel(clock), plainOptions);
    const endpoint = new Endpoint({ host: "10.0.0.1", port: 8080 });
    const result = watch(transport.open!(endpoint, new TestOutgoing("CONNECT", "db.example.com:5432")));
    await settled();
    return { result, backend };
  }

  it("keeps what the endpoint says before the tunnel is there", async () => {
    const { result } = await openAfter((handler) => {
      handler.data(bytesOf("220 "));
      handler.data(bytesOf("hi"));
    });
    assert.equal(textOf(result.tunnel!.early), "220 hi");
  });

  it("an endpoint that closes before the tunnel is there has failed", async () => {
    const { result, backend } = await openAfter((handler) => handler.ended());
    assert.deepEqual([result.failure!.kind, result.failure!.message, backend.gone], ["eof", "EOF", true]);
  });

  it("is given up when the router stops", async () => {
    const rig = createRig();
    rig.holdDials = true;
    const { result, outgoing } = await open(rig);
    outgoing.abort("drain");
    await settled();
    assert.deepEqual([result.failure!.kind, result.failure!.retry], ["internal", "never"]);
    await rig.letDialsPass();
  });
});
