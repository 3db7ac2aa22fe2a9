import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, it } from "node:test";
import { workerIds } from "./harness/processes.ts";
import { underTest } from "./harness/program.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

/** What the process was started with by its latest `exec`: texts with a NUL behind each. */
const texts = (pid: number, file: "environ" | "cmdline"): string[] =>
  readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0").slice(0, -1);

const allocatorSettings = (pid: number): string[] =>
  texts(pid, "environ")
    .filter((text) => text.startsWith("MIMALLOC_"))
    .sort();

/** Only Bun has an allocator that is told by the environment. */
const onBun = underTest === "bun" || underTest === "binary";
const expected = (purgeDelay = "3000"): string[] =>
  onBun ? [`MIMALLOC_PURGE_DELAY=${purgeDelay}`, "MIMALLOC_PURGE_HOLES=0"] : [];

async function started(router: RouterUnderTest, look: (pid: number) => Promise<void> | void): Promise<void> {
  try {
    await look(router.program.child.pid!);
  } finally {
    await router.stop();
  }
}

describe("settings that a runtime reads only as it starts (architecture §8)", () => {
  it("a router has those of its runtime, with the id, name and command line it was started with", async () => {
    const router = await startRouter("embedded");
    await started(router, (pid) => {
      assert.deepEqual(allocatorSettings(pid), expected());
      const { spawnfile, spawnargs } = router.program.child;
      assert.deepEqual(texts(pid, "cmdline"), spawnargs);
      // Node names its thread.
      if (onBun) assert.equal(readFileSync(`/proc/${pid}/comm`, "utf8").trim(), basename(spawnfile).slice(0, 15));
    });
  });

  it("what the operator's environment says stays", async () => {
    const env = { MIMALLOC_PURGE_DELAY: "-1" };
    await started(await startRouter("embedded", {}, { env }), (pid) =>
      assert.deepEqual(allocatorSettings(pid), onBun ? expected("-1") : ["MIMALLOC_PURGE_DELAY=-1"]),
    );
  });

  it("each worker has them", async () => {
    const router = await startRouter("embedded", { workers: 2 });
    await started(router, async () => {
      for (const worker of await workerIds(router.program)) assert.deepEqual(allocatorSettings(worker), expected());
    });
  });
});
