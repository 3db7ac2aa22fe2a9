import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ByteBacklog } from "../../../src/bus/byte-backlog.ts";

const bytes = (from: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => from + i);

/** A copy of up to so many bytes of the front, which then are gone. */
const shift = (backlog: ByteBacklog, limit: number): Uint8Array => {
  const front = backlog.front(limit).slice();
  backlog.drop(front.length);
  return front;
};

describe("byte backlog", () => {
  it("gives bytes in order, as many as are asked for or lie side by side", () => {
    const backlog = new ByteBacklog();
    assert.equal(shift(backlog, 10).length, 0);
    backlog.push(bytes(0, 5));
    backlog.push(bytes(5, 5));
    assert.equal(backlog.length, 10);
    assert.deepEqual([...shift(backlog, 7)], [0, 1, 2, 3, 4, 5, 6]);
    backlog.push(bytes(10, 2));
    assert.deepEqual([...shift(backlog, 7)], [7, 8, 9, 10, 11]);
    assert.deepEqual([backlog.length, shift(backlog, 7).length], [0, 0]);
    backlog.push(bytes(12, 1));
    assert.deepEqual([...shift(backlog, 1)], [12]);
  });

  it("has bytes of its own, and what was given may be dropped in part", () => {
    const backlog = new ByteBacklog();
    const pushed = bytes(0, 4);
    backlog.push(pushed);
    pushed.fill(99);
    assert.deepEqual([...backlog.front(3)], [0, 1, 2]);
    backlog.drop(1);
    assert.deepEqual([[...backlog.front(9)], backlog.length], [[1, 2, 3], 3]);
  });

  it("keeps the order over pieces of 251 bytes to 50 MB, taken in pieces of other sizes", () => {
    const backlog = new ByteBacklog();
    const period = bytes(0, 251);
    // Each byte says where it stood, modulo the length of the period.
    const pieceFrom = (from: number, length: number): Uint8Array => {
      const piece = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const begin = (from + at) % period.length;
        const part = period.subarray(begin, Math.min(period.length, begin + length - at));
        piece.set(part, at);
        at += part.length;
      }
      return piece;
    };
    let pushed = 0;
    for (const length of [251, 256 * 1024, 50_000_000, 1, 300_000, 1_000_000]) {
      backlog.push(pieceFrom(pushed, length));
      pushed += length;
    }
    assert.equal(backlog.length, pushed);
    let taken = 0;
    for (let piece = shift(backlog, 1); piece.length > 0; piece = shift(backlog, 131_071)) {
      assert.equal(piece[0], taken % period.length);
      assert.equal(piece.at(-1), (taken + piece.length - 1) % period.length);
      taken += piece.length;
    }
    assert.deepEqual([taken, backlog.length], [pushed, 0]);
  });
});
