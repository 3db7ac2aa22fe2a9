import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { TagSet } from "../../../../src/core/routing/tag-set.ts";
import { TextStore } from "../../../../src/core/routing/text-store.ts";

const name = fc.oneof(
  fc.constantFrom("component", "__proto__", "constructor", "", "\u2028"),
  fc.string({ maxLength: 3 }),
);
const pairs = fc.array(fc.tuple(name, fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 80 });

function tagSet(from: Iterable<readonly [string, string]>): TagSet {
  const tags = new TagSet();
  for (const [key, value] of from) tags.set(key, value);
  return tags;
}

describe("TagSet", () => {
  it("is what a Map of the same tags is, set one by one or made of two lists", () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const map = new Map(list);
        for (const tags of [tagSet(list), new TagSet([...map.keys()], [...map.values()])]) {
          assert.deepEqual([...tags], [...map]);
          assert.deepEqual([[...tags.keys()], [...tags.values()]], [[...map.keys()], [...map.values()]]);
          assert.equal(tags.size, map.size);
          for (const key of [...map.keys(), "component", "absent"]) {
            assert.deepEqual([tags.get(key), tags.has(key)], [map.get(key), map.has(key)]);
          }
          const heard: unknown[] = [];
          tags.forEach((value, key) => heard.push([key, value]));
          assert.deepEqual(heard, [...map]);
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("is quick with as many tags as a message can hold", () => {
    const tags = new TagSet();
    for (let i = 0; i < 100_000; i++) tags.set(`name-${i}`, "x");
    for (let i = 0; i < 100_000; i++) tags.set(`name-${i}`, "y");
    assert.deepEqual([tags.size, tags.get("name-99999")], [100_000, "y"]);
  });
});

describe("TextStore", () => {
  it("keeps texts as they are", () => {
    const store = new TextStore();
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (texts) => {
        assert.deepEqual([texts.map((each) => store.own(each)), store.ownNames(texts)], [texts, texts]);
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});
