import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { compileCache } from "../../../src/runtime/base/compile-cache.ts";

const names = ["TMPDIR", "NODE_COMPILE_CACHE", "NODE_DISABLE_COMPILE_CACHE"] as const;

describe("the folder for what Node compiled of a worker", () => {
  const before = new Map<string, string | undefined>();
  let folder = "";
  beforeEach(() => {
    for (const name of names) {
      before.set(name, process.env[name]);
      delete process.env[name];
    }
    folder = mkdtempSync(join(tmpdir(), "causeway-cache-"));
    process.env["TMPDIR"] = folder;
  });
  afterEach(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(folder, { recursive: true });
  });

  it("is the same for all workers of a user, and nobody else's", () => {
    const { NODE_COMPILE_CACHE: path = "" } = compileCache();
    assert.equal(dirname(path), folder);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.deepEqual(compileCache(), { NODE_COMPILE_CACHE: path });
  });

  it("is none where others could write", () => {
    chmodSync(compileCache()["NODE_COMPILE_CACHE"]!, 0o770);
    assert.deepEqual(compileCache(), {});
  });

  it("is the operator's where one is set, and none where it is forbidden", () => {
    process.env["NODE_COMPILE_CACHE"] = folder;
    assert.deepEqual(compileCache(), {});
    delete process.env["NODE_COMPILE_CACHE"];
    process.env["NODE_DISABLE_COMPILE_CACHE"] = "1";
    assert.deepEqual(compileCache(), {});
  });
});
