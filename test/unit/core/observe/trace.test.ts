import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { requestIdFromTrace } from "../../../../src/core/observe/request-id.ts";
import { type MultiB3, parseSingleB3, singleFromMultiB3 } from "../../../../src/core/observe/trace-b3.ts";
import { nextTraceState, parseTraceParent } from "../../../../src/core/observe/trace-w3c.ts";

const t64 = "0123456789abcdef";
const t128 = `${t64}fedcba9876543210`;
const span = "00000000000000aa";

describe("single B3 header (data-plane §1.4.4)", () => {
  for (const value of [
    "0",
    "1",
    "d",
    `${t64}-${span}`,
    `${t64}-${span}-1`,
    `${t64}-${span}-d-${t64}`,
    `${t128}-${span}`,
    `${t128}x${span}x0x${t64}`,
  ]) {
    it(`takes ${value}`, () => assert.equal(typeof parseSingleB3(value), "object"));
  }
  for (const value of [
    "",
    "2",
    t64,
    t128,
    `${t64}-${span.slice(1)}`,
    `${t64}-${span}-2`,
    `${t64}-${span}-1-aa`,
    `${t64}-${span}-${t64}`,
    `g${t64.slice(1)}-${span}`,
  ]) {
    it(`refuses ${value}`, () => assert.equal(parseSingleB3(value), undefined));
  }
  it("tells a 128-bit trace with a cut span", () => {
    for (const value of [`${t128}-`, `${t128}-${span.slice(1)}`]) assert.equal(parseSingleB3(value), "cut");
  });
  it("shows a trace without a high half as one of 64 bits", () => {
    const value = `${"0".repeat(16)}${t64}-${span}`;
    assert.deepEqual(parseSingleB3(value), { traceId: t64, spanId: span });
  });
  it("reads the ids in lower case", () => {
    assert.deepEqual(parseSingleB3(`${t128.toUpperCase()}-${span.toUpperCase()}-1`), { traceId: t128, spanId: span });
  });
});

describe("multi B3 headers", () => {
  const of = (fields: Partial<MultiB3>): string | undefined =>
    singleFromMultiB3({ traceId: t128, spanId: span, parentSpanId: "", sampled: "", flags: "", ...fields })?.header;
  for (const [fields, header] of [
    [{}, `${t128}-${span}`],
    [{ traceId: "bad", spanId: "cafe" }, "0000000000000bad-000000000000cafe"],
    [{ traceId: `${"0".repeat(16)}${t64}` }, `${t64}-${span}`],
    [{ sampled: "TRUE" }, `${t128}-${span}-1`],
    [{ sampled: "0", parentSpanId: "A" }, `${t128}-${span}-0-000000000000000a`],
    [{ sampled: "1", flags: "1" }, `${t128}-${span}-d`],
    [{ flags: "2" }, `${t128}-${span}`],
    [{ spanId: "0", sampled: "1" }, "1"],
    [{ traceId: "0" }, ""],
    [{ sampled: "yes" }, undefined],
    [{ traceId: `1${t128}` }, undefined],
    [{ spanId: t128 }, undefined],
    [{ parentSpanId: "x" }, undefined],
  ] as const) {
    it(JSON.stringify(fields), () => assert.equal(of(fields), header));
  }
});

describe("W3C trace context (data-plane §1.4.5)", () => {
  it("reads a parent by length and position", () => {
    const expected = { traceId: t128, parentId: span, flags: "01" };
    assert.deepEqual(parseTraceParent(`  FF_${t128.toUpperCase()}_${span}_01 `), expected);
    for (const value of ["", `00-${t128}-${span}-1`, `00-${t128}-${span}-011`, `0g-${t128}-${span}-01`]) {
      assert.equal(parseTraceParent(value), undefined);
    }
  });

  it("ignores a state of more than 2048 bytes as a whole", () => {
    const entry = `a=${"b".repeat(2046)}`;
    assert.equal(nextTraceState("k", span, entry), `k=${span},${entry}`);
    assert.equal(nextTraceState("k", span, `${entry}b`), `k=${span}`);
  });
});

describe("request ids from trace ids (data-plane §1.4.6)", () => {
  for (const [traceId, id] of [
    ["01234567890143ef0123456789abcdef", "01234567-8901-43ef-0123-456789abcdef"],
    ["01234567890163ef0123456789abcdef", undefined],
    ["01234567890103ef0123456789abcdef", undefined],
    [t64, undefined],
  ] as const) {
    it(traceId, () => assert.equal(requestIdFromTrace(traceId), id));
  }
});
