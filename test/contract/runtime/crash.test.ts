import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runtime } from "#runtime";
import { runChild } from "./child.ts";

describe(`what nobody caught (${runtime.name})`, () => {
  for (const way of ["timer", "rejection", "stream", "twice"]) {
    it(`${way}: one line with the stack, exit 1`, async () => {
      const { code, out, error } = await runChild("crash-child.ts", [way]).result;
      assert.equal(code, 1, error);
      const lines = out.toString("utf8").trimEnd().split("\n");
      assert.equal(lines.length, 1, out.toString("utf8"));
      const { log_level, message, source, data } = JSON.parse(lines[0]!);
      assert.deepEqual([log_level, message, source, data.error], [3, "uncaught-error", "child", "a defect"]);
      assert.match(data.stacktrace, /crash-child\.ts/);
      assert.equal(error, "", "nothing of the runtime's own");
    });
  }
});
