import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { after, before, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { Datagram } from "../../../src/runtime/interface/datagram.ts";
import { StreamError } from "../../../src/runtime/interface/stream-error.ts";
import { until } from "./recorder.ts";

const fail = (error: Error): void => {
  throw error;
};

describe(`datagrams (${runtime.name})`, () => {
  let peer: Socket;
  let port = 0;
  let received: string[] = [];
  before(async () => {
    peer = createSocket("udp4");
    peer.on("message", (bytes) => received.push(bytes.toString("latin1")));
    await new Promise<void>((resolve) => peer.bind(0, "127.0.0.1", resolve));
    port = peer.address().port;
  });
  after(() => peer.close());
  const open = (host = "127.0.0.1"): Promise<Datagram> => runtime.openDatagram({ host, port }, fail);

  it("sends each text as a datagram of its own, one byte per character, in order", async () => {
    received = [];
    const datagram = await open();
    assert.deepEqual([datagram.remoteAddress, datagram.remotePort], ["127.0.0.1", port]);
    const texts = Array.from({ length: 50 }, (_, i) => `\u00e9\u00ff\u0000 ${i}\n`);
    for (const text of texts) datagram.send(text);
    await until("all arrived", () => received.length === texts.length);
    assert.deepEqual(received, texts);
    await until("nothing is pending", () => datagram.pending === 0);
    await datagram.close();
  });

  it("sends what was accepted before it closes, and nothing after", async () => {
    received = [];
    const datagram = await open();
    for (let i = 0; i < 5; i++) datagram.send(`${i}`);
    const closed = datagram.close();
    datagram.send("late");
    await closed;
    await until("all arrived", () => received.length === 5);
    const other = await open();
    other.send("end");
    await until("the last", () => received.at(-1) === "end");
    await other.close();
    assert.deepEqual(received, ["0", "1", "2", "3", "4", "end"]);
  });

  it("finds a name's IPv4 address first", async () => {
    const datagram = await open("localhost");
    assert.equal(datagram.remoteAddress, "127.0.0.1");
    await datagram.close();
  });

  it("tells of a datagram that is too large, and goes on", async () => {
    received = [];
    const errors: StreamError[] = [];
    const datagram = await runtime.openDatagram({ host: "127.0.0.1", port }, (error) => errors.push(error));
    datagram.send("x".repeat(70_000));
    datagram.send("small");
    await until("the small one arrived", () => received.length === 1 && errors.length === 1);
    assert.deepEqual([received, errors[0]!.code], [["small"], "EMSGSIZE"]);
    assert.equal(datagram.pending, 0);
    await datagram.close();
  });

  it("rejects for a name that does not resolve", async () => {
    await assert.rejects(
      runtime.openDatagram({ host: "no-such-host.invalid", port: 514 }, fail),
      (error) => error instanceof StreamError && error.kind === "name-not-found",
    );
  });

  it("rejects for a port that is none", async () => {
    await assert.rejects(runtime.openDatagram({ host: "127.0.0.1", port: 70_000 }, fail), StreamError);
  });
});
