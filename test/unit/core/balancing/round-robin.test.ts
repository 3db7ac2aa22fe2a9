import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Selection } from "../../../../src/core/balancing/selection.ts";
import { route } from "./pools.ts";

describe("round-robin (data-plane §3.4)", () => {
  it("starts at random and goes on in registration order", () => {
    assert.equal(route("ABC").requests(7), "ABCABCA");
    assert.equal(route("ABC", {}, undefined, () => 0.5).requests(7), "BCABCAB");
    assert.equal(route("ABC", {}, undefined, () => 0.99).requests(4), "CABC");
  });

  it("asks the pool once per request; retries go on from the request's own position", () => {
    const { attempt, requests } = route("ABCD");
    const first = new Selection();
    const second = new Selection();
    assert.equal(attempt(first), "A");
    assert.equal(attempt(second), "B");
    assert.equal(attempt(first), "B");
    assert.equal(attempt(first), "C");
    assert.equal(attempt(second), "C");
    assert.equal(requests(1), "C");
  });

  it("gives nothing for an empty pool", () => {
    const { remove, requests } = route("A");
    remove("A");
    assert.equal(requests(1), "-");
  });

  it("falls back to the start when the pool shrank below cursor and position", () => {
    const balancing = route("ABCD");
    const selection = new Selection();
    assert.equal(balancing.requests(2), "AB");
    assert.equal(balancing.attempt(selection), "C");
    for (const name of "BCD") balancing.remove(name);
    balancing.add("E");
    assert.equal(balancing.attempt(selection), "A");
    assert.equal(balancing.requests(3), "AEA");
  });

  it("sees endpoints added between two attempts", () => {
    const balancing = route("A");
    const selection = new Selection();
    assert.equal(balancing.attempts(1, selection), "A");
    balancing.add("B");
    assert.equal(balancing.attempts(2, selection), "BA!");
  });

  it("gives a marked endpoint's turns to the next one (§3.4 consequences)", () => {
    const balancing = route("ABC");
    balancing.mark("B");
    assert.equal(balancing.requests(6), "ACCACC");
  });

  it("skips a mark for a quarter of the stale threshold, then clears it (§3.3)", () => {
    const balancing = route("AB");
    balancing.mark("A");
    balancing.clock.advance(30_000);
    assert.equal(balancing.requests(2), "BB");
    balancing.clock.advance(1);
    assert.equal(balancing.requests(2), "AB");
    assert.equal(balancing.isMarked("A"), false);
  });

  it("does not clear a mark by re-registration of what exists, but by a new one (§3.3)", () => {
    const balancing = route("AB");
    balancing.mark("A");
    balancing.add("A");
    assert.equal(balancing.isMarked("A"), true);
    balancing.remove("A");
    balancing.add("A");
    assert.equal(balancing.isMarked("A"), false);
  });

  it("uses a marked only endpoint at once", () => {
    const balancing = route("A");
    balancing.mark("A");
    assert.equal(balancing.requests(1), "A");
  });

  it("erases all marks when a whole turn finds none", () => {
    const balancing = route("ABC");
    for (const name of "ABC") balancing.mark(name);
    assert.equal(balancing.requests(1), "A");
    for (const name of "ABC") assert.equal(balancing.isMarked(name), false);
  });

  it("skips what is at max_conns, and erases marks when the unmarked ones are (§3.2)", () => {
    const balancing = route("ABC", { backends: { max_conns: 2 } });
    balancing.load("A", 2);
    balancing.load("B", 1);
    assert.equal(balancing.requests(3), "BBC");
    balancing.load("B", 3);
    balancing.mark("C");
    assert.equal(balancing.requests(2), "CC");
    assert.equal(balancing.isMarked("C"), false);
  });

  it("gives nothing when all are at max_conns, and keeps the marks", () => {
    const balancing = route("AB", { backends: { max_conns: 1 } });
    for (const name of "AB") balancing.load(name, 1);
    balancing.mark("A");
    assert.equal(balancing.requests(1), "-");
    assert.equal(balancing.isMarked("A"), true);
  });
});

describe("retries of round-robin (data-plane §4.1, issue B)", () => {
  it("one endpoint: one attempt", () => assert.equal(route("A").attempts(3), "AA!A!"));

  it("each endpoint once, then stop", () => {
    const balancing = route("ABC");
    assert.equal(balancing.attempts(4, new Selection(), balancing.mark), "ABCA!");
  });

  it("never one twice while another is untried, though only the tried one is unmarked", () => {
    const balancing = route("AB");
    balancing.mark("B");
    assert.equal(balancing.attempts(3), "ABA!");
    assert.equal(balancing.isMarked("B"), true);
  });

  it("tries one again when the untried are at max_conns, until the stop rule", () => {
    const balancing = route("AB", { backends: { max_conns: 1 } });
    balancing.load("B", 1);
    assert.equal(balancing.attempts(3), "AAA!");
  });

  it("does not count an endpoint that was replaced in place as untried", () => {
    let stamp = 1n;
    const balancing = route("AB", {}, () => ({ updatedAtNs: stamp }));
    const selection = new Selection();
    assert.equal(balancing.attempt(selection), "A");
    stamp = 2n;
    balancing.add("A");
    assert.equal(balancing.attempts(2, selection), "BA!");
  });
});
