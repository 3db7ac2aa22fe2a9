import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { Backend, ok } from "../conformance/harness/backend.ts";
import { condition } from "../conformance/harness/condition.ts";
import { get } from "../conformance/harness/connection.ts";
import { startRouter } from "../conformance/harness/router.ts";
import { scrape } from "../conformance/harness/scrape.ts";
import { startNatsServer } from "../fixtures/nats-server.ts";

/** `npm run test:all` sends what the acceptance asks for. */
const total = process.env["CAUSEWAY_ALL"] === "1" ? 200_000 : 30_000;
const batch = 1000;

describe("a storm of registrations (control-plane §2.5)", () => {
  it(`of ${total} messages none is lost, and requests are served all the while`, async () => {
    const nats = await startNatsServer();
    const backend = await Backend.start(() => ok("x"));
    const router = await startRouter(nats.port, { logging: { level: "error" }, prometheus: { enabled: true } });
    let storming = true;
    try {
      const metrics = Number(/listening on 127\.0\.0\.1:(\d+)\//.exec(router.program.stderr)?.[1]);
      await router.register({ uris: ["a.b"], port: backend.port });
      const answers: number[] = [];
      const client = (async () => {
        while (storming) answers.push((await get(router.port, "a.b")).status);
      })();
      for (let sent = 0; sent < total; sent += batch) {
        for (let i = sent; i < sent + batch; i++) {
          const message = { host: "10.0.0.1", port: 1 + (i % 50_000), uris: [`r${i % 5000}.c`], app: `app-${i}` };
          router.nats.publish("router.register", JSON.stringify(message));
        }
        await router.nats.flush();
      }
      const applied = async (): Promise<number> => {
        const all = [...(await scrape(metrics))].filter(([name]) => name.startsWith("registry_message{"));
        return all.reduce((sum, [, count]) => sum + count, 0);
      };
      await condition("all messages", async () => (await applied()) >= total + 1 || undefined, 60_000);
      storming = false;
      await client;
      assert.equal(await applied(), total + 1);
      assert.equal(Object.keys(await router.routes()).length, 5001);
      assert.deepEqual([...new Set(answers)], [200]);
    } finally {
      storming = false;
      await router.stop();
      await backend.stop();
      await nats.stop();
    }
  });
});
