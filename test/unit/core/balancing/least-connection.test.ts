import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Selection } from "../../../../src/core/balancing/selection.ts";
import { route } from "./pools.ts";

const least = { balancing_algorithm: "least-connection" } as const;

describe("least-connection (data-plane §3.6)", () => {
  it("takes the smallest count", () => {
    const balancing = route("ABC", least);
    balancing.load("A", 2);
    balancing.load("B", 1);
    balancing.load("C", 3);
    assert.equal(balancing.requests(3), "BBB");
  });

  it("breaks ties at random, each equal with the same chance", () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed / 2147483648;
    };
    const balancing = route("ABCD", least, undefined, random);
    balancing.load("D", 1);
    const counts = new Map<string, number>();
    for (const name of balancing.requests(3000)) counts.set(name, (counts.get(name) ?? 0) + 1);
    assert.deepEqual([...counts.keys()].sort(), ["A", "B", "C"]);
    for (const count of counts.values()) assert.ok(count > 850 && count < 1150, `${[...counts]}`);
  });

  it("gives nothing for an empty pool or when all are at max_conns", () => {
    const balancing = route("AB", { ...least, backends: { max_conns: 1 } });
    balancing.load("A", 1);
    assert.equal(balancing.requests(1), "B");
    balancing.load("B", 1);
    assert.equal(balancing.requests(1), "-");
    balancing.remove("A");
    assert.equal(balancing.requests(1), "-");
    balancing.load("B", 0);
    assert.equal(balancing.requests(1), "B");
    balancing.remove("B");
    assert.equal(balancing.requests(1), "-");
  });

  it("honours failure marks (issue B; Gorouter ignores them)", () => {
    const balancing = route("AB", least);
    balancing.load("B", 5);
    balancing.mark("A");
    assert.equal(balancing.requests(1), "B");
    balancing.clock.advance(30_001);
    assert.equal(balancing.requests(1), "A");
  });

  it("erases all marks when none is unmarked", () => {
    const balancing = route("AB", least);
    for (const name of "AB") balancing.mark(name);
    balancing.load("A", 1);
    assert.equal(balancing.requests(1), "B");
    assert.equal(balancing.isMarked("A") || balancing.isMarked("B"), false);
  });

  it("never takes one twice while another is untried (issue B)", () => {
    const balancing = route("ABC", least);
    balancing.load("B", 5);
    balancing.load("C", 9);
    assert.equal(balancing.attempts(4), "ABCA!");
  });

  it("prefers an untried marked endpoint to a tried unmarked one", () => {
    const balancing = route("AB", least);
    balancing.mark("B");
    assert.equal(balancing.attempts(3, new Selection()), "ABA!");
    assert.equal(balancing.isMarked("B"), true);
  });
});
