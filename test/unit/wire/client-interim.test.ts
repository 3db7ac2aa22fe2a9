import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRig, readBody, TestOutgoing, TestSource } from "../../fixtures/client-rig.ts";
import { settled } from "../../fixtures/memory-stream.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

describe("client: interim responses", () => {
  it("passes up to five on at once", async () => {
    const rig = createRig();
    const outgoing = new TestOutgoing("GET", "/");
    const result = await rig.send(outgoing);
    await rig.connections[0]!.say(hint);
    assert.deepEqual(outgoing.interims, [{ status: 103, headers: [["Link", "</a>"]] }]);
    await rig.connections[0]!.say(`${hint.repeat(3)}HTTP/1.1 102 Processing\r\n\r\n${ok}`);
    assert.deepEqual(
      outgoing.interims.map(({ status }) => status),
      [103, 103, 103, 103, 102],
    );
    assert.equal(readBody(result).text, "hi");
    assert.equal(result.response!.headers.has("link"), false);
  });

  it("fails at the sixth, after five went out", async () => {
    const rig = createRig();
    const outgoing = new TestOutgoing("GET", "/");
    const result = await rig.send(outgoing);
    await rig.connections[0]!.say(hint.repeat(6) + ok);
    assert.equal(outgoing.interims.length, 5);
    assert.deepEqual([result.failure!.kind, result.failure!.retry], ["too-many-interim", "never"]);
    assert.equal(
      result.failure!.message,
      "net/http: HTTP/1.x transport connection broken: net/http: too many 1xx informational responses",
    );
    assert.equal(rig.connections[0]!.gone, true);
  });
});

describe("client: Expect: 100-continue", () => {
  const expecting = (body: TestSource, more: [string, string][] = []): TestOutgoing =>
    new TestOutgoing("POST", "/", { body, headers: [["Expect", "100-Continue"], ["Content-Length", "3"], ...more] });

  it("holds the body until the backend's 100, which is passed on first", async () => {
    const rig = createRig();
    const body = new TestSource(3, ["abc"], true);
    const outgoing = expecting(body);
    const result = await rig.send(outgoing);
    const [backend] = rig.connections;
    assert.match(backend!.received, /Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n$/);
    assert.equal(body.taken, false);
    assert.equal(outgoing.attempt.wroteHead, true);
    await backend!.say("HTTP/1.1 100 Continue\r\n\r\n");
    assert.deepEqual(outgoing.interims, [{ status: 100, headers: [] }]);
    assert.equal(backend!.received.endsWith("\r\n\r\nabc"), true);
    await backend!.say(ok);
    assert.equal(readBody(result).text, "hi");
    const next = new TestOutgoing("GET", "/");
    await rig.send(next);
    assert.equal(next.attempt.reused, true);
  });

  it("sends the body after a second of silence; a late 100 is passed on", async () => {
    const rig = createRig();
    const body = new TestSource(3, ["abc"], true);
    const outgoing = expecting(body);
    await rig.send(outgoing);
    rig.clock.turn(990);
    assert.equal(body.taken, false);
    rig.clock.turn(200);
    await settled();
    assert.equal(rig.connections[0]!.received.endsWith("\r\n\r\nabc"), true);
    await rig.connections[0]!.say("HTTP/1.1 100 Continue\r\n\r\n");
    assert.equal(outgoing.interims.length, 1);
  });

  it("sends the body to a backend that answers without it and goes on", async () => {
    const rig = createRig();
    const body = new TestSource(3, ["abc"], true);
    const result = await rig.send(expecting(body));
    await rig.connections[0]!.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh");
    assert.equal(result.response!.status, 200);
    assert.equal(rig.connections[0]!.received.endsWith("\r\n\r\nabc"), true);
    const sink = readBody(result);
    await rig.connections[0]!.say("i");
    assert.deepEqual([sink.text, sink.ends], ["hi", 1]);
    await settled();
    assert.equal(rig.connections[0]!.gone, false);
  });

  it("does not ask for a body that a final answer made needless", async () => {
    for (const answer of [
      "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 2\r\n\r\nn",
    ]) {
      const rig = createRig();
      const body = new TestSource(3, ["abc"], true);
      const result = await rig.send(expecting(body));
      await rig.connections[0]!.say(answer);
      assert.equal(result.response!.status, 417);
      const sink = readBody(result);
      if (answer.endsWith("n")) await rig.connections[0]!.say("o");
      assert.equal(sink.ends, 1);
      rig.clock.turn(2000);
      await settled();
      assert.equal(body.taken, false);
      assert.equal(rig.connections[0]!.gone, true);
    }
  });

  it("does not reuse a connection that the request itself closes", async () => {
    const rig = createRig();
    const result = await rig.send(expecting(new TestSource(3, ["abc"], true), [["Connection", "close"]]));
    await rig.connections[0]!.say("HTTP/1.1 100 Continue\r\n\r\n");
    await rig.connections[0]!.say(ok);
    assert.equal(readBody(result).text, "hi");
    await settled();
    assert.equal(rig.connections[0]!.gone, true);
  });

  it("can still be retried when the backend goes away instead of saying 100", async () => {
    const rig = createRig();
    const body = new TestSource(3, ["abc"], true);
    const result = await rig.send(expecting(body));
    await rig.connections[0]!.end();
    assert.equal(result.failure!.kind, "eof");
    assert.equal(body.taken, false);
  });
});

