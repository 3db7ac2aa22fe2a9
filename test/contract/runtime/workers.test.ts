import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { runtime } from "#runtime";
import { runChild } from "./child.ts";
import { until } from "./recorder.ts";

describe(`worker processes (${runtime.name})`, () => {
  it("hear and say texts, write by lines, share numbers, and end with their supervisor", async () => {
    const { result } = runChild("worker-child.ts");
    const { code, out, error } = await result;
    const lines = out.toString("utf8").split("\n");
    const orphan = Number(lines.at(-2)?.replace("orphan ", ""));
    assert.deepEqual(lines.slice(0, -2), [
      "ready ",
      "echo 4 ü",
      "😀",
      "echo 1000000 xxxxxxxxxxxxxxxxxxxx",
      'out "a line\\nhalf of a line\\né\\n" by lines, error "an error\\n", written',
      "stored",
      "numbers 42 81",
      '{"code":7}',
      "ready ",
      '{"signal":"SIGKILL"}',
      "ready ",
    ]);
    assert.equal(code, 0);
    assert.equal(error, "");
    await until("the orphan leaves", () => !existsSync(`/proc/${orphan}`));
  });

  it("nobody has started this process as a worker", () => assert.equal(runtime.supervisor(), undefined));
});
