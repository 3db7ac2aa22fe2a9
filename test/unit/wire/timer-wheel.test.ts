import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Deadline, TimerWheel } from "../../../src/wire/timer-wheel.ts";
import { TurnedClock } from "../../fixtures/turned-clock.ts";

class Alarm extends Deadline {
  count = 0;
  private readonly action: () => void;
  constructor(action: () => void = () => {}) {
    super();
    this.action = action;
  }
  override expired(): void {
    this.count++;
    this.action();
  }
}

function wheelAt(start: number): { clock: TurnedClock; wheel: TimerWheel } {
  const clock = new TurnedClock(start);
  return { clock, wheel: new TimerWheel(clock) };
}

describe("timer wheel", () => {
  it("expires once, never early, a tick late at the latest", () => {
    for (const [ms, tick] of [
      [1, 10],
      [55, 10],
      [999, 10],
      [1000, 100],
      [60_000, 100],
      [900_000, 100],
    ] as const) {
      const { clock, wheel } = wheelAt(123.4);
      const alarm = new Alarm();
      wheel.arm(alarm, ms);
      assert.equal(alarm.armed, true);
      clock.turn(ms - 0.5);
      assert.equal(alarm.count, 0, `${ms} early`);
      clock.turn(tick + 0.5);
      assert.equal(alarm.count, 1, `${ms} late`);
      assert.equal(alarm.armed, false);
      clock.turn(100_000);
      assert.equal(alarm.count, 1);
    }
  });

  it("runs one background timer while something is armed, and none else", () => {
    const { clock, wheel } = wheelAt(0);
    const alarms = [new Alarm(), new Alarm(), new Alarm()];
    assert.equal(clock.running, 0);
    wheel.arm(alarms[0]!, 5000);
    wheel.arm(alarms[1]!, 50);
    wheel.arm(alarms[2]!, 500);
    assert.equal(clock.running, 1);
    for (const alarm of alarms) wheel.disarm(alarm);
    clock.turn(100);
    assert.equal(clock.running, 0);
    wheel.arm(alarms[0]!, 5000);
    assert.equal(clock.running, 1);
    clock.turn(6000);
    assert.equal(clock.running, 0);
    assert.equal(clock.foreground, 0);
    assert.deepEqual(
      alarms.map(({ count }) => count),
      [1, 0, 0],
    );
  });

  it("re-arms later and earlier, and across the two tick lengths", () => {
    const { clock, wheel } = wheelAt(0);
    const alarm = new Alarm();
    wheel.arm(alarm, 2000);
    clock.turn(1900);
    wheel.arm(alarm, 2000);
    clock.turn(1900);
    assert.equal(alarm.count, 0);
    wheel.arm(alarm, 30);
    clock.turn(40);
    assert.equal(alarm.count, 1);
    wheel.arm(alarm, 30);
    wheel.arm(alarm, 3000);
    clock.turn(2999);
    assert.equal(alarm.count, 1);
    clock.turn(101);
    assert.equal(alarm.count, 2);
  });

  it("lets an expired deadline arm and disarm others and itself", () => {
    const { clock, wheel } = wheelAt(0);
    const victim = new Alarm();
    const again: Alarm = new Alarm(() => {
      wheel.disarm(victim);
      if (again.count < 3) wheel.arm(again, 20);
    });
    wheel.arm(again, 5);
    wheel.arm(victim, 5);
    clock.turn(1000);
    assert.equal(again.count, 3);
    assert.equal(victim.count, 0);
    assert.equal(clock.running, 0);
  });

  it("goes on after a deadline threw", () => {
    const { clock, wheel } = wheelAt(0);
    const bad = new Alarm(() => {
      throw new Error("bad");
    });
    const good = new Alarm();
    wheel.arm(bad, 5);
    wheel.arm(good, 5);
    assert.throws(() => clock.turn(10), /bad/);
    clock.turn(10);
    assert.equal(good.count, 1);
  });

  it("meets everything that is due after a stopped process goes on", () => {
    const { clock, wheel } = wheelAt(0);
    const alarms = Array.from({ length: 50 }, () => new Alarm());
    alarms.forEach((alarm, i) => wheel.arm(alarm, 100 + i * 10_000));
    clock.jump(250_000);
    clock.turn(0);
    assert.equal(alarms.filter(({ count }) => count === 1).length, 25);
    clock.turn(500_000);
    assert.ok(alarms.every(({ count }) => count === 1));
  });

  it("looks at what came while the process was stopped before a deadline expires", () => {
    const { clock, wheel } = wheelAt(0);
    const answered = new Alarm();
    const prolonged = new Alarm();
    const forgotten = new Alarm();
    const silent = new Alarm();
    for (const alarm of [answered, prolonged, forgotten, silent]) wheel.arm(alarm, 50);
    clock.jump(5000);
    // The event loop looks at its sockets between the tick and what follows.
    wheel.disarm(answered);
    wheel.arm(prolonged, 2000);
    wheel.arm(forgotten, 20);
    clock.turn(0);
    assert.deepEqual([answered.count, prolonged.count, forgotten.count, silent.count], [0, 0, 0, 1]);
    clock.turn(30);
    assert.deepEqual([answered.count, prolonged.count, forgotten.count, silent.count], [0, 0, 1, 1]);
    clock.turn(2100);
    assert.deepEqual([answered.count, prolonged.count, forgotten.count, silent.count], [0, 1, 1, 1]);
    assert.equal(clock.running, 0);
  });
});