describe("client: upgrades", () => {
  const asking = (): TestOutgoing =>
    new TestOutgoing("GET", "/", {
      upgrade: true,
      timeoutMs: 500,
      headers: [
        ["Connection", "Upgrade"],
        ["Upgrade", "WebSocket"],
      ],
    });
  const switching = "HTTP/1.1 101 Go Ahead\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";

  it("hands the connection over with what came behind the head, paused and out of the pool", async () => {
    const rig = createRig();
    const outgoing = asking();
    const result = await rig.send(outgoing);
    await rig.connections[0]!.say(`${switching}early`);
    const tunnel = result.tunnel!;
    assert.equal(tunnel.status, 101);
    assert.equal(String.fromCharCode(...tunnel.early), "early");
    assert.equal(outgoing.sending, undefined);
    await rig.connections[0]!.say("later");
    rig.clock.turn(1000);
    let heard = "";
    tunnel.tunnel.handler = {
      data(bytes) {
        heard += String.fromCharCode(...bytes);
      },
      drained() {},
      ended() {},
      closed() {},
    };
    tunnel.tunnel.resume();
    await settled();
    assert.equal(heard, "later");
    await rig.send(new TestOutgoing("GET", "/"));
    assert.equal(rig.connections.length, 2);
    rig.clock.turn(100_000);
    await settled();
    assert.equal(rig.connections[0]!.gone, false);
  });

  it("takes any other status as an ordinary response", async () => {
    const rig = createRig();
    const result = await rig.send(asking());
    await rig.connections[0]!.say(ok);
    assert.equal(readBody(result).text, "hi");
    const next = new TestOutgoing("GET", "/");
    await rig.send(next);
    assert.equal(next.attempt.reused, true);
  });

  for (const [why, answer, outgoing] of [
    ["that was not asked for", switching, () => new TestOutgoing("GET", "/")],
    ["to another protocol", switching.replace("websocket", "tcp"), asking],
    ["without the token", switching.replace("keep-alive, Upgrade", "keep-alive"), asking],
    ["without a protocol", switching.replace("Upgrade: websocket\r\n", ""), asking],
  ] as [string, string, () => TestOutgoing][]) {
    it(`fails at a 101 ${why}`, async () => {
      const rig = createRig();
      const result = await rig.send(outgoing());
      await rig.connections[0]!.say(answer);
      assert.deepEqual([result.failure!.kind, result.failure!.retry], ["switching-protocols", "never"]);
      assert.equal(rig.connections[0]!.gone, true);
    });
  }

  it("fails when the backend switches before it has the whole request", async () => {
    const rig = createRig();
    const body = new TestSource(6, ["abc"]);
    const result = await rig.send(
      new TestOutgoing("POST", "/", {
        body,
        upgrade: true,
        headers: [
          ["Connection", "Upgrade"],
          ["Upgrade", "websocket"],
        ],
      }),
    );
    await rig.connections[0]!.say(switching);
    assert.equal(result.failure!.kind, "switching-protocols");
    assert.equal(body.cancelled, true);
  });
});
