import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FrameCounter } from "../../../src/wire/frame-counter.ts";
import { HeaderLines } from "../../../src/wire/header-lines.ts";
import { ByteTunnel } from "../../../src/wire/tunnel.ts";
import { bytesOf, memoryPair, settled } from "../../fixtures/memory-stream.ts";
import { createServerRig, pendingHandler, type ServerRig, TestClient } from "../../fixtures/server-rig.ts";

const upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const mask = "\x01\x02\x03\x04";
/** Close frames of a server and, masked with the rig's key, of a client: code 1001. */
const fromServer = "\x88\x02\x03\xe9";
const fromClient = "\x88\x82\x07\x07\x07\x07\x04\xee";

/** A frame whose payload is `length` times x. */
function frame(masked: boolean, length: number, first = 0x82): string {
  const bit = masked ? 0x80 : 0;
  const at = (n: number): string => String.fromCharCode(n & 0xff);
  const size =
    length < 126
      ? at(bit | length)
      : length < 65536
        ? at(bit | 126) + at(length >> 8) + at(length)
        : `${at(bit | 127)}\0\0\0\0${at(length >> 24)}${at(length >> 16)}${at(length >> 8)}${at(length)}`;
  return at(first) + size + (masked ? mask : "") + "x".repeat(length);
}

interface Tunnelled {
  readonly rig: ServerRig;
  readonly client: TestClient;
  readonly backend: TestClient;
  readonly heard: string[];
}

async function tunnelled(protocol = "websocket", early = "", on = true): Promise<Tunnelled> {
  const [near, far] = memoryPair();
  const backend = new TestClient(far, near);
  const { handler, exchanges } = pendingHandler();
  const rig = await createServerRig(handler, { webSocketFarewell: on });
  const client = rig.connect();
  await client.say(upgrade);
  const lines = HeaderLines.from([["Upgrade", protocol]]);
  exchanges[0]!.answer(new ByteTunnel(101, "Switching Protocols", lines, near, bytesOf(early)));
  const head = await client.take();
  assert.equal(head, `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${protocol}\r\n\r\n${early}`);
  return { rig, client, backend, heard: exchanges[0]!.observed.heard };
}

