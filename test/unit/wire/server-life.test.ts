import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../../../src/core/forwarding/failure.ts";
import { HeaderLines } from "../../../src/wire/header-lines.ts";
import { settled } from "../../fixtures/memory-stream.ts";
import {
  createServerRig,
  HandFedBody,
  Observed,
  pendingHandler,
  type ServerRig,
  sourceResponse,
  textResponse,
} from "../../fixtures/server-rig.ts";

const get = "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n";
const cut = new Failure("body-cut", "backend", "never", "unexpected EOF");

/** A rig whose handler answers with a body fed by hand. */
async function streaming(
  lines: [string, string][] = [],
): Promise<{ rig: ServerRig; body: HandFedBody; heard: string[] }> {
  const body = new HandFedBody();
  const observed = new Observed();
  const rig = await createServerRig((_request, client) => {
    client.observer = observed;
    return sourceResponse(body, lines);
  });
  return { rig, body, heard: observed.heard };
}

describe("server: the client goes away", () => {
  it("counts a half-close before the answer as gone; the answer still goes out, then the connection closes", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(get);
    const { signal } = exchanges[0]!.request;
    await client.end();
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone"]);
    assert.equal(signal.aborted, true);
    exchanges[0]!.answer(textResponse("ok"));
    // Without a Connection line: neither the client asked for the end, nor did the server decide it (data-plane §5.5).
    assert.match(await client.take(), /^HTTP\/1.1 200 OK\r\nDate: [^\r]+\r\nContent-Length: 2\r\n\r\nok$/);
    assert.equal(client.sawClose, true);
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone", "finished 0 2 client-gone"]);
  });

  it("tells of a reset once, and throws the late answer away", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(get);
    assert.equal(rig.server.activeConnections, 1);
    client.stream.reset();
    await settled();
    assert.equal(rig.server.activeConnections, 0);
    assert.equal(exchanges[0]!.request.signal.aborted, true);
    const body = new HandFedBody();
    exchanges[0]!.answer(sourceResponse(body));
    await settled();
    assert.equal(body.cancelled, true);
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone", "finished 0 0 client-gone"]);
  });

  it("gives a response up when the client is gone while it is written", async () => {
    const { rig, body, heard } = await streaming();
    const client = rig.connect();
    await client.say(get);
    body.give("abc");
    await settled();
    client.stream.reset();
    await settled();
    assert.equal(body.cancelled, true);
    assert.deepEqual(heard, ["aborted client-gone", "finished 0 3 client-gone"]);
  });

  it("cancels requests that came in one piece, each in its turn (data-plane §4.9)", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(get + get);
    await client.end();
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone"]);
    exchanges[0]!.answer(textResponse("1"));
    assert.match(await client.take(), /\r\n\r\n1$/);
    assert.equal(exchanges[1]!.request.signal.aborted, true);
    exchanges[1]!.answer(textResponse("2"));
    assert.match(await client.take(), /\r\n\r\n2$/);
    assert.equal(client.sawClose, true);
    assert.equal(exchanges.length, 2);
  });

  it("does not see the end behind a request that came later: the first is answered, the later one cancelled", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(get);
    await client.say(get);
    await client.end();
    assert.deepEqual(exchanges[0]!.observed.heard, []);
    exchanges[0]!.answer(textResponse("1"));
    assert.match(await client.take(), /\r\n\r\n1$/);
    assert.deepEqual(exchanges[0]!.observed.heard, ["finished 0 1 complete"]);
    assert.equal(exchanges[1]!.request.signal.aborted, true);
    exchanges[1]!.answer(textResponse("2"));
    await settled();
    assert.equal(client.sawClose, true);
  });

  it("closes behind the answer when what came later is no whole head", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(get);
    await client.say("GET");
    await client.end();
    exchanges[0]!.answer(textResponse("1"));
    assert.match(await client.take(), /\r\n\r\n1$/);
    assert.equal(client.sawClose, true);
    assert.equal(exchanges.length, 1);
  });

  it("forgets a connection whose handler never answers", async () => {
    const rig = await createServerRig(() => new Promise(() => {}));
    const client = rig.connect();
    await client.say(get);
    client.stream.destroy();
    await settled();
    // The half-closed connection is given up only when writing to it fails, or by the program's end.
    rig.server.destroy();
    await settled();
    assert.equal(rig.server.activeConnections, 0);
    await rig.server.drain();
  });

  it("closes when the client ends before a head, within one, and when idle", async () => {
    for (const text of ["", "GET / HT", get]) {
      const rig = await createServerRig(() => textResponse(""));
      const client = rig.connect();
      await client.say(text);
      await client.end();
      assert.equal(client.sawClose, true);
      assert.equal(rig.server.idleConnections, 0);
    }
  });
});

describe("server: responses that fail or flow slowly", () => {
  it("cuts a response whose body fails, without a final chunk", async () => {
    const { rig, body, heard } = await streaming();
    const client = rig.connect();
    await client.say(get);
    body.give("abc");
    assert.match(await client.take(), /3\r\nabc\r\n$/);
    body.sink!.fail(cut);
    assert.equal(await client.take(), "");
    assert.equal(client.far.over, true);
    assert.deepEqual(heard, ["finished 0 3 response-cut"]);
  });

  it("cuts a response that ends short or runs over its Content-Length", async () => {
    for (const text of ["ab", "abcd"]) {
      const { rig, body, heard } = await streaming([["Content-Length", "3"]]);
      const client = rig.connect();
      await client.say(get);
      body.give(text);
      if (text.length < 3) body.sink!.end(undefined);
      await settled();
      assert.equal(client.far.over, true);
      assert.equal(client.received.includes("abcd"), false);
      assert.deepEqual(heard, [`finished 0 ${text.length} response-cut`]);
    }
  });

  it("resets the connection when a body that ends with it fails", async () => {
    const { rig, body } = await streaming();
    const client = rig.connect();
    await client.say("GET / HTTP/1.0\r\n\r\n");
    body.give("abc");
    await settled();
    body.sink!.fail(cut);
    await settled();
    assert.equal(client.cause?.kind, "reset");
  });

  it("does not send a response whose content contradicts its Content-Length", async () => {
    const rig = await createServerRig(() => ({
      ...textResponse("abc"),
      headers: HeaderLines.from([["Content-Length", "2"]]),
    }));
    const client = rig.connect();
    assert.equal(await client.say(get), "");
    assert.equal(client.far.over, true);
    assert.equal(rig.errors.length, 1);
  });

  it("stops the source of a slow reader's response, and goes on when it has read", async () => {
    const { rig, body, heard } = await streaming();
    const client = rig.connect();
    client.stream.pause();
    await client.say(get);
    let given = 0;
    for (; given < 100 && (given === 0 || body.give("x".repeat(10_000))); given++) await settled();
    assert.ok(given < 20, `${given} chunks taken`);
    body.sink!.end(undefined);
    await settled();
    assert.deepEqual(heard, []);
    client.stream.resume();
    await settled();
    assert.equal(heard.length, 1);
    assert.match(client.received, /\r\n0\r\n\r\n$/);
  });

  it("resumes the source once the reader has read", async () => {
    const { rig, body } = await streaming();
    const client = rig.connect();
    client.stream.pause();
    await client.say(get);
    while (body.give("x".repeat(20_000))) await settled();
    assert.equal(body.resumed, 0);
    client.stream.resume();
    await settled();
    assert.equal(body.resumed, 1);
  });
});
