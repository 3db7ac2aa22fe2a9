import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ByteHeap, longestRecord } from "../../../../src/core/routing/byte-heap.ts";

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });

describe("ByteHeap", () => {
  it("keeps texts apart, whatever else comes and goes", () => {
    const step = fc.record({
      texts: fc.tuple(latin1, latin1, latin1),
      bytes: fc.boolean(),
      free: fc.option(fc.nat(40)),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const heap = new ByteHeap();
        const kept: { place: number; texts: readonly string[] }[] = [];
        for (const { texts, bytes, free } of steps) {
          const [first, second, third] = texts;
          // Of bytes only so many count as are asked for.
          const place = bytes
            ? heap.putBytes(
                first,
                second,
                Uint8Array.from(`${third}x`, (c) => c.charCodeAt(0)),
                third.length,
              )
            : heap.put(...texts);
          kept.push({ place, texts });
          const gone = free === null ? undefined : kept.splice(free, 1)[0];
          if (gone !== undefined) heap.free(gone.place, gone.texts.join("").length);
          for (const { place, texts } of kept) {
            let from = 0;
            for (const text of texts) {
              assert.equal(heap.text(place, from, text.length), text);
              from += text.length;
            }
            assert.equal(heap.startsWith(place, texts[0]!), true);
            assert.equal(heap.startsWith(place, `${texts.join("")}\u0100`), false);
          }
        }
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it("fills many segments with the largest records, and empties them in any order", () => {
    const heap = new ByteHeap();
    for (let round = 0; round < 2; round++) {
      const texts = Array.from({ length: 300 }, (_, i) => String(i).padStart(longestRecord, "x"));
      const places = texts.map((text) => heap.put(text, "", ""));
      assert.equal(new Set(places).size, 300);
      for (const [i, place] of places.entries()) assert.equal(heap.text(place, 0, longestRecord), texts[i]);
      for (let i = 0; i < 300; i++) heap.free(places[(i * 7) % 300]!, longestRecord);
    }
  });

  it("refuses wide characters and takes nothing for them", () => {
    const heap = new ByteHeap();
    const before = heap.put("a", "b", "c");
    assert.equal(heap.put("\u0100", "", ""), -1);
    assert.equal(heap.put("", "\u65e5", ""), -1);
    assert.equal(heap.put("", "", "\u{1f600}"), -1);
    assert.equal(heap.text(before, 0, 3), "abc");
    assert.equal(heap.put("d", "e", "f"), before + 1);
  });
});
