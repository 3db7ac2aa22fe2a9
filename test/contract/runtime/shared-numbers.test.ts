import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { sharedNumbers } from "../../../src/runtime/base/shared-numbers.ts";

/** No process has such a number. */
const nobody = 2 ** 31 - 1;

describe("files of shared numbers", () => {
  it("of processes that are gone are removed when the next is made, unless somebody touched them", () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-test-"));
    const file = (id: number, name: string = crypto.randomUUID()): string => {
      const path = join(folder, `causeway-${id}-${name}`);
      writeFileSync(path, "");
      utimesSync(path, 0, 0);
      return path;
    };
    const gone = file(nobody);
    const [alive, fresh, other] = [file(process.pid), file(nobody), file(nobody, "notes")];
    utimesSync(fresh, new Date(), new Date());
    const numbers = sharedNumbers(8, undefined, [folder]);
    assert.deepEqual(
      [gone, alive, fresh, other, numbers.path].map((path) => existsSync(path)),
      [false, true, true, true, true],
    );
    utimesSync(numbers.path, 0, 0);
    numbers.touch();
    assert.notEqual(statSync(numbers.path).mtimeMs, 0);
    numbers.remove();
    assert.ok(!existsSync(numbers.path));
    rmSync(folder, { recursive: true });
  });
});
