import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeaderLines } from "../../../../src/wire/header-lines.ts";
import { RST_STREAM } from "../../../../src/wire/http2/protocol.ts";
import { ByteTunnel } from "../../../../src/wire/tunnel.ts";
import { createHttp2ServerRig, type Http2ServerRig } from "../../../fixtures/http2-server-rig.ts";
import { bytesOf, memoryPair, settled } from "../../../fixtures/memory-stream.ts";
import { pendingHandler, TestClient, textResponse } from "../../../fixtures/server-rig.ts";

/** Close frames of a server and, masked with the rig's key, of a client: code 1001. */
const fromServer = "\x88\x02\x03\xe9";
const fromClient = "\x88\x82\x07\x07\x07\x07\x04\xee";
/** An empty message of a client. */
const message = "\x82\x80abcd";

const extendedConnect = [
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "https"],
  [":authority", "app.test"],
  [":path", "/chat"],
] as const;

interface Rig extends Http2ServerRig {
  readonly exchanges: ReturnType<typeof pendingHandler>["exchanges"];
  /** Opens a WebSocket on a stream; what its backend sees. */
  open(stream: number, protocol?: string): Promise<TestClient>;
}

/** A server and a client of HTTP/2 that can open WebSockets. */
async function rigFor(on = true): Promise<Rig> {
  const { handler, exchanges } = pendingHandler();
  const rig = await createHttp2ServerRig(handler, { webSocketFarewell: on });
  const { peer } = rig;
  const open = async (stream: number, protocol = "websocket"): Promise<TestClient> => {
    const [near, far] = memoryPair();
    const backend = new TestClient(far, near);
    peer.headers(stream, extendedConnect);
    await settled();
    const lines = HeaderLines.from([["Upgrade", protocol]]);
    exchanges.at(-1)!.answer(new ByteTunnel(101, "Switching Protocols", lines, near, bytesOf("")));
    await settled();
    assert.equal(peer.status(stream), 200);
    return backend;
  };
  return { ...rig, exchanges, open };
}

describe("HTTP/2 server connection: WebSockets when the server goes away (RFC 8441, control-plane §8.4)", () => {
  it("sends 1001 to both ends of each, and closes them when both have answered", async () => {
    const { server, peer, open } = await rigFor();
    const backends = [await open(1), await open(3)];
    peer.body(1, message);
    assert.equal(await backends[0]!.take(), message);
    server.farewell(0);
    await settled();
    for (const [index, backend] of backends.entries()) {
      const stream = 1 + 2 * index;
      assert.deepEqual([peer.stream(stream).body, await backend.take()], [fromServer, fromClient]);
      peer.body(stream, fromClient);
      await backend.say(fromServer);
      assert.deepEqual([peer.stream(stream).ended, backend.sawEnd], [true, true]);
    }
    assert.equal(peer.goAway, undefined);
  });

  it("says nothing on other streams, into other protocols, and when it is switched off", async () => {
    for (const [protocol, on] of [
      ["echo", true],
      ["websocket", false],
    ] as const) {
      const { server, peer, exchanges, open } = await rigFor(on);
      const backend = await open(1, protocol);
      peer.get(3);
      await settled();
      server.farewell(0);
      assert.equal(await backend.take(), "");
      exchanges[1]!.answer(textResponse("hello"));
      await settled();
      assert.deepEqual([peer.stream(1).body, peer.stream(3).body], ["", "hello"]);
    }
  });

  it("does not let them hold a drain, but requests beside them", async () => {
    const { server, peer, exchanges, open } = await rigFor();
    const backend = await open(1);
    assert.deepEqual([server.activeConnections, server.idleConnections], [0, 0]);
    peer.get(3);
    await settled();
    assert.equal(server.activeConnections, 1);
    let drained = false;
    void server.drain().then(() => {
      drained = true;
    });
    await settled();
    assert.equal(drained, false);
    exchanges[1]!.answer(textResponse("done"));
    await settled();
    assert.deepEqual([peer.stream(3).body, drained], ["done", true]);
    peer.body(1, message);
    assert.equal(await backend.take(), message);
  });

  it("counts a connection whose WebSocket has ended as idle", async () => {
    const { server, peer, exchanges, open } = await rigFor();
    const cut = await open(1);
    peer.frame(RST_STREAM, 0, 1, "\0\0\0\x08");
    await settled();
    assert.equal(cut.sawEnd, true);
    assert.deepEqual([server.activeConnections, server.idleConnections], [0, 1]);
    const ended = await open(3);
    peer.body(3, "", true);
    await settled();
    await ended.end();
    assert.deepEqual([server.activeConnections, server.idleConnections], [0, 1]);
    peer.get(5);
    await settled();
    assert.deepEqual([server.activeConnections, server.idleConnections], [1, 0]);
    exchanges[2]!.answer(textResponse("hello"));
    await settled();
    assert.deepEqual([server.activeConnections, server.idleConnections], [0, 1]);
  });
});
