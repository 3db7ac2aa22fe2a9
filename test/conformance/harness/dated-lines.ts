import assert from "node:assert/strict";

const date = "Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT";

/** Compares header lines of an answer, its date taken out: it must have one. */
export function assertLines(lines: readonly string[], expected: readonly string[]): void {
  assert.ok(
    lines.some((line) => new RegExp(`^${date}$`).test(line)),
    "a Date line",
  );
  assert.deepEqual(
    lines.filter((line) => !line.startsWith("Date: ")),
    expected,
  );
}
