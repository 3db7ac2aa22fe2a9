import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Logger } from "../../../../src/core/observe/log.ts";
import { EndingLog } from "../../../../src/routing-api/client/ending-log.ts";

function recorder(lines: string[]): Logger {
  const write = (message: string): void => {
    lines.push(message);
  };
  const log: Logger = { level: 0, debug: write, info: write, warn: write, error: write, source: () => log };
  return log;
}

describe("a logger with a last line (control-plane §8.5)", () => {
  it("writes what comes before the end, and the end once", () => {
    const lines: string[] = [];
    const log = new EndingLog(recorder(lines));
    log.debug("one");
    log.warn("two");
    log.end("stopping");
    log.end("stopping");
    assert.deepEqual(lines, ["one", "two", "stopping"]);
  });

  it("is silent after it, on every level", () => {
    const lines: string[] = [];
    const log = new EndingLog(recorder(lines));
    log.end("stopping");
    for (const level of ["debug", "info", "warn", "error"] as const) log[level]("late");
    assert.deepEqual(lines, ["stopping"]);
  });
});
