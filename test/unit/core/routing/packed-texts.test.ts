import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { firstTextIs, packTexts, unpackText, unpackTexts } from "../../../../src/core/routing/packed-texts.ts";

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("", "a", "b", "0123456789ab-0123", "\u00e0\u00ff", "\ud800", "\0\x01\xe0") },
  { weight: 4, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
  // On both sides of what one character can say, and of what two characters of 15 bits can.
  {
    weight: 1,
    arbitrary: fc.constantFrom(52, 53, 214, 215, 216, 255, 256, 32_767, 32_768, 70_000).map((n) => "x".repeat(n)),
  },
);

describe("packed texts", () => {
  it("come out as they went in, one by one and all together", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 30 }), fc.nat(), (texts, from) => {
        const packed = packTexts(texts);
        const count = texts.length;
        assert.deepEqual(
          texts.map((_, i) => unpackText(packed, count, i)),
          texts,
        );
        const start = from % count;
        assert.deepEqual(unpackTexts(packed, count, start), texts.slice(start));
        for (const one of [...texts, "a", ""]) assert.equal(firstTextIs(packed, count, one), texts[0] === one);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it("are equal when the texts are, and only then", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.infiniteStream(text), fc.infiniteStream(text), (count, a, b) => {
        const [left, right] = [[...a.take(count)], [...b.take(count)]];
        assert.equal(
          packTexts(left) === packTexts(right),
          left.every((each, i) => each === right[i]),
        );
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it("say how long they are in characters that JSON does not escape", () => {
    for (let length = 0; length < 300; length++) {
      const packed = packTexts(["x".repeat(length), "y".repeat(length), "x".repeat(length)]);
      if (packed.startsWith("n")) assert.equal(JSON.stringify(packed), `"${packed}"`);
    }
  });

  it("may be as many as tags in a large message", () => {
    const texts = Array.from({ length: 50_000 }, (_, i) => `text ${i}`);
    assert.deepEqual(unpackTexts(packTexts(texts), texts.length, 0), texts);
  });
});
