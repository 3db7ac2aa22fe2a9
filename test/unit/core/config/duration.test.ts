import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatGoDuration, parseGoDuration, toNanoseconds } from "../../../../src/core/config/duration.ts";

describe("parseGoDuration", () => {
  const good: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["-0", 0],
    ["0s", 0],
    ["20s", 20_000],
    ["500ms", 500],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["-5s", -5_000],
    ["+5s", 5_000],
    [".5s", 500],
    ["1.s", 1_000],
    ["1us", 0.001],
    ["1µs", 0.001],
    ["1μs", 0.001],
    ["250ns", 0.00025],
    ["0.3333333333333333333h", 1_199_999.999999],
  ];
  for (const [text, ms] of good) it(`reads ${text}`, () => assert.equal(parseGoDuration(text), ms));

  for (const text of ["", "5", "5x", "s", ".s", "1d", "1 s", " 1s", "1s ", "--1s", "1s-1s", "1e3s", "9999999h", "1S"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseGoDuration(text), undefined));
  }
});

describe("formatGoDuration", () => {
  const table: readonly (readonly [number, string])[] = [
    [0, "0s"],
    [-5_000, "-5s"],
    [20_000, "20s"],
    [90_000, "1m30s"],
    [120_000, "2m0s"],
    [3_600_000, "1h0m0s"],
    [500, "500ms"],
    [1_500, "1.5s"],
    [0.0015, "1.5µs"],
    [0.000001, "1ns"],
    [5_400_000.25, "1h30m0.00025s"],
  ];
  for (const [ms, text] of table) it(`prints ${text}`, () => assert.equal(formatGoDuration(ms), text));
});

describe("toNanoseconds", () => {
  it("keeps fractions of a millisecond", () => assert.equal(toNanoseconds(123.746), 123_746_000n));
});
