import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Selection } from "../../../../src/core/balancing/selection.ts";
import { route } from "./pools.ts";

function sticky(id: string, mustStick = false): Selection {
  const selection = new Selection();
  selection.stickyId = id;
  selection.mustStick = mustStick;
  return selection;
}

describe("sessions in selection (data-plane §3.7)", () => {
  for (const algorithm of ["round-robin", "least-connection"] as const) {
    const settings = { balancing_algorithm: algorithm, backends: { max_conns: 1 } };

    it(`${algorithm}: the session's endpoint, by id or address, marked or not, local or not`, () => {
      const balancing = route(
        "ABC",
        { ...settings, balancing_algorithm_az_preference: "locally-optimistic" },
        (name) => ({ availabilityZone: name === "A" ? "z1" : "z2" }),
      );
      balancing.mark("C");
      assert.equal(balancing.attempt(sticky("C")), "C");
      assert.equal(balancing.attempt(sticky("10.0.0.3:80")), "C");
      assert.equal(balancing.attempt(sticky("C", true)), "C");
      assert.equal(balancing.isMarked("C"), true);
    });

    it(`${algorithm}: may stick, but not to one that is gone or at max_conns`, () => {
      const balancing = route("AB", settings);
      assert.match(balancing.attempt(sticky("X")), /^[AB]$/);
      balancing.load("A", 1);
      assert.equal(balancing.attempt(sticky("A")), "B");
    });

    it(`${algorithm}: must stick, or nothing`, () => {
      const balancing = route("AB", settings);
      assert.equal(balancing.attempt(sticky("X", true)), "-");
      balancing.load("A", 1);
      assert.equal(balancing.attempt(sticky("A", true)), "-");
    });

    it(`${algorithm}: forgets one that may be left after the first attempt`, () => {
      assert.equal(
        route("ABC", settings, undefined, () => 0.99).attempts(3, sticky("B")),
        algorithm === "round-robin" ? "BCA" : "BAC",
      );
    });

    it(`${algorithm}: keeps one that must not, until the stop rule`, () => {
      assert.equal(route("ABC", settings).attempts(4, sticky("B", true)), "BBBB!");
    });
  }

  it("does not ask the round-robin cursor on a hit", () => {
    const balancing = route("ABC");
    assert.equal(balancing.requests(1), "A");
    assert.equal(balancing.attempt(sticky("C")), "C");
    assert.equal(balancing.requests(1), "B");
  });

  it("writes its debug lines", () => {
    const balancing = route("A", { backends: { max_conns: 1 } });
    balancing.log.take();
    balancing.attempt(sticky("A"));
    assert.deepEqual(balancing.log.take(), ["debug endpoint-missing-choosing-alternate"]);
    balancing.attempt(sticky("X", true));
    assert.deepEqual(balancing.log.take(), ["debug endpoint-missing-but-request-must-be-sticky"]);
    balancing.load("A", 1);
    balancing.attempt(sticky("A", true));
    assert.deepEqual(balancing.log.take(), ["debug endpoint-overloaded-but-request-must-be-sticky"]);
  });
});

describe("a selection", () => {
  it("counts attempts, and says when an endpoint comes again", () => {
    const balancing = route("A");
    const selection = new Selection();
    balancing.attempt(selection);
    assert.deepEqual([selection.attempt, selection.again], [1, false]);
    balancing.attempt(selection);
    assert.deepEqual([selection.attempt, selection.again, selection.exhausted(balancing.pool)], [2, true, true]);
  });

  it("is as new after reset", () => {
    const balancing = route("AB");
    const selection = sticky("A", true);
    balancing.attempts(2, selection);
    selection.reset();
    assert.deepEqual({ ...selection }, { ...new Selection() });
    assert.equal(balancing.attempts(3, selection), "ABA!");
  });

  it("goes on when an endpoint was registered meanwhile", () => {
    const balancing = route("A");
    const selection = new Selection();
    assert.equal(balancing.attempts(1, selection), "A");
    balancing.add("Z");
    assert.equal(balancing.attempts(1, selection), "Z");
  });
});
