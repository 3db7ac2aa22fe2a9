import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AccessLogLosses, towardsFile, towardsSyslog } from "../../../../src/cli/router/access-log-losses.ts";
import { FakeLogger } from "../../../fixtures/fake-transport.ts";
import { TurnedClock } from "../../../fixtures/turned-clock.ts";

function rig(lines = towardsSyslog) {
  const clock = new TurnedClock();
  const logger = new FakeLogger();
  return {
    clock,
    losses: new AccessLogLosses(logger, clock, lines),
    said: () => logger.lines.map(([, message, data]) => [message, data]),
  };
}
const begins = (error: string) => ["error-emitting-access-log-to-writer-syslog", { error }];
const ends = (dropped: number) => ["access-log-to-syslog-stall-ended", { dropped }];

describe("losses of the access log", () => {
  it("are logged once when they begin, and with their number when nothing was lost for a while", () => {
    const { clock, losses, said } = rig();
    losses.failed("first", 1);
    for (let i = 0; i < 20; i++) {
      clock.turn(1000);
      losses.failed("again", 2);
    }
    assert.deepEqual(said(), [begins("first")]);
    clock.turn(20_000);
    assert.deepEqual(said(), [begins("first"), ends(41)]);
    assert.equal(clock.running, 0);
    losses.failed("second", 1);
    assert.deepEqual(said().slice(2), [begins("second")]);
  });

  it("go on while the connection is away", () => {
    const { clock, losses, said } = rig();
    losses.down = true;
    losses.failed("gone", 0);
    clock.turn(60_000);
    assert.equal(said().length, 1);
    losses.down = false;
    clock.turn(10_000);
    assert.deepEqual(said()[1], ends(0));
  });

  it("are told at the end of the program, if there are any", () => {
    const { losses, said, clock } = rig();
    losses.end();
    assert.deepEqual(said(), []);
    losses.failed("x", 3);
    losses.end();
    assert.deepEqual(said(), [begins("x"), ends(3)]);
    clock.turn(60_000);
    assert.equal(said().length, 2);
    assert.equal(clock.foreground, 0);
  });

  it("are bytes for the file", () => {
    const { losses, said } = rig(towardsFile);
    losses.failed("write /log: no space left on device", 70);
    losses.failed("write /log: no space left on device", 30);
    losses.end();
    assert.deepEqual(said(), [
      ["error-emitting-access-log-to-writer-accesslog", { error: "write /log: no space left on device" }],
      ["access-log-to-file-stall-ended", { dropped_bytes: 100 }],
    ]);
  });
});
