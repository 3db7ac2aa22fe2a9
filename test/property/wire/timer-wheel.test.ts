import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Deadline, TimerWheel } from "../../../src/wire/timer-wheel.ts";
import { TurnedClock } from "../../fixtures/turned-clock.ts";

const COUNT = 6;
type Step =
  | { readonly do: "arm"; readonly which: number; readonly ms: number }
  | { readonly do: "disarm"; readonly which: number }
  | { readonly do: "turn" | "jump"; readonly ms: number };

const which = fc.nat(COUNT - 1);
const duration = fc.oneof(fc.integer({ min: 0, max: 1200 }), fc.integer({ min: 0, max: 200_000 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("arm" as const), which, ms: duration }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("disarm" as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("turn" as const), ms: duration }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("jump" as const), ms: duration }) },
);

describe("timer wheel, as a property", () => {
  it("does what one timer for each deadline would do, a tick late at most", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), fc.array(step, { maxLength: 40 }), (start, steps) => {
        const clock = new TurnedClock(start + 0.25);
        const wheel = new TimerWheel(clock);
        /** The naive model: when each deadline is due, and how late it may be. */
        const due: (number | undefined)[] = new Array(COUNT).fill(undefined);
        const tick: number[] = new Array(COUNT).fill(0);
        let jumping = false;
        class Alarm extends Deadline {
          private readonly index: number;
          constructor(index: number) {
            super();
            this.index = index;
          }
          override expired(): void {
            const at = due[this.index];
            assert.ok(at !== undefined, "expired though it was not armed");
            assert.ok(clock.monotonic() >= at, "expired early");
            assert.ok(jumping || clock.monotonic() <= at + tick[this.index]!, "expired late");
            assert.equal(this.armed, false);
            due[this.index] = undefined;
          }
        }
        const alarms = Array.from({ length: COUNT }, (_, index) => new Alarm(index));
        for (const one of steps) {
          switch (one.do) {
            case "arm":
              wheel.arm(alarms[one.which]!, one.ms);
              due[one.which] = clock.monotonic() + one.ms;
              tick[one.which] = one.ms < 1000 ? 10 : 100;
              break;
            case "disarm":
              wheel.disarm(alarms[one.which]!);
              due[one.which] = undefined;
              break;
            case "turn":
              clock.turn(one.ms);
              break;
            case "jump":
              // Whatever fell due while nothing could run may be met up to a tick after it went on.
              jumping = true;
              clock.jump(one.ms);
              clock.turn(100);
              jumping = false;
              break;
          }
          const now = clock.monotonic();
          for (let i = 0; i < COUNT; i++) {
            assert.equal(alarms[i]!.armed, due[i] !== undefined);
            assert.ok(due[i] === undefined || due[i]! + tick[i]! >= now, "missed");
          }
          assert.ok(clock.running <= 1);
          if (due.some((at) => at !== undefined)) assert.equal(clock.running, 1);
        }
        for (const alarm of alarms) wheel.disarm(alarm);
        clock.turn(100);
        assert.equal(clock.running, 0);
      }),
      { numRuns: 300, seed: 20261121 },
    );
  });
});
