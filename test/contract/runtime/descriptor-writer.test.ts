import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DescriptorWriter, type WriteSome } from "../../../src/runtime/base/descriptor-writer.ts";

const fail = (error: Error): void => {
  throw error;
};

describe("DescriptorWriter: the end", () => {
  it("waits for what is taken, however slowly", async () => {
    let taken = "";
    const slowly: WriteSome = (_descriptor, bytes, then) => {
      taken += String.fromCharCode(bytes[0]!);
      setTimeout(() => then(null, 1), 10);
    };
    const writer = new DescriptorWriter(-1, fail, 0, slowly);
    writer.write("one after the other", true);
    assert.equal(await writer.flushedOrStuck(), true);
    assert.equal(taken, "one after the other");
  });

  it("gives up a write that hangs", async () => {
    const writer = new DescriptorWriter(-1, fail, 0, () => {});
    writer.write("for nobody", true);
    assert.equal(await writer.flushedOrStuck(), false);
  });
});
