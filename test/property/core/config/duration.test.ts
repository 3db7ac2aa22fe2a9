import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatGoDuration, parseGoDuration, toNanoseconds } from "../../../../src/core/config/duration.ts";

const runs = { seed: 20261123, numRuns: 500 };
/** Nanoseconds that a double of milliseconds holds without loss. */
const exact = fc.bigInt({ min: -(2n ** 50n), max: 2n ** 50n });

describe("Go durations", () => {
  it("prints what reads back as the same number of nanoseconds", () => {
    fc.assert(
      fc.property(exact, (ns) => {
        const ms = parseGoDuration(`${ns}ns`);
        assert.ok(ms !== undefined);
        assert.equal(toNanoseconds(ms), ns);
        const again = parseGoDuration(formatGoDuration(ms));
        assert.ok(again !== undefined);
        assert.equal(toNanoseconds(again), ns);
      }),
      runs,
    );
  });

  it("adds up groups in any order of units", () => {
    const units = { ns: 1n, us: 1000n, ms: 1_000_000n, s: 10n ** 9n, m: 60n * 10n ** 9n, h: 3600n * 10n ** 9n };
    const group = fc.tuple(fc.nat(500), fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])));
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 5 }), (groups) => {
        const ms = parseGoDuration(groups.map(([count, unit]) => `${count}${unit}`).join(""));
        assert.ok(ms !== undefined);
        assert.equal(
          toNanoseconds(ms),
          groups.reduce((sum, [count, unit]) => sum + BigInt(count) * units[unit], 0n),
        );
      }),
      runs,
    );
  });

  it("never throws, and gives finite numbers only", () => {
    const text = fc
      .array(fc.constantFrom("1", "0", ".", "-", "+", "s", "m", "h", "n", "µ", " ", "d"))
      .map((all) => all.join(""));
    fc.assert(
      fc.property(text, (anything) => {
        const ms = parseGoDuration(anything);
        assert.ok(ms === undefined || Number.isFinite(ms));
      }),
      runs,
    );
  });
});
