import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ResponseLike } from "../../../src/core/message.ts";
import { HeaderLines } from "../../../src/wire/header-lines.ts";
import { ByteTunnel } from "../../../src/wire/tunnel.ts";
import { bytesOf, memoryPair, settled } from "../../fixtures/memory-stream.ts";
import { createServerRig, pendingHandler, type ServerRig, TestClient, undated } from "../../fixtures/server-rig.ts";

const get = "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n";

describe("server: tunnels", () => {
  const upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";

  async function tunnelled(
    ahead = "",
    early = "",
  ): Promise<{
    rig: ServerRig;
    client: TestClient;
    backend: TestClient;
    heard: string[];
    answer: string;
  }> {
    const [near, far] = memoryPair();
    const backend = new TestClient(far, near);
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(upgrade + ahead);
    const lines = HeaderLines.from([["connection", "x, UPGRADE"]]);
    exchanges[0]!.answer(new ByteTunnel(101, "Changed  It", lines, near, bytesOf(early)));
    const answer = await client.take();
    return { rig, client, backend, heard: exchanges[0]!.observed.heard, answer };
  }

  it("sends the head as it is, with the early bytes of both sides", async () => {
    const { rig, client, backend, answer } = await tunnelled("early", "hello");
    assert.equal(answer, "HTTP/1.1 101 Changed  It\r\nconnection: x, UPGRADE\r\n\r\nhello");
    assert.equal(client.far.writes, 1);
    assert.equal(backend.received, "early");
    assert.equal(rig.server.activeConnections + rig.server.idleConnections, 0);
  });

  it("copies both ways, with back-pressure", async () => {
    const { client, backend } = await tunnelled();
    await client.say("ping");
    assert.equal(await backend.take(), "ping");
    await backend.say("pong");
    assert.equal(await client.take(), "pong");
    client.stream.pause();
    client.discard = true;
    for (let i = 0; i < 100; i++) await backend.say("x".repeat(10_000));
    assert.equal(backend.far.paused, true);
    assert.ok(backend.stream.pending > 800_000);
    client.stream.resume();
    while (client.receivedBytes < 1_000_004) await settled();
  });

  it("closes both sides behind what is pending when either ends", async () => {
    for (const side of ["client", "backend"] as const) {
      const { client, backend, heard } = await tunnelled();
      const [ending, other] = side === "client" ? [client, backend] : [backend, client];
      ending.stream.write(bytesOf("last"));
      await ending.end();
      assert.equal(await other.take(), "last");
      assert.equal(other.sawEnd, true);
      await other.end();
      assert.deepEqual([client.sawClose, backend.sawClose], [true, true]);
      assert.equal(heard.length, 1);
      assert.match(heard[0]!, /^finished 0 \d+ complete$/);
    }
  });

  it("cuts the other side when it does not close by itself", async () => {
    const { rig, client, backend, heard } = await tunnelled();
    client.stream.reset();
    await settled();
    assert.equal(backend.sawEnd, true);
    assert.deepEqual(heard, []);
    rig.clock.turn(3_000);
    await settled();
    assert.equal(backend.far.over, true);
    assert.equal(heard.length, 1);
  });

  it("is cut by destroy", async () => {
    const { rig, client, backend } = await tunnelled();
    await rig.server.drain();
    await client.say("on");
    assert.equal(await backend.take(), "on");
    rig.server.destroy();
    await settled();
    assert.deepEqual([client.sawEnd, backend.sawEnd], [true, true]);
  });

  it("closes the backend when the client has gone meanwhile", async () => {
    const [near, far] = memoryPair();
    const backend = new TestClient(far, near);
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler);
    const client = rig.connect();
    await client.say(upgrade);
    client.stream.reset();
    await settled();
    exchanges[0]!.answer(new ByteTunnel(101, "", new HeaderLines(), near, bytesOf("")));
    await settled();
    assert.equal(backend.sawEnd, true);
    assert.deepEqual(exchanges[0]!.observed.heard, ["aborted client-gone", "finished 0 0 client-gone"]);
  });

  it("takes a tunnel from a handler that answers at once, and the bytes behind the request", async () => {
    const [near, far] = memoryPair();
    const backend = new TestClient(far, near);
    const rig = await createServerRig(() => new ByteTunnel(101, "", new HeaderLines(), near, bytesOf("")));
    const client = rig.connect();
    assert.equal(await client.say(`${upgrade}early`), "HTTP/1.1 101 \r\n\r\n");
    assert.equal(await backend.take(), "early");
  });

  it("answers 502 to a tunnel that is no byte stream", async () => {
    let destroyed = false;
    const tunnel = {
      destroy() {
        destroyed = true;
      },
    };
    const rig = await createServerRig(() => ({ status: 101, statusText: "", headers: new Headers(), tunnel }));
    assert.match(await rig.connect().say(upgrade), /^HTTP\/1.1 502 /);
    assert.equal(destroyed, true);
  });
});

describe("server: platform objects", () => {
  it("serves a platform Response, streamed", async () => {
    const rig = await createServerRig(
      (): ResponseLike => new Response("hello", { status: 201, headers: { "X-Y": "z" } }),
    );
    const client = rig.connect();
    const text = undated(await client.say(get)).toLowerCase();
    assert.match(text, /^http\/1.1 201 created\r\n/);
    assert.match(text, /\r\nx-y: z\r\n/);
    assert.match(text, /transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
    assert.match(await client.say(get), /^HTTP\/1.1 201/);
  });

  it("serves a platform Response without a body, and one with a length", async () => {
    const rig = await createServerRig(
      (request): ResponseLike =>
        request.method === "GET"
          ? new Response(null, { status: 200 })
          : new Response("abc", { headers: { "Content-Length": "3" } }),
    );
    const client = rig.connect();
    assert.equal(undated(await client.say(get)), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert.match(await client.say(get.replace("GET", "PUT")), /content-length: 3\r\n[\s\S]*\r\n\r\nabc$/i);
  });

  it("reads a stream only as fast as the client, and cancels it when the client goes", async () => {
    let pulled = 0;
    let cancelled = false;
    const rig = await createServerRig(
      (): ResponseLike =>
        new Response(
          new ReadableStream<Uint8Array>(
            {
              pull(controller) {
                pulled++;
                controller.enqueue(new Uint8Array(10_000));
              },
              cancel() {
                cancelled = true;
              },
            },
            { highWaterMark: 0 },
          ),
        ),
    );
    const client = rig.connect();
    client.stream.pause();
    await client.say(get);
    for (let i = 0; i < 20; i++) await settled();
    assert.ok(pulled < 20, `${pulled} chunks were read`);
    client.stream.reset();
    while (!cancelled) await settled();
  });

  it("cuts the response when a stream errors", async () => {
    const rig = await createServerRig(
      (): ResponseLike =>
        new Response(
          new ReadableStream({
            pull(controller) {
              controller.error(new Error("no more"));
            },
          }),
        ),
    );
    const client = rig.connect();
    client.stream.write(bytesOf(get));
    while (!client.far.over) await settled();
    assert.equal(client.received.includes("0\r\n\r\n"), false);
  });
});
