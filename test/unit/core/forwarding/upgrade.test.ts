import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Ask,
  FakeResponse,
  FakeTunnel,
  RouterRig,
  requestUuid,
  sorted,
} from "../../../fixtures/fake-transport.ts";

const host = ["Host", "test.com"] as const;
const asking = (connection: string, protocol: string): Ask => ({
  lines: [host, ["Connection", connection], ["Upgrade", protocol]],
});
const websocket = asking("keep-alive, upgrade", "WebSocket");

function rigFor(): RouterRig {
  const rig = new RouterRig({ endpoint_timeout: 7000 });
  rig.register("test.com");
  return rig;
}

describe("upgrades (data-plane §6)", () => {
  it("6.1: asks for any protocol, and takes the deadline off for WebSocket alone", async () => {
    for (const [protocol, timeout] of [
      ["WebSocket", 0],
      ["tcp", 7000],
    ] as const) {
      const rig = rigFor();
      await rig.exchange(asking("Foo, Upgrade", protocol));
      assert.deepEqual(rig.sentValues("Connection"), ["Upgrade"]);
      assert.deepEqual(rig.sentValues("Upgrade"), [protocol]);
      assert.equal(rig.transport.sent[0]?.timeoutMs, timeout);
    }
  });

  it("6.1: a token that only contains upgrade is WebSocket for the deadline, but is not passed on", async () => {
    const rig = rigFor();
    await rig.exchange(asking("xupgrade", "websocket"));
    assert.deepEqual(rig.sentValues("Upgrade"), []);
    assert.equal(rig.transport.sent[0]?.timeoutMs, 0);
    assert.equal(rig.metrics.websocketUpgrades, 1);
  });

  it("6.1: a protocol that is not printable is refused before an endpoint is chosen", async () => {
    const rig = rigFor();
    const answer = await rig.exchange(asking("Upgrade", "f\u00e9"));
    assert.equal(answer.status, 502);
    assert.deepEqual(sorted(answer.headers), ["Content-Length: 0"]);
    assert.equal(rig.transport.sent.length, 0);
    assert.match(rig.accessLog[0]!, /" 502 0 0 .*x_cf_routererror:"-"$/);
  });

  it("6.2: passes 101 on with phrase and headers, session and request id; logged at the end", async () => {
    const rig = new RouterRig({ http_rewrite: { responses: { remove_headers: [{ name: "X-Kept" }] } } });
    rig.register("test.com", { privateInstanceId: "ib" });
    const tunnel = new FakeTunnel([
      ["connection", "Upgrade, x"],
      ["Upgrade", "websocket"],
      ["X-Kept", "1"],
      ["Set-Cookie", "JSESSIONID=1"],
    ]);
    rig.transport.script = () => tunnel;
    const { client, answer } = rig.ask(websocket);
    assert.equal(await answer, tunnel);
    assert.deepEqual(
      sorted(tunnel.headers),
      sorted([
        ["connection", "Upgrade, x"],
        ["Upgrade", "websocket"],
        ["X-Kept", "1"],
        ["Set-Cookie", "JSESSIONID=1"],
        ["Set-Cookie", "__VCAP_ID__=ib; Path=/; HttpOnly"],
        ["X-Vcap-Request-Id", requestUuid],
      ]),
    );
    assert.equal(tunnel.destroyed, false);
    assert.deepEqual(rig.accessLog, []);
    rig.clock.elapsed = 5000;
    client.observer!.finished(0, 0, "client-gone");
    assert.match(rig.accessLog[0]!, /" 101 0 0 .*response_time:5\.000000 gorouter_time:0\.000000/);
    assert.deepEqual([rig.metrics.responsesXxx, rig.metrics.websocketUpgrades], [1, 1]);
  });

  it("6.3: another status is an ordinary response", async () => {
    const rig = rigFor();
    rig.transport.script = () => new FakeResponse(403, [["Connection", "close"]]);
    const answer = await rig.exchange(websocket);
    assert.deepEqual([answer.status, answer.headers.has("Connection")], [403, false]);
    assert.equal(rig.metrics.websocketUpgrades, 1);
  });

  const refused: readonly (readonly [string, Ask, readonly (readonly [string, string])[]])[] = [
    [
      "another protocol",
      websocket,
      [
        ["Connection", "upgrade"],
        ["Upgrade", "tcp"],
      ],
    ],
    [
      "no token",
      websocket,
      [
        ["Connection", "x"],
        ["Upgrade", "websocket"],
      ],
    ],
    [
      "not asked for",
      {},
      [
        ["Connection", "upgrade"],
        ["Upgrade", "websocket"],
      ],
    ],
    [
      "the listener takes no tunnel",
      { ...websocket, takesTunnel: false },
      [
        ["Connection", "upgrade"],
        ["Upgrade", "websocket"],
      ],
    ],
  ];
  for (const [name, ask, lines] of refused) {
    it(`6.3: 101 refused: ${name}`, async () => {
      const rig = rigFor();
      const tunnel = new FakeTunnel(lines);
      rig.transport.script = () => tunnel;
      const answer = await rig.exchange(ask);
      assert.deepEqual([answer.status, sorted(answer.headers)], [502, ["Content-Length: 0"]]);
      assert.equal(tunnel.destroyed, true);
      assert.match(rig.accessLog[0]!, /" 502 0 0 /);
    });
  }
});
