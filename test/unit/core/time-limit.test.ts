import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { limitTime } from "../../../src/core/time-limit.ts";
import { TurnedClock } from "../../fixtures/turned-clock.ts";

describe("time limit", () => {
  it("calls back once, when the time is over and the event loop has turned twice", () => {
    const clock = new TurnedClock();
    let late = 0;
    limitTime(clock, 50, () => late++);
    clock.turn(49);
    assert.equal(late, 0);
    // A process that stood still: the first look at the clock, then two turns of the loop.
    clock.jump(1000);
    assert.equal(late, 0);
    clock.jump(0);
    assert.equal(late, 0);
    clock.jump(0);
    assert.equal(late, 1);
    clock.turn(1000);
    assert.equal(late, 1);
    assert.equal(clock.running, 0);
  });

  it("is cancelled before the time, and in each of the turns behind it", () => {
    for (const turns of [0, 1, 2]) {
      const clock = new TurnedClock();
      const timer = limitTime(clock, 50, () => assert.fail("cancelled"));
      clock.turn(49);
      if (turns > 0) clock.jump(1000);
      if (turns > 1) clock.jump(0);
      timer.cancel();
      assert.equal(clock.running, 0);
      clock.turn(1000);
    }
  });

  it("keeps the process alive unless it is said to be in the background", () => {
    for (const background of [false, true]) {
      const clock = new TurnedClock();
      limitTime(clock, 50, () => {}, background);
      clock.turn(50);
      assert.equal(clock.foreground, background ? 0 : 3);
    }
  });
});
