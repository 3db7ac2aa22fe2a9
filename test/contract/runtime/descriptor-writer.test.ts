import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DescriptorWriter, type WriteSome } from "../../../src/runtime/base/descriptor-writer.ts";

const fail = (error: Error): void => {
  throw error;
};

describe("DescriptorWriter: losses", () => {
  it("are what a failed write has not taken, and what finds too much waiting", async () => {
    const lost: number[] = [];
    const begun: ((error: Error | null, written: number) => void)[] = [];
    const writer = new DescriptorWriter(
      -1,
      (_error, bytes) => lost.push(bytes),
      0,
      (_descriptor, _bytes, then) => begun.push(then),
    );
    writer.write("0123456789", true);
    const end = writer.flushed();
    await undefined;
    begun[0]!(null, 4);
    const flood = "x".repeat(40 * 1024 * 1024);
    writer.write(flood, true);
    writer.write(flood, true);
    writer.write(flood, true);
    assert.deepEqual(lost, [flood.length, flood.length]);
    begun[1]!(new Error("no space left"), 0);
    assert.deepEqual(lost.slice(2), [6]);
    begun[2]!(null, flood.length);
    await end;
    assert.equal(writer.written, 4 + flood.length);
  });
});

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
