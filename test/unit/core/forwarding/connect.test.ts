import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Failure } from "../../../../src/core/forwarding/failure.ts";
import { isTunnel } from "../../../../src/core/message.ts";
import {
  type Ask,
  contentOf,
  FakeTunnel,
  RouterRig,
  requestUuid,
  type Settings,
  sorted,
} from "../../../fixtures/fake-transport.ts";

const on: Settings = { connect: { enabled: true, routes: ["*.test.com"] }, backends: { max_attempts: 3 } };
const connect = (target: string, ...lines: (readonly [string, string])[]): Ask => ({
  method: "CONNECT",
  target,
  lines: [["Host", "other.com"], ...lines],
});

/** Two endpoints for a route; what was dialled, and the tunnels it came to. `refuse`: the first dials fail. */
function rigFor(settings: Settings, refuse = 0) {
  const rig = new RouterRig(settings);
  for (const port of [1, 2]) rig.register("db.test.com", { port, privateInstanceId: `i${port}` });
  rig.register("plain.com");
  const dialled: string[] = [];
  const tunnels: FakeTunnel[] = [];
  rig.transport.open = async (endpoint, outgoing) => {
    dialled.push(endpoint.address);
    if (dialled.length <= refuse) throw new Failure("dial", "backend", "always", "TEXT");
    outgoing.attempt.gotConnection = true;
    const tunnel = new FakeTunnel([], "Connection Established", 200);
    tunnels.push(tunnel);
    return tunnel;
  };
  return { rig, dialled, tunnels };
}

describe("CONNECT as today (data-plane §6.5)", () => {
  for (const [name, settings] of [
    ["off", {}],
    ["off, with routes", { connect: { enabled: false, routes: ["db.test.com"] } }],
    ["on, for other routes", { connect: { enabled: true, routes: ["x.test.com"] } }],
  ] as const) {
    it(`is proxied like any request: ${name}`, async () => {
      const { rig, dialled } = rigFor(settings);
      const answer = await rig.exchange(connect("db.test.com:5432"));
      assert.deepEqual([isTunnel(answer), answer.status, dialled], [false, 200, []]);
      const [sent] = rig.transport.sent;
      assert.deepEqual([sent!.method, sent!.target], ["CONNECT", "db.test.com:5432"]);
      assert.deepEqual(rig.sentValues("Host"), ["db.test.com:5432"]);
      assert.match(rig.accessLog[0]!, /^db\.test\.com:5432 - \[.*\] "CONNECT \/ HTTP\/1\.1" 200 /);
    });
  }

  it("is proxied: no connection to hand over, one to upgrade, none to dial", async () => {
    const { rig, dialled } = rigFor(on);
    await rig.exchange({ ...connect("db.test.com:1"), takesTunnel: false });
    await rig.exchange(connect("db.test.com:1", ["Upgrade", "x"], ["Connection", "upgrade"]));
    delete (rig.transport as { open?: unknown }).open;
    await rig.exchange(connect("db.test.com:1"));
    assert.deepEqual([dialled.length, rig.transport.sent.length], [0, 3]);
  });
});

describe("CONNECT tunnels (connect.enabled)", () => {
  it("dials the route's endpoint; 200 with the request id; logged at the end", async () => {
    const { rig, dialled, tunnels } = rigFor(on);
    const { client, answer } = rig.ask(connect("DB.test.com:5432"));
    const tunnel = await answer;
    assert.equal(tunnel, tunnels[0]);
    assert.deepEqual([tunnel.status, tunnel.statusText], [200, "Connection Established"]);
    assert.deepEqual(sorted(tunnel.headers), [`X-Vcap-Request-Id: ${requestUuid}`]);
    assert.deepEqual([dialled.length, rig.transport.sent.length, rig.accessLog.length], [1, 0, 0]);
    rig.clock.elapsed = 3000;
    client.observer!.finished(0, 0, "complete");
    const [line] = rig.accessLog;
    assert.match(line!, /^DB\.test\.com:5432 - \[.*\] "CONNECT \/ HTTP\/1\.1" 200 0 0 "-" "-" "10\.1\.1\.1:35644"/);
    assert.match(line!, new RegExp(`"${dialled[0]}" .*response_time:3\\.000000 .*x_cf_routererror:"-"$`));
    assert.equal(rig.metrics.responses2xx, 1);
  });

  it("tries another endpoint when the dial failed, and marks the first", async () => {
    const { rig, dialled, tunnels } = rigFor(on, 1);
    assert.equal(await rig.exchange(connect("db.test.com:5432")), tunnels[0]);
    assert.equal(new Set(dialled).size, 2);
    const messages = rig.logger.lines.map(([, message]) => message);
    assert.deepEqual(messages, ["backend-endpoint-failed", "endpoint-marked-as-ineligible"]);
  });

  it("502 when no endpoint can be dialled", async () => {
    const { rig, dialled } = rigFor(on, 9);
    const answer = await rig.exchange(connect("db.test.com:5432"));
    assert.deepEqual([answer.status, dialled.length], [502, 2]);
    assert.equal(answer.headers.get("X-Cf-Routererror"), "endpoint_failure (TEXT)");
  });

  it("404 for a host on the list that has no route", async () => {
    const { rig } = rigFor(on);
    assert.equal((await rig.exchange(connect("x.test.com:1"))).status, 404);
  });

  it("400 for one that announces a body, 0 aside", async () => {
    for (const line of [
      ["Content-Length", "3"],
      ["Transfer-Encoding", "chunked"],
    ] as const) {
      const { rig, dialled } = rigFor(on);
      const answer = await rig.exchange(connect("db.test.com:5432", line));
      assert.deepEqual([answer.status, dialled.length, rig.transport.sent.length], [400, 0, 0]);
      assert.equal(contentOf(answer), "400 Bad Request: CONNECT request has a body\n");
    }
    const { rig, dialled } = rigFor(on);
    await rig.exchange(connect("db.test.com:5432", ["Content-Length", "0"]));
    assert.equal(dialled.length, 1);
  });

  it("other methods go their way", async () => {
    const { rig, dialled } = rigFor(on);
    await rig.exchange({ lines: [["Host", "db.test.com"]] });
    assert.deepEqual([dialled.length, rig.transport.sent.length], [0, 1]);
  });
});
