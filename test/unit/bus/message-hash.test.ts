import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageHash } from "../../../src/bus/message-hash.ts";

const seed = (first: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => (first * (i + 1) * 37) & 255);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function lanes(hash: MessageHash, message: Uint8Array): [number, number, number, number] {
  assert.ok(hash.of(message, 0, message.length));
  return [hash.a, hash.b, hash.c, hash.d];
}

/** Messages that differ as little as messages do: in one bit, in length, in a number, in the order of two words. */
function similarMessages(): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let length = 0; length < 20; length++) messages.push(new Uint8Array(length));
  const base = text('{"host":"10.0.0.1","port":8080,"uris":["app-1.apps.example.com"],"app":"0a"}');
  messages.push(base);
  for (let bit = 0; bit < base.length * 8; bit++) {
    const changed = base.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    messages.push(changed);
  }
  for (let i = 0; i < 20_000; i++) messages.push(text(`{"host":"10.0.0.${i >> 10}","port":${i},"uris":["a.b"]}`));
  messages.push(text("aaaabbbb"), text("bbbbaaaa"));
  return messages;
}

describe("hash of a message", () => {
  it("each lane of it tells similar messages apart as well as chance does", () => {
    const hash = new MessageHash(seed(5));
    const all = similarMessages().map((message) => lanes(hash, message));
    for (const lane of [0, 1, 2, 3]) {
      // Of 20 000 random values of 32 bits there is a pair in one run of twenty, five in one of 10^9.
      const different = new Set(all.map((each) => each[lane]!)).size;
      assert.ok(all.length - different < 5, `lane ${lane}: ${all.length - different} pairs`);
      for (let bit = 0; bit < 32; bit++) {
        const ones = all.filter((each) => ((each[lane]! >>> bit) & 1) === 1).length;
        assert.ok(Math.abs(ones / all.length - 0.5) < 0.03, `lane ${lane}, bit ${bit}: ${ones} of ${all.length}`);
      }
    }
    assert.equal(new Set(all.map(String)).size, all.length);
  });

  it("depends on the bytes alone, not on where they stand in a buffer", () => {
    const hash = new MessageHash(seed(5));
    const message = text("abcdefghijk");
    const expected = lanes(hash, message);
    for (let shift = 1; shift < 8; shift++) {
      const buffer = new Uint8Array(64).fill(255);
      buffer.set(message, shift);
      assert.deepEqual(lanes(hash, buffer.subarray(shift, shift + message.length)), expected);
    }
  });

  it("is another one with another seed", () => {
    const message = text("abcdefghijk");
    const one = lanes(new MessageHash(seed(5)), message);
    const other = lanes(new MessageHash(seed(6)), message);
    for (const lane of [0, 1, 2, 3]) assert.notEqual(one[lane], other[lane]);
  });

  it("is not there for a message of more than 16 KB", () => {
    const hash = new MessageHash(seed(5));
    assert.ok(hash.of(new Uint8Array(16_384), 0, 16_384));
    assert.equal(hash.of(new Uint8Array(16_385), 0, 16_385), false);
  });
});
