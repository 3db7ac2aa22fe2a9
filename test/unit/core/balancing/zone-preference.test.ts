import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { route } from "./pools.ts";

/** Lower-case names are remote. */
const zones = (name: string) => ({ availabilityZone: name === name.toUpperCase() ? "z1" : "z2" });
const roundRobin = { balancing_algorithm_az_preference: "locally-optimistic" } as const;
const least = { ...roundRobin, balancing_algorithm: "least-connection" } as const;

describe("zone preference (data-plane §3.5)", () => {
  it("none: no preference", () => assert.equal(route("aBc", {}, zones).requests(4), "aBca"));

  it("round-robin: turns of remote ones fall to the next local one", () => {
    assert.equal(route("abCD", roundRobin, zones).requests(8), "CCCDCCCD");
  });

  it("only the first attempt", () => {
    assert.equal(route("abC", roundRobin, zones).attempts(3), "Cab");
    assert.equal(route("abC", least, zones, () => 0.99).attempts(3), "Cab");
  });

  it("round-robin: all count when no local one is eligible, and marks are erased", () => {
    const balancing = route("aBc", roundRobin, zones);
    balancing.mark("B");
    balancing.mark("a");
    assert.equal(balancing.requests(1), "a");
    assert.equal(balancing.isMarked("B") || balancing.isMarked("a"), false);
    assert.equal(route("ab", roundRobin, zones).requests(3), "aba");
  });

  it("least-connection: the best local one though a remote one has less", () => {
    const balancing = route("aBC", least, zones);
    balancing.load("B", 3);
    balancing.load("C", 2);
    assert.equal(balancing.requests(1), "C");
  });

  it("least-connection: the best of all when no local one is below the limit, or all of them are marked", () => {
    const full = route("abC", { ...least, backends: { max_conns: 3 } }, zones);
    full.load("a", 2);
    full.load("b", 1);
    full.load("C", 3);
    assert.equal(full.requests(1), "b");
    const marked = route("aB", least, zones);
    marked.mark("B");
    assert.equal(marked.requests(1), "a");
  });

  it("takes two empty zones for equal", () => {
    const empty = (name: string) => ({ availabilityZone: name === "B" ? "" : "z2" });
    assert.equal(route("aBc", { ...roundRobin, zone: "" }, empty).requests(3), "BBB");
  });
});
