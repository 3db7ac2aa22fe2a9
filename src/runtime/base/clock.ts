import { setTimeout } from "node:timers";
import type { Clock, Timer } from "../interface/clock.ts";

/** The longest time a timer of the runtimes takes, some 24 days; a longer one would be due at once. */
const longestMs = 2 ** 31 - 1;

class RuntimeTimer implements Timer {
  private readonly timer: NodeJS.Timeout;
  constructor(timer: NodeJS.Timeout) {
    this.timer = timer;
  }
  cancel(): void {
    clearTimeout(this.timer);
  }
}

let epochOffset = Date.now() - performance.now();
/** A jump of the system clock is noticed within so many milliseconds. */
const checkEveryMs = 20;
let checkAt = 0;

/** The runtime's clock. `now` follows jumps of the system clock and has the fraction that `Date.now` lacks. */
export const clock: Clock = {
  now() {
    const ticks = performance.now();
    if (ticks < checkAt) return ticks + epochOffset;
    checkAt = ticks + checkEveryMs;
    const whole = Date.now();
    const ahead = ticks + epochOffset - whole;
    // `Date.now` is the truth, cut to whole milliseconds; the fast counter only adds the fraction.
    if (ahead < 0) epochOffset -= ahead;
    else if (ahead >= 1) epochOffset -= ahead - 0.999;
    return ticks + epochOffset;
  },
  monotonic: () => performance.now(),
  after(ms, callback, background = false) {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), longestMs));
    if (background) timer.unref();
    return new RuntimeTimer(timer);
  },
};
