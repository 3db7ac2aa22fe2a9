import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { Backend, ok } from "../conformance/harness/backend.ts";
import { condition } from "../conformance/harness/condition.ts";
import { Connection, get } from "../conformance/harness/connection.ts";
import { startRouter } from "../conformance/harness/router.ts";

describe("the descriptor limit (architecture §5)", () => {
  it("128 descriptors: clients above the bound get 503 or are closed, those that are in are served, service recovers", async (t: TestContext) => {
    const backend = await Backend.start(() => ok("served"));
    const router = await startRouter("embedded", {}, { descriptorLimit: 128 });
    const connections: Connection[] = [];
    try {
      await router.register({ uris: ["a.b"], port: backend.port, stale_threshold_in_seconds: 120 });
      for (let round = 0; round < 2; round++) {
        // One after the other: on Deno the backlog is cut to what may be accepted, and in a burst the kernel lets clients
        // wait for seconds.
        for (let at = 0; at < 90; at++) connections.push(await Connection.open(router.port));
        for (const connection of connections) connection.write("GET / HTTP/1.1\r\nHost: a.b\r\n\r\n");
        await condition(
          "an end or an answer for every client",
          () => connections.every(({ ended, received }) => ended || received !== "") || undefined,
        );
        const served = connections.filter(({ received }) => received.startsWith("HTTP/1.1 200 "));
        const refused = connections.filter(({ received }) => received.startsWith("HTTP/1.1 503 "));
        const closed = connections.filter(({ received }) => received === "");
        t.diagnostic(
          `round ${round}: ${served.length} served, ${refused.length} refused with 503, ${closed.length} closed; ${router.program.openDescriptors} descriptors`,
        );
        const others = connections.filter(
          ({ received }) => received !== "" && !/^HTTP\/1\.1 (200|503) /.test(received),
        );
        assert.deepEqual(
          others.map(({ received }) => received),
          [],
          "nothing but 200, 503 and an end",
        );
        assert.ok(served.length >= 20, `${served.length} served`);
        assert.ok(served.length < 128);
        for (const connection of connections.splice(0)) connection.close();
        // Left again: everything is as before.
        await condition("service after the rush", async () => {
          try {
            return (await get(router.port, "a.b")).status === 200 || undefined;
          } catch {
            return undefined;
          }
        });
      }
      for (let at = 0; at < 30; at++) assert.equal((await get(router.port, "a.b")).body, "served");
      assert.equal(router.program.ended, undefined);
      await router.register({ uris: ["new.test"], port: backend.port });
      assert.equal(await router.program.stop(), 0);
    } finally {
      for (const connection of connections) connection.close();
      await router.stop();
      await backend.stop();
    }
  });
});
