import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  freeRead,
  giveBack,
  isNotedRead,
  largeRead,
  noteRead,
  putBefore,
  restOf,
} from "../../../src/runtime/base/large-reads.ts";
import { copyOfIncoming, incoming } from "../../../src/runtime/base/read-buffer.ts";

const noted = (): Uint8Array => {
  const bytes = new Uint8Array(largeRead);
  noteRead(bytes);
  return bytes;
};

describe("memory of large reads", () => {
  it("is freed a microtask after it was given back: until then its length can be asked for", async () => {
    const bytes = noted();
    giveBack(bytes);
    assert.equal(bytes.length, largeRead);
    await Promise.resolve();
    assert.equal(bytes.length, 0);
  });

  it("is freed once, however often it is given back", async () => {
    const one = noted();
    const other = noted();
    giveBack(one);
    giveBack(other);
    giveBack(one);
    await Promise.resolve();
    giveBack(one);
    await Promise.resolve();
    assert.deepEqual([one.length, other.length], [0, 0]);
  });

  it("is that of the whole read when the rest of one is given back", async () => {
    const bytes = noted();
    const rest = restOf(bytes, 10);
    assert.equal(rest.length, largeRead - 10);
    assert.ok(isNotedRead(bytes));
    giveBack(rest);
    await Promise.resolve();
    assert.equal(bytes.length, 0);
  });

  it("is left alone when it is nobody's read", async () => {
    const bytes = new Uint8Array(largeRead);
    giveBack(bytes);
    await Promise.resolve();
    assert.equal(bytes.length, largeRead);
  });

  it("is freed at once by who needs no more of it, but not where others may lie beside it", () => {
    const whole = new Uint8Array(largeRead);
    const [part, small] = [new Uint8Array(new ArrayBuffer(largeRead), 1), new Uint8Array(100)];
    for (const bytes of [whole, part, small]) freeRead(bytes);
    assert.deepEqual([whole.length, part.length, small.length], [0, largeRead - 1, 100]);
  });

  it("is that of a later read of about the same length, on Node and Deno", async () => {
    const first = copyOfIncoming(20_000);
    const { buffer } = first;
    giveBack(first);
    assert.notEqual(copyOfIncoming(20_000).buffer, buffer);
    await Promise.resolve();
    const second = copyOfIncoming(30_000);
    assert.equal(second.buffer, buffer);
    freeRead(second);
    freeRead(second);
    assert.equal(copyOfIncoming(20_000).buffer, buffer);
    assert.notEqual(copyOfIncoming(20_000).buffer, buffer);
  });

  it("has room for text in front, which then goes with it", async () => {
    incoming.set([1, 2, 3, 4], 0);
    const bytes = copyOfIncoming(10_000);
    const whole = putBefore("ab\u00ff", bytes, 2)!;
    assert.deepEqual([...whole.subarray(0, 5)], [97, 98, 255, 3, 4]);
    assert.equal(whole.length, 10_001);
    assert.equal(putBefore("x", bytes, 2), undefined);
    assert.equal(putBefore("x".repeat(3000), whole, 0), undefined);
    assert.equal(putBefore("x", new Uint8Array(10_000), 5), undefined);
    giveBack(bytes);
    giveBack(whole);
    await Promise.resolve();
    assert.equal(copyOfIncoming(10_000).buffer, whole.buffer);
  });
});
