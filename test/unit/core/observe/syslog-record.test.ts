import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SyslogRecords } from "../../../../src/core/observe/syslog-record.ts";

const mark = "\u00ef\u00bb\u00bf";
const origin = { hostName: "vm-1", appName: "vcap.gorouter", processId: 42 };
const now = Date.UTC(2025, 3, 29, 14, 8, 7, 611);
const two = (value: number): string => String(value).padStart(2, "0");

/** What the machine's zone makes of `now`, by another way. */
function local(): string {
  const east = -new Date(now).getTimezoneOffset();
  const shifted = new Date(now + east * 60_000).toISOString().slice(0, 19);
  const size = Math.abs(east);
  if (size === 0) return `${shifted}Z`;
  return `${shifted}${east < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

describe("syslog record (control-plane §6.4)", () => {
  it("has the head of the reference, one dash, a byte order mark and the line", () => {
    const records = new SyslogRecords(origin, 0);
    assert.equal(records.record("a b", now), `<14>1 ${local()} vm-1 vcap.gorouter 42 - ${mark}a b`);
  });

  it("leaves two blanks for an empty name", () => {
    const records = new SyslogRecords({ ...origin, appName: "" }, 0);
    assert.equal(records.record("x", now), `<14>1 ${local()} vm-1  42 - ${mark}x`);
  });

  it("writes names as UTF-8, and keeps the line's bytes", () => {
    const records = new SyslogRecords({ ...origin, appName: "\u00e9" }, 0);
    assert.ok(records.record("\u00ff", now).endsWith(` vm-1 \u00c3\u00a9 42 - ${mark}\u00ff`));
  });

  it("cuts the line, not the head", () => {
    for (const [limit, expected] of [
      [3, "abc"],
      [6, "abcdef"],
      [7, "abcdef"],
      [-1, "abcdef"],
    ] as const) {
      const record = new SyslogRecords(origin, limit).record("abcdef", now);
      assert.equal(record.slice(record.indexOf(mark) + 3), expected);
    }
  });

  it("goes with the seconds", () => {
    const records = new SyslogRecords(origin, 0);
    const first = records.record("x", now);
    assert.equal(records.record("x", now + 300), first);
    assert.notEqual(records.record("x", now + 400), first);
    assert.equal(records.record("x", now), first);
  });
});
