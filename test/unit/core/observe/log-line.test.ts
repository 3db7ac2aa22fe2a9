import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLogger } from "../../../../src/core/observe/json-logger.ts";
import { Level } from "../../../../src/core/observe/log.ts";
import { parseLevel } from "../../../../src/core/observe/log-level.ts";
import { jsonString, logLine } from "../../../../src/core/observe/log-line.ts";
import { createTimestamps, timestampFormat } from "../../../../src/core/observe/log-timestamp.ts";

function clockAt(now: () => number) {
  return { now, monotonic: () => 0, after: () => ({ cancel: () => {} }) };
}

describe("log lines (control-plane §6.1)", () => {
  it("have their keys in order", () => {
    assert.equal(
      logLine(Level.info, "1795299314.9636772", "Successfully-connected-to-nats", "gorouter.stdout.nats", {
        host: "localhost:4222",
        addr: "127.0.0.1:4222",
      }),
      '{"log_level":1,"timestamp":1795299314.9636772,"message":"Successfully-connected-to-nats",' +
        '"source":"gorouter.stdout.nats","data":{"host":"localhost:4222","addr":"127.0.0.1:4222"}}\n',
    );
  });

  it("leave out data without attributes and an undefined source, but not an empty one", () => {
    assert.equal(logLine(0, "1", "m", "", {}), '{"log_level":0,"timestamp":1,"message":"m","source":""}\n');
    assert.equal(logLine(0, "1", "m", undefined, { a: undefined }), '{"log_level":0,"timestamp":1,"message":"m"}\n');
  });

  it("encode every kind of value", () => {
    const data = {
      took: 123_746n,
      wait: 0.5,
      odd: Number.NaN,
      yes: true,
      error: new Error("boom"),
      none: null,
      list: ["a", 1, undefined],
      group: { IP: "::", Port: 8081, Zone: "" },
      tags: new Map([["__proto__", "x"]]),
    };
    assert.ok(
      logLine(3, "1", "m", "s", data).endsWith(
        '"data":{"took":123746,"wait":0.5,"odd":"NaN","yes":true,"error":"boom","none":null,"list":["a",1,null],' +
          '"group":{"IP":"::","Port":8081,"Zone":""},"tags":{"__proto__":"x"}}}\n',
      ),
    );
  });

  it("escape as Go does", () => {
    const table: readonly (readonly [string, string])[] = [
      ["", '""'],
      ["plain <&> é 😀 \u007f", '"plain <&> é 😀 \u007f"'],
      ['say "x" \\', '"say \\"x\\" \\\\"'],
      ["a\nb\tc\rd\be\f", '"a\\nb\\tc\\rd\\u0008e\\u000c"'],
      ["\u0000\u001f", '"\\u0000\\u001f"'],
      ["<\u2028&\u2029>", '"<\u2028&\u2029>"'],
      ["\ud800x\udc00", '"\\ufffdx\\ufffd"'],
      ["\ud83d", '"\\ufffd"'],
      ["😀\n😀", '"😀\\n😀"'],
      ["\\ud800", '"\\\\ud800"'],
      ["\ufffd", '"\ufffd"'],
    ];
    for (const [text, json] of table) assert.equal(jsonString(text), json);
  });
});

describe("timestamps", () => {
  it("as seconds since the epoch are the shortest form of the double", () => {
    let now = 1745935687123.25;
    const timestamp = createTimestamps(
      "unix-epoch",
      clockAt(() => now),
    );
    assert.equal(timestamp(), "1745935687.12325");
    now = 1745935687611.95;
    assert.equal(timestamp(), "1745935687.61195");
    now = 1745935687000;
    assert.equal(timestamp(), "1745935687");
  });

  it("as text are local time with nine decimals and a literal Z", () => {
    let now = new Date(2025, 3, 9, 4, 8, 7).getTime() + 123.25;
    const timestamp = createTimestamps(
      "rfc3339",
      clockAt(() => now),
    );
    assert.equal(timestamp(), '"2025-04-09T04:08:07.123250000Z"');
    now += 1.5;
    assert.equal(timestamp(), '"2025-04-09T04:08:07.124750000Z"');
    now += 60_000 - 124.75;
    assert.equal(timestamp(), '"2025-04-09T04:09:07.000000000Z"');
    now -= 3_600_000;
    assert.equal(timestamp(), '"2025-04-09T03:09:07.000000000Z"');
  });

  it("are chosen by exactly one word", () => {
    assert.deepEqual(["rfc3339", "RFC3339", "", "deprecated"].map(timestampFormat), [
      "rfc3339",
      "unix-epoch",
      "unix-epoch",
      "unix-epoch",
    ]);
  });
});

describe("the logger", () => {
  function logged(level: Level) {
    const lines: string[] = [];
    const logger = createLogger({
      write: (line) => lines.push(line),
      clock: clockAt(() => 2000),
      source: "gorouter.stdout",
      level,
      timestamps: "unix-epoch",
    });
    return { lines, logger };
  }

  it("writes lines of its level and above", () => {
    const { lines, logger } = logged(Level.warn);
    logger.debug("d");
    logger.info("i");
    logger.warn("w");
    logger.error("e", { error: new Error("x") });
    assert.deepEqual(lines, [
      '{"log_level":2,"timestamp":2,"message":"w","source":"gorouter.stdout"}\n',
      '{"log_level":3,"timestamp":2,"message":"e","source":"gorouter.stdout","data":{"error":"x"}}\n',
    ]);
    assert.equal(logger.level, Level.warn);
  });

  it("writes nothing when silent", () => {
    const { lines, logger } = logged(Level.silent);
    logger.error("e");
    assert.deepEqual(lines, []);
  });

  it("extends its source", () => {
    const { lines, logger } = logged(Level.debug);
    logger.source("router").source("x").debug("d");
    assert.deepEqual(lines, ['{"log_level":0,"timestamp":2,"message":"d","source":"gorouter.stdout.router.x"}\n']);
  });
});

describe("level names (control-plane §1.2)", () => {
  it("are read without regard to case", () => {
    const names = ["debug", "INFO", "", "Warn", "error", "dpanic", "panic", "fatal", "trace", "toString"];
    assert.deepEqual(names.map(parseLevel), [0, 1, 1, 2, 3, 4, 4, 4, undefined, undefined]);
  });
});
