import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, before, describe, it, type TestContext } from "node:test";
import { type RouterUnderTest, startRouter } from "../conformance/harness/router.ts";
import { type BackendProcess, startBackend } from "../fault/harness/backend-process.ts";
import { ask } from "../fault/harness/http-client.ts";
import { memoryRise } from "../fault/harness/memory-rise.ts";
import { patternDigest } from "../fault/harness/pattern.ts";

const GiB = 1 << 30;
const MiB = 1 << 20;
const host = "large.test";

let router: RouterUnderTest;
let backend: BackendProcess;
const agent = new Agent({ keepAlive: true });

before(async () => {
  backend = await startBackend();
  router = await startRouter("embedded", { disable_keep_alives: false, logging: { level: "error" } });
  await router.register({ uris: [host], port: backend.port });
});
after(async () => {
  agent.destroy();
  await router?.stop();
  await backend?.kill();
});

const download = async (length: number): Promise<string> =>
  (await ask({ agent, port: router.port, host, path: `/bytes/${length}` })).digest;
const upload = async (length: number): Promise<string> =>
  (await ask({ agent, port: router.port, host, path: "/digest", upload: { length, chunked: false } })).text;

describe("bodies of 1 GiB (issue B, acceptance 5)", () => {
  for (const [name, send] of [
    ["download", download],
    ["upload", upload],
  ] as const) {
    it(`${name}: whole by checksum, memory flat`, async (t: TestContext) => {
      // The engine's heap and buffers find their size first.
      await send(256 * MiB);
      const expected = patternDigest(GiB);
      const rise = await memoryRise(router.program, async () => assert.equal(await send(GiB), expected));
      t.diagnostic(`${name} of 1 GiB: memory +${rise.toFixed(1)} MiB`);
      assert.ok(rise < 32, `memory rose by ${rise} MiB`);
    });
  }
});
