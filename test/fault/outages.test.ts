import assert from "node:assert/strict";
import { Agent } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { condition } from "../conformance/harness/condition.ts";
import { startRouter } from "../conformance/harness/router.ts";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { type BackendProcess, startBackend } from "./harness/backend-process.ts";
import { ask, SteadyLoad } from "./harness/http-client.ts";

describe("the bus is away (issue A, acceptance 4; control-plane §2.8)", () => {
  it("nats-server killed for 10 s under load: no request is lost, the route outlives its threshold and works after", async (t: TestContext) => {
    const agent = new Agent({ keepAlive: true });
    const backend = await startBackend();
    const first = await startNatsServer();
    let second: NatsServer | undefined;
    const router = await startRouter(first.port, {
      suspend_pruning_if_nats_unavailable: true,
      droplet_stale_threshold: "3s",
      prune_stale_droplets_interval: "500ms",
      disable_keep_alives: false,
      logging: { level: "info" },
    });
    const what = { agent, port: router.port, host: "steady.test", path: "/small" };
    const message = { uris: ["steady.test"], port: backend.port };
    const heartbeat = setInterval(() => {
      if (!router.nats.isClosed())
        router.nats.publish("router.register", JSON.stringify({ host: "127.0.0.1", ...message }));
    }, 500);
    try {
      await router.register(message);
      const load = new SteadyLoad(what, 4, 5);
      await first.kill();
      await router.program.logged("nats-connection-disconnected");
      await pause(10_000);
      assert.deepEqual(Object.keys(await router.routes()), ["steady.test"]);
      assert.ok((await router.settledLogLines()).some((line) => line.message === "prune-suspended"));
      second = await startNatsServer({ port: first.port });
      await router.program.logged("nats-connection-reconnected");
      // The test's own client drops what it publishes before it has reconnected too.
      await condition("the test's own reconnect", async () => await router.nats.rtt().catch(() => undefined));
      await router.register({ uris: ["after.test"], port: backend.port, stale_threshold_in_seconds: 60 });
      assert.equal((await ask({ ...what, host: "after.test" })).status, 200);
      const { served, failures, slowest } = await load.stop();
      t.diagnostic(`${served} requests during the outage, slowest ${slowest.toFixed(0)} ms`);
      assert.deepEqual(failures, []);
      assert.ok(served > 500, `served ${served}`);
      // Pruning works again: without heartbeat the route goes.
      clearInterval(heartbeat);
      await condition("the route is pruned", async () => (await ask(what)).status === 404 || undefined);
    } finally {
      clearInterval(heartbeat);
      agent.destroy();
      await router.stop();
      await second?.stop();
      await backend.kill();
    }
  });
});

describe("a backend dies (data-plane §3.3, §4.1, §4.4)", () => {
  it("one of three killed under load: no GET fails, the others take over", async (t: TestContext) => {
    const agent = new Agent({ keepAlive: true });
    const backends: BackendProcess[] = [await startBackend(), await startBackend(), await startBackend()];
    const router = await startRouter("embedded", {
      disable_keep_alives: false,
      max_idle_conns_per_host: 100,
      backends: { max_attempts: 3 },
      logging: { level: "info" },
    });
    try {
      for (const { port } of backends) await router.register({ uris: ["three.test"], port });
      const what = { agent, port: router.port, host: "three.test", path: "/small" };
      const load = new SteadyLoad(what, 16);
      await condition("a warm load", () => load.served > 300 || undefined, 60_000);
      await backends[1]!.kill();
      const atKill = load.served;
      await condition("load behind the kill", () => load.served > atKill + 1000 || undefined, 60_000);
      const { served, failures } = await load.stop();
      const failed = (await router.settledLogLines()).filter(
        ({ message }) => message === "backend-endpoint-failed",
      ).length;
      t.diagnostic(`${served} requests, ${failed} failed attempts, ${failures.length} failed requests`);
      assert.deepEqual(failures, []);
      await router.program.logged("endpoint-marked-as-ineligible");
    } finally {
      agent.destroy();
      await router.stop();
      for (const backend of backends) await backend.kill();
    }
  });
});
