import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HOSTILE_MESSAGES } from "../../fixtures/hostile-messages.ts";
import { settled } from "../../fixtures/memory-stream.ts";
import { createServerRig, pendingHandler, readAll, textResponse, undated } from "../../fixtures/server-rig.ts";

const get = "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n";

describe("server: timeouts", () => {
  it("closes an idle connection silently, not one that is served", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler, { idleTimeoutMs: 10_000 });
    const client = rig.connect();
    await client.say(get);
    rig.clock.turn(60_000);
    await settled();
    assert.equal(client.sawEnd, false);
    exchanges[0]!.answer(textResponse("ok"));
    await client.take();
    rig.clock.turn(9_000);
    await client.say(get);
    rig.clock.turn(9_000);
    exchanges[1]!.answer(textResponse("ok"));
    await client.take();
    rig.clock.turn(9_000);
    await settled();
    assert.equal(client.sawEnd, false);
    rig.clock.turn(2_000);
    assert.equal(await client.take(), "");
    assert.equal(client.sawEnd, true);
    assert.equal(rig.server.idleConnections, 0);
  });

  it("does not take a head that is on its way for idleness", async () => {
    const rig = await createServerRig(() => textResponse("ok"), { idleTimeoutMs: 10_000 });
    const client = rig.connect();
    await client.say(get);
    await client.say(get.slice(0, 20));
    rig.clock.turn(60_000);
    assert.match(await client.say(get.slice(20)), /ok$/);
  });

  it("bounds the time for a head: 400 within the request line, silence behind it", async () => {
    const rig = await createServerRig(() => textResponse("ok"), { readHeaderTimeoutMs: 5_000 });
    const before = rig.connect();
    const within = rig.connect();
    const behind = rig.connect();
    const second = rig.connect();
    await within.say("GET / HT");
    await behind.say("GET / HTTP/1.1\r\nHo");
    await second.say(get);
    rig.clock.turn(4_000);
    await second.say("GET / HTTP/1.1\r\nHo");
    rig.clock.turn(1_200);
    assert.equal(await before.take(), "");
    assert.match(await within.take(), /^HTTP\/1.1 400 Bad Request\r\n[\s\S]*400 Bad Request$/);
    assert.equal(await behind.take(), "");
    assert.deepEqual(
      [before, within, behind, second].map((client) => client.sawEnd),
      [true, true, true, false],
    );
    rig.clock.turn(4_000);
    await settled();
    assert.equal(second.sawEnd, true);
  });

  it("answerTimeoutMs: cuts an answer that is not out in time, on the way or never made; not what comes after", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler, { answerTimeoutMs: 10_000 });
    const answered = rig.connect();
    const [slow, last, never] = [rig.connect(), rig.connect(), rig.connect()];
    for (const client of [slow, last]) client.stream.pause();
    for (const client of [answered, slow, never]) await client.say(get);
    await last.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    exchanges[0]!.answer(textResponse("ok"));
    for (const at of [1, 3]) exchanges[at]!.answer(textResponse("x".repeat(1_000_000)));
    rig.clock.turn(9_000);
    await settled();
    assert.deepEqual(
      [slow, last, never].map(({ far }) => far.over),
      [false, false, false],
    );
    rig.clock.turn(1_500);
    await settled();
    assert.deepEqual(
      [answered, slow, last, never].map(({ far }) => far.over),
      [false, true, true, true],
    );
    assert.equal(rig.server.activeConnections, 0);
  });

  it("gives a client that takes nothing of its last answer a minute", async () => {
    const rig = await createServerRig(() => textResponse("ok"));
    const client = rig.connect();
    client.stream.pause();
    await client.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    rig.clock.turn(50_000);
    await settled();
    assert.equal(client.far.over, false);
    rig.clock.turn(20_000);
    await settled();
    assert.equal(client.far.over, true);
  });
});

describe("server: drain and limits", () => {
  it("closes idle connections at once and active ones behind their answer", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const fresh = rig.connect();
    const idle = rig.connect();
    const active = rig.connect();
    await idle.say(get);
    exchanges[0]!.answer(textResponse("ok"));
    await idle.take();
    await active.say(get);
    assert.equal(rig.server.activeConnections, 1);
    assert.equal(rig.server.idleConnections, 1);
    let drained = false;
    void rig.server.drain().then(() => {
      drained = true;
    });
    await settled();
    assert.deepEqual([fresh.sawEnd, idle.sawEnd, active.sawEnd, drained], [false, true, false, false]);
    exchanges[1]!.answer(textResponse("ok"));
    assert.equal(undated(await active.take()), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert.equal(active.sawEnd, true);
    await active.end();
    assert.equal(drained, true);
    // A connection that had no head yet is served once.
    await fresh.say(get);
    exchanges[2]!.answer(textResponse("ok"));
    assert.match(await fresh.take(), /ok$/);
    assert.equal(fresh.sawEnd, true);
  });

  it("is drained at once without active connections, and destroys what is left", async () => {
    const { handler } = pendingHandler();
    const rig = await createServerRig(handler);
    await rig.server.drain();
    const client = rig.connect();
    await client.say(get);
    rig.server.destroy();
    await settled();
    assert.equal(client.sawEnd, true);
    assert.equal(rig.server.activeConnections, 0);
  });

  it("turns clients away above the bound", async () => {
    const rig = await createServerRig(() => textResponse("ok"), { maxConnections: 1 });
    const first = rig.connect();
    const second = rig.connect();
    assert.match(await second.take(), /^HTTP\/1.1 503 Service Unavailable\r\n[\s\S]*Connection: close\r\n\r\n503/);
    assert.equal(second.sawEnd, true);
    await second.end();
    assert.match(await first.say(get), /ok$/);
    await first.end();
    assert.match(await rig.connect().say(get), /ok$/);
  });

  it("refuses every hostile head with its answer, and none reaches the handler", async () => {
    for (const message of HOSTILE_MESSAGES) {
      const rig = await createServerRig(
        async (request) => {
          assert.equal(message.where, "body", `${message.name} reached the handler`);
          const failure = await readAll(request).catch((error) => error);
          assert.equal(failure.kind, "request-body", message.name);
          return textResponse("bad", 400);
        },
        { limits: { maxBytes: 1048576 + 4096, maxLines: 0 } },
      );
      const client = rig.connect();
      const answer = await client.say(message.text);
      assert.match(answer, new RegExp(`^HTTP/1.[01] ${message.status} `), message.name);
      if (message.body !== undefined) assert.equal(answer.split("\r\n\r\n")[1], message.body, message.name);
      assert.equal(client.sawEnd, true, message.name);
      assert.deepEqual(rig.errors, []);
    }
  });
});
