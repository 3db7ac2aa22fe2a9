import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Endpoint } from "../../../../src/core/routing/endpoint.ts";
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
  it("is what a Map of the same tags is, before and after a table keeps it", () => {
    const store = new TextStore();
    fc.assert(
      fc.property(pairs, (list) => {
        const tags = tagSet(list);
        const map = new Map(list);
        for (const kept of [false, true]) {
          if (kept) tags.keep(store);
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

  it("equals one with the same tags in any order, and no other", () => {
    fc.assert(
      fc.property(pairs, fc.nat(), (list, at) => {
        const tags = tagSet(list);
        const map = new Map(list);
        assert.ok(tags.equals(tagSet([...map].reverse())));
        assert.ok(!tags.equals(tagSet([...map, ["one more", "x"]])));
        const victim = [...map.keys()][at % Math.max(map.size, 1)];
        if (victim !== undefined) assert.ok(!tags.equals(tagSet(new Map(map).set(victim, "another value"))));
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

  it("changes nothing of an endpoint that it keeps", () => {
    const fields = {
      host: "10.0.0.1",
      port: 80,
      serverCertDomainSan: "san",
      applicationId: "app",
      privateInstanceId: "id",
      privateInstanceIndex: "3",
      isolationSegment: "segment",
      availabilityZone: "z1",
      routeServiceUrl: "https://rs",
      protocol: "http2",
      loadBalancing: "hash",
      hashHeader: "X-Key",
      updatedAtNs: 5n,
    };
    const kept = new Endpoint({ ...fields, tags: tagSet([["a", "b"]]) });
    kept.keep(new TextStore());
    assert.deepEqual(kept, new Endpoint({ ...fields, tags: kept.tags }));
    assert.deepEqual([...kept.tags!], [["a", "b"]]);
  });
});
