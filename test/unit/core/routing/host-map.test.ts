import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { HostMap } from "../../../../src/core/routing/host-map.ts";

const host = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constant("*.a.com"),
);
const step = fc.record({ host, set: fc.boolean(), value: fc.nat(3) });

interface Entry {
  readonly key: string;
  readonly value: number;
}

function values<Value extends { readonly key: string }>(hosts: HostMap<Value>): Value[] {
  const all: Value[] = [];
  const walk = hosts.walk();
  for (let value = walk.next(); value !== undefined; value = walk.next()) {
    assert.ok(typeof value === "object");
    all.push(value);
  }
  assert.equal(walk.next(), undefined);
  return all;
}

describe("HostMap", () => {
  it("is what a Map of the same hosts is, but for the order", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer(), (steps, seed) => {
        const hosts = new HostMap<Entry>(seed);
        const map = new Map<string, Entry>();
        for (const { host, set, value } of steps) {
          const entry = { key: host, value };
          if (set) {
            hosts.set(entry);
            map.set(host, entry);
          } else {
            hosts.delete(host);
            map.delete(host);
          }
          assert.equal(hosts.get(host), map.get(host));
        }
        for (const [host, value] of map) assert.equal(hosts.get(host), value);
        assert.deepEqual(new Set(values(hosts)), new Set(map.values()));
        assert.equal(values(hosts).length, map.size);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it("visits what is there throughout once, and what has gone never, while hosts come and go", () => {
    const hosts = new HostMap<Entry>(1);
    const first = Array.from({ length: 20_000 }, (_, value) => ({ key: `app-${value}.com`, value }));
    for (const entry of first) hosts.set(entry);
    const seen = new Map<Entry, number>();
    const walk = hosts.walk();
    let step = 0;
    for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
      assert.ok(typeof entry === "object");
      assert.equal(hosts.get(entry.key), entry);
      seen.set(entry, (seen.get(entry) ?? 0) + 1);
      // Every other one goes, before or after it was seen, and so many come that all parts are rebuilt.
      const victim = first[(step * 7919) % first.length]!;
      if (victim.value % 2 === 1) hosts.delete(victim.key);
      hosts.set({ key: `new-${step}.com`, value: -1 });
      step++;
      if (step > 60_000) break;
    }
    for (const entry of first) if (entry.value % 2 === 0) assert.equal(seen.get(entry), 1, entry.key);
  });

  it("is empty again when all have gone", () => {
    const hosts = new HostMap<Entry>(2);
    for (let round = 0; round < 3; round++) {
      for (let value = 0; value < 5000; value++) hosts.set({ key: `app-${value}`, value });
      assert.equal(values(hosts).length, 5000);
      for (let value = 0; value < 5000; value++) hosts.delete(`app-${value}`);
      assert.deepEqual(values(hosts), []);
    }
  });
});
