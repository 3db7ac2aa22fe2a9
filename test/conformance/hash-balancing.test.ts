import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { get } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

const names = ["one", "two", "three"] as const;
const tenants = Array.from({ length: 30 }, (_, i) => `tenant-${i}`);

let router: RouterUnderTest;
let backends: Backend[];

before(async () => {
  backends = await Promise.all(names.map((name) => Backend.start(() => ok(name))));
  router = await startRouter("embedded", { backends: { max_attempts: 3 } });
});
after(async () => {
  await router?.stop();
  for (const backend of backends ?? []) await backend.stop();
});

const hash = { loadbalancing: "hash", hash_header: "X-Tenant", hash_balance: 1.5 };

async function register(host: string, options: object = hash): Promise<void> {
  for (const [i, { port }] of backends.entries()) {
    await router.register({ uris: [host], port, private_instance_id: names[i]!, options });
  }
}
async function served(host: string, tenant: string, ...lines: string[]): Promise<string> {
  const answer = await get(router.port, host, "/", ...(tenant === "" ? [] : [`X-Tenant: ${tenant}`]), ...lines);
  assert.equal(answer.status, 200);
  return answer.body;
}

describe("hash-based routing (control-plane §9.1)", () => {
  it("sends a header's value always to one endpoint, and values to all; /routes shows the options", async () => {
    await register("hash.test");
    const chosen: string[] = [];
    for (const tenant of tenants) chosen.push(await served("hash.test", tenant));
    for (const [i, tenant] of tenants.entries()) assert.equal(await served("hash.test", tenant), chosen[i]);
    assert.deepEqual([...new Set(chosen)].sort(), [...names].sort());
    const [shown] = (await router.routes())["hash.test"] as unknown as Record<string, unknown>[];
    assert.deepEqual(
      [shown?.["load_balancing_algorithm"], shown?.["hash_header"], shown?.["hash_balance"]],
      ["hash", "X-Tenant", 1.5],
    );
  });

  it("moves only the values of an endpoint that leaves", async () => {
    await register("leaves.test");
    const before: string[] = [];
    for (const tenant of tenants) before.push(await served("leaves.test", tenant));
    await router.unregister({ uris: ["leaves.test"], port: backends[2]!.port });
    let stayed = 0;
    let others = 0;
    for (const [i, tenant] of tenants.entries()) {
      const now = await served("leaves.test", tenant);
      assert.notEqual(now, "three");
      if (before[i] === "three") continue;
      others++;
      if (now === before[i]) stayed++;
    }
    assert.ok(stayed >= 0.7 * others, `${stayed} of ${others}`);
  });

  it("goes to the next endpoint when the value's own is dead", async () => {
    const port = await deadPort();
    await register("dead.test");
    await router.register({ uris: ["dead.test"], port, private_instance_id: "dead", options: hash });
    for (const tenant of tenants) await served("dead.test", tenant);
    await router.program.logged("backend-endpoint-failed");
  });

  it("lets a session win", async () => {
    await register("session.test");
    for (const name of names) {
      const cookie = `Cookie: JSESSIONID=1; __VCAP_ID__=${name}`;
      for (const tenant of tenants.slice(0, 3)) assert.equal(await served("session.test", tenant, cookie), name);
    }
  });

  it("serves requests without the header by the default algorithm, and says so", async () => {
    await register("without.test");
    const turns = new Set<string>();
    for (let i = 0; i < 3; i++) turns.add(await served("without.test", ""));
    assert.equal(turns.size, 3);
    const line = await router.program.logged("hash-based-routing-header-value-not-found");
    assert.deepEqual([line.log_level, line.data], [1, { Host: "without.test", Path: "/" }]);
  });

  it("serves a route that names no header by the default algorithm, and says so", async () => {
    await register("nameless.test", { loadbalancing: "hash" });
    const turns = new Set<string>();
    for (let i = 0; i < 3; i++) turns.add(await served("nameless.test", "x"));
    assert.equal(turns.size, 3);
    const line = await router.program.logged("hash-routing-properties-missing");
    assert.deepEqual([line.log_level, line.data], [3, { host: "nameless.test" }]);
  });

  it("is left by a later round-robin registration", async () => {
    await register("left.test");
    await router.register({
      uris: ["left.test"],
      port: backends[0]!.port,
      private_instance_id: "one",
      options: { loadbalancing: "round-robin" },
    });
    await router.program.logged(
      "setting-pool-load-balancing-algorithm-to-that-of-an-endpoint",
      ({ data }) => data?.["poolLBAlgorithm"] === "round-robin",
    );
    // It answers when every worker knows what the line above tells.
    await router.routes();
    const turns = new Set<string>();
    for (let i = 0; i < 3; i++) turns.add(await served("left.test", "x"));
    assert.equal(turns.size, 3);
  });
});
