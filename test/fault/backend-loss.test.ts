import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, before, describe, it } from "node:test";
import { condition } from "../conformance/harness/condition.ts";
import { type RouterUnderTest, startRouter } from "../conformance/harness/router.ts";
import { type BackendProcess, startBackend } from "./harness/backend-process.ts";
import { type FaultyBackend, startFaultyBackend } from "./harness/faulty-backend.ts";
import { SteadyLoad } from "./harness/http-client.ts";

/** Clients at work at the same time (issue B, acceptance 3). */
const clients = 64;

let router: RouterUnderTest;
const processes: BackendProcess[] = [];
const faulty: FaultyBackend[] = [];
const agent = new Agent({ keepAlive: true });

before(async () => {
  // The job's defaults (data-plane §0).
  router = await startRouter("embedded", {
    disable_keep_alives: false,
    max_idle_conns_per_host: 100,
    backends: { max_attempts: 3, max_conns: 500 },
    logging: { level: "error" },
  });
});
after(async () => {
  agent.destroy();
  for (const backend of faulty) await backend.stop();
  for (const backend of processes) await backend.kill();
  await router?.stop();
});

async function good(host: string): Promise<BackendProcess> {
  const backend = await startBackend();
  processes.push(backend);
  await router.register({ uris: [host], port: backend.port });
  return backend;
}

const load = (host: string): SteadyLoad =>
  new SteadyLoad({ agent, port: router.port, host, path: "/bytes/1024" }, clients);

describe("endpoints lost under load: no GET fails (issue B, acceptance 3)", () => {
  it("one of three is killed", async () => {
    const backends = [await good("killed.test"), await good("killed.test"), await good("killed.test")];
    const steady = load("killed.test");
    await condition("work before", () => steady.served > 1500 || undefined, 60_000);
    await backends[1]!.kill();
    const before = steady.served;
    await condition("work after", () => steady.served > before + 3000 || undefined, 60_000);
    const { failures } = await steady.stop();
    assert.deepEqual(failures, []);
    await router.program.logged("backend-endpoint-failed");
  });

  for (const [name, fault] of [
    ["accepts and closes", { connected: (socket) => socket.destroy() }],
    ["ends once it has read the request", { asked: (socket) => socket.end() }],
    ["resets once it has read the request", { asked: (socket) => socket.resetAndDestroy() }],
  ] as const satisfies readonly [string, Parameters<typeof startFaultyBackend>[0]][]) {
    it(`one of two ${name}`, async () => {
      const host = `${name.replaceAll(" ", "-")}.test`;
      await good(host);
      const backend = await startFaultyBackend(fault);
      faulty.push(backend);
      await router.register({ uris: [host], port: backend.port });
      const steady = load(host);
      await condition("work", () => steady.served > 3000 || undefined, 60_000);
      const { failures } = await steady.stop();
      assert.deepEqual(failures, []);
      assert.ok(backend.accepted > 0, "the bad one was tried");
    });
  }
});
