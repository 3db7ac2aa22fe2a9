import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { get } from "./harness/connection.ts";
import { RegistrarUnderTest } from "./harness/registrar.ts";
import { startRouter } from "./harness/router.ts";

const outageMs = 180_000;
const intervalMs = 5000;

describe("route-registrar: a long outage of NATS (issue F, acceptance 3)", () => {
  it("nats-server killed for 3 minutes and back: registrar alive, routes back within one interval", async () => {
    const first = await startNatsServer();
    const { port } = first;
    // The original gives up after 60 failures on its only server, some 125 s.
    const backend = await Backend.start(() => ok("app"));
    const registrar = new RegistrarUnderTest({
      message_bus_servers: [{ host: `127.0.0.1:${port}` }],
      host: "127.0.0.1",
      routes: Array.from({ length: 50 }, (_, index) => ({
        name: `r${index}`,
        port: backend.port,
        uris: [`r${index}.test`],
        registration_interval: `${intervalMs}ms`,
      })),
    });
    await registrar.logged("nats-connection-successful");
    await first.kill();
    await registrar.logged("nats-connection-disconnected");
    await new Promise((resolve) => setTimeout(resolve, outageMs));
    assert.equal(registrar.program.ended, undefined, "the registrar is alive");
    const second = await startNatsServer({ port });
    // A router that knows nothing yet: what it serves, it was told after the outage.
    const router = await startRouter(port);
    try {
      const begun = performance.now();
      for (const host of ["r0.test", "r49.test"])
        await condition(`${host} is back`, async () =>
          (await get(router.port, host)).status === 200 ? true : undefined,
        );
      const took = performance.now() - begun;
      assert.ok(took < intervalMs + 1000, `${took} ms`);
      assert.equal((await registrar.stop()).code, 0);
    } finally {
      await registrar.program.stop();
      await router.stop();
      await Promise.all([second.stop(), backend.stop()]);
    }
  });
});