describe("server: farewell to WebSockets (RFC 6455 §5.5.1, §7.4.1)", () => {
  it("sends 1001 to both ends, drops what comes later, and closes when both have answered", async () => {
    const { rig, client, backend, heard } = await tunnelled("WebSocket", frame(false, 3));
    await client.say(frame(true, 5));
    assert.equal(await backend.take(), frame(true, 5));
    rig.server.farewell(0);
    rig.server.farewell(0);
    assert.equal(await client.take(), fromServer);
    assert.equal(await backend.take(), fromClient);
    await client.say(frame(true, 9));
    await backend.say(frame(false, 9));
    assert.deepEqual([await client.take(), await backend.take()], ["", ""]);
    await client.say(fromClient);
    assert.deepEqual([client.sawEnd, backend.sawEnd], [false, false]);
    await backend.say(fromServer);
    await settled();
    assert.deepEqual([client.sawEnd, backend.sawEnd], [true, true]);
    await client.end();
    await backend.end();
    assert.equal(heard.length, 1);
    assert.match(heard[0]!, /^finished 0 \d+ complete$/);
  });

  it("closes after two seconds when an end does not answer", async () => {
    const { rig, client, backend } = await tunnelled();
    rig.server.farewell(0);
    await client.say(fromClient);
    rig.clock.turn(1900);
    await settled();
    assert.equal(backend.sawEnd, false);
    rig.clock.turn(300);
    await settled();
    assert.deepEqual([client.sawEnd, backend.sawEnd], [true, true]);
  });

  it("closes when an end hangs up on hearing it", async () => {
    const { rig, client, backend } = await tunnelled();
    rig.server.farewell(0);
    await backend.take();
    await backend.say(fromServer);
    await backend.end();
    assert.equal(await client.take(), fromServer);
    assert.equal(client.sawEnd, true);
  });

  it("waits for the end of a frame, however it is cut", async () => {
    for (const length of [0, 1, 125, 126, 65535, 65536]) {
      const whole = frame(true, length);
      const ends = [1, 2, 3, 5, 9, whole.length - 1].filter((end) => end < whole.length);
      for (const cut of ends) {
        const { rig, client, backend } = await tunnelled();
        await client.say(frame(true, 2) + whole.slice(0, cut));
        rig.server.farewell(0);
        assert.equal(await backend.take(), frame(true, 2) + whole.slice(0, cut), `${length} ${cut}`);
        await client.say(whole.slice(cut) + frame(true, 4));
        assert.equal(await backend.take(), whole.slice(cut) + fromClient, `${length} ${cut}`);
        assert.equal(await client.take(), "");
      }
    }
  });

  it("counts the bytes that came with the heads", async () => {
    const [near, far] = memoryPair();
    const backend = new TestClient(far, near);
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler, { webSocketFarewell: true });
    const client = rig.connect();
    await client.say(upgrade + frame(true, 7).slice(0, 3));
    const lines = HeaderLines.from([["Upgrade", "websocket"]]);
    exchanges[0]!.answer(new ByteTunnel(101, "", lines, near, bytesOf(frame(false, 8).slice(0, 4))));
    await settled();
    client.received = "";
    await backend.take();
    rig.server.farewell(0);
    assert.deepEqual([await client.take(), await backend.take()], ["", ""]);
    client.stream.write(bytesOf(frame(true, 7).slice(3)));
    backend.stream.write(bytesOf(frame(false, 8).slice(4)));
    assert.equal(await backend.take(), frame(true, 7).slice(3) + fromClient);
    assert.equal(await client.take(), frame(false, 8).slice(4) + fromServer);
  });

  it("leaves an end that closes by itself to it", async () => {
    const { rig, client, backend } = await tunnelled();
    await backend.say("\x88\x02\x03\xe8");
    rig.server.farewell(0);
    assert.equal(await client.take(), "\x88\x02\x03\xe8");
    await client.say("\x88\x82\x00\x00\x00\x00\x03\xe8");
    assert.equal(await backend.take(), "\x88\x82\x00\x00\x00\x00\x03\xe8");
  });

  it("says nothing into other protocols, into bytes that are no frames, and when it is switched off", async () => {
    const cases: [protocol: string, said: string, on: boolean][] = [
      ["echo", "", true],
      ["websocket", "hello\n", true],
      ["websocket", frame(false, 3), true],
      ["websocket", "", false],
    ];
    for (const [protocol, said, on] of cases) {
      const { rig, client, backend } = await tunnelled(protocol, "", on);
      if (said !== "") {
        await client.say(said);
        assert.equal(await backend.take(), said);
      }
      rig.server.farewell(0);
      assert.deepEqual([await client.take(), await backend.take()], ["", ""]);
      await client.say("more");
      assert.equal(await backend.take(), "more", `${protocol} ${on}`);
    }
  });

  it("is spread over the time it is given, and never longer", async () => {
    const { handler, exchanges } = pendingHandler();
    const rig = await createServerRig(handler, { webSocketFarewell: true });
    const clients: TestClient[] = [];
    for (let i = 0; i < 100; i++) {
      const [near, far] = memoryPair();
      new TestClient(far, near);
      const client = rig.connect();
      await client.say(upgrade);
      const lines = HeaderLines.from([["Upgrade", "websocket"]]);
      exchanges[i]!.answer(new ByteTunnel(101, "", lines, near, bytesOf("")));
      clients.push(client);
    }
    await settled();
    const told = (): number => clients.filter(({ received }) => received.endsWith(fromServer)).length;
    rig.server.farewell(2000);
    await settled();
    const counts: number[] = [told()];
    for (let ms = 0; ms < 2000; ms += 100) {
      rig.clock.turn(100);
      await settled();
      counts.push(told());
    }
    assert.deepEqual(counts.slice(0, 3), [10, 20, 30]);
    assert.equal(counts.at(-1), 100);
  });
});

describe("frame counter (RFC 6455 §5.2)", () => {
  const frames = fc.array(
    fc.tuple(fc.constantFrom(0x82, 0x02, 0x80, 0xc1, 0x89, 0x8a), fc.constantFrom(0, 1, 17, 125)),
    { minLength: 1, maxLength: 8 },
  );

  it("knows every place between frames, however the bytes are cut", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(400)), fc.boolean(), (list, cuts, masked) => {
        const texts = list.map(([first, length]) => frame(masked, length, first));
        const all = bytesOf(texts.join(""));
        const places = new Set([0]);
        let at = 0;
        for (const text of texts) {
          at += text.length;
          places.add(at);
        }
        const counter = new FrameCounter(masked);
        const points = [...new Set(cuts.map((cut) => cut % all.length))].sort((a, b) => a - b);
        let from = 0;
        for (const to of [...points, all.length]) {
          const one = new FrameCounter(masked);
          one.pass(all.subarray(0, from));
          const next = [...places].sort((a, b) => a - b).find((place) => place > from) ?? -1;
          assert.equal(one.passFrame(all.subarray(from, to)), next >= 0 && next <= to ? next - from : -1);
          counter.pass(all.subarray(from, to));
          assert.equal(counter.between, places.has(to));
          from = to;
        }
        assert.deepEqual([counter.broken, counter.closing], [false, false]);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it("gives up on what is no frame", () => {
    const wrong: [masked: boolean, text: string][] = [
      [true, "\x82\x01x"],
      [false, "\x82\x81abcdx"],
      [true, "\x83\x80abcd"],
      [true, "\x8b\x80abcd"],
      [true, "\x09\x80abcd"],
      [true, "\x89\xfe\x00\x7eabcd"],
      [false, "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"],
    ];
    for (const [masked, text] of wrong) {
      const counter = new FrameCounter(masked);
      counter.pass(bytesOf(text));
      assert.deepEqual([counter.broken, counter.between], [true, false], JSON.stringify(text));
      assert.equal(counter.passFrame(bytesOf(frame(masked, 1))), -1);
    }
  });
});
