import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileErrorText, readErrorText, writeErrorText } from "../../../src/cli/file-error.ts";

const failed = (code: string): Error => Object.assign(new Error(`${code}: the runtime's words, write`), { code });

describe("errors of files, in Go's words (control-plane §1.1, §6.4)", () => {
  it("of opening, reading and writing", () => {
    assert.equal(fileErrorText("/a", failed("EACCES")), "open /a: permission denied");
    assert.equal(readErrorText("/a", failed("EISDIR")), "read /a: is a directory");
    assert.equal(readErrorText("/a", failed("ENOENT")), "open /a: no such file or directory");
    assert.equal(writeErrorText("/a", failed("ENOSPC")), "write /a: no space left on device");
  });

  it("keep what they do not know", () => {
    assert.equal(fileErrorText("/a", failed("EODD")), "open /a: EODD: the runtime's words, write");
    assert.equal(writeErrorText("/a", failed("EODD")), "EODD: the runtime's words, write");
    assert.equal(writeErrorText("/a", new Error("cannot keep up")), "cannot keep up");
  });
});
