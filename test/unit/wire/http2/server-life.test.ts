import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NO_ERROR, PING, preface } from "../../../../src/wire/http2/protocol.ts";
import type { Handler } from "../../../../src/wire/server-options.ts";
import { createHttp2ServerRig } from "../../../fixtures/http2-server-rig.ts";
import { settled } from "../../../fixtures/memory-stream.ts";
import { pendingHandler, textResponse } from "../../../fixtures/server-rig.ts";

const hello: Handler = () => textResponse("hello");

describe("HTTP/2 server connection: its life", () => {
  it("answers PING", async () => {
    const { peer } = await createHttp2ServerRig(hello);
    peer.frame(PING, 0, 0, "12345678");
    await settled();
    const ping = peer.frames.find(({ type }) => type === PING);
    assert.deepEqual([ping!.flags, ping!.payload], [1, "12345678"]);
  });

  it("is closed with GOAWAY when it has been idle for long", async () => {
    const { peer, clock, client } = await createHttp2ServerRig(hello);
    peer.get(1);
    await settled();
    clock.turn(61_000);
    await settled();
    assert.deepEqual([peer.goAway, client.sawEnd], [{ last: 1, code: NO_ERROR }, true]);
  });

  it("stays while a request is being served", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer, clock } = await createHttp2ServerRig(handler);
    peer.get(1);
    await settled();
    clock.turn(600_000);
    exchanges[0]!.answer(textResponse("late"));
    await settled();
    assert.deepEqual([peer.stream(1).body, peer.goAway], ["late", undefined]);
  });

  it("is given up when it does not greet in time", async () => {
    const { clock, client, peer } = await createHttp2ServerRig(hello, { greets: false });
    peer.say(preface);
    await settled();
    clock.turn(11_000);
    await settled();
    assert.equal(client.sawEnd, true);
  });

  it("drains: idle at once, else behind the last answer", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer, server, client } = await createHttp2ServerRig(handler);
    peer.get(1);
    await settled();
    assert.equal(server.activeConnections, 1);
    let drained = false;
    void server.drain().then(() => {
      drained = true;
    });
    await settled();
    assert.deepEqual(peer.goAway, { last: 0x7fff_ffff, code: NO_ERROR });
    // The client has not read that when it sends this.
    peer.get(3);
    await settled();
    peer.frame(PING, 1, 0, "draining").get(5);
    await settled();
    assert.deepEqual(peer.goAway, { last: 3, code: NO_ERROR });
    assert.deepEqual([exchanges.length, drained], [2, false]);
    for (const exchange of exchanges) exchange.answer(textResponse("done"));
    await settled();
    assert.deepEqual([peer.stream(1).body, peer.stream(3).body], ["done", "done"]);
    assert.deepEqual([client.sawEnd, drained], [true, true]);
  });

  it("ends everything when the client closes the connection", async () => {
    const { handler, exchanges } = pendingHandler();
    const { peer, client, server } = await createHttp2ServerRig(handler);
    peer.get(1);
    await settled();
    await client.end();
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone"]);
    assert.deepEqual([server.activeConnections, server.idleConnections], [0, 0]);
  });
});
