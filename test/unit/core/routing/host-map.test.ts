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

describe("HostMap", () => {
  it("is what a Map of the same hosts is, but for the order", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const hosts = new HostMap<number>();
        const map = new Map<string, number>();
        for (const { host, set, value } of steps) {
          for (const each of [hosts, map]) {
            if (set) each.set(host, value);
            else each.delete(host);
          }
          assert.equal(hosts.get(host), map.get(host));
        }
        for (const [host, value] of map) assert.equal(hosts.get(host), value);
        assert.deepEqual([...hosts.values()].sort(), [...map.values()].sort());
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it("visits what is there throughout, while hosts come and go", () => {
    const hosts = new HostMap<number>();
    for (let i = 0; i < 1000; i++) hosts.set(`app-${i}.com`, i);
    const seen = new Set<number>();
    for (const value of hosts.values()) {
      seen.add(value);
      if (value % 2 === 1) hosts.delete(`app-${value}.com`);
      hosts.set(`new-${value}.com`, 0);
    }
    for (let i = 0; i < 1000; i++) assert.ok(seen.has(i), String(i));
    assert.equal(hosts.get("app-1.com"), undefined);
  });
});
