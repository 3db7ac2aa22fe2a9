import type { Clock, Timer } from "../core/clock.ts";

/** Timers of the runtimes take 31 bits of milliseconds; longer waits are made of several. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Does something at once, or after a delay, and then at every tick of a period, in a fixed phase: how long it takes does
 * not shift the phase. It never overlaps itself; ticks that are missed meanwhile collapse into one (route-registrar §7.1).
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #task: () => Promise<void> | void;
  #origin = 0;
  #tick = 0;
  #timer: Timer | undefined;
  #stopped = false;

  /** `task` must not reject. */
  constructor(clock: Clock, periodMs: number, task: () => Promise<void> | void) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#task = task;
  }

  /**
   * The first run is in `delayMs`, the ticks come `phaseMs` later than whole periods behind it. `now`: the time of the
   * clock, the same for all that start together, so that their ticks share a wake-up.
   */
  start(delayMs = 0, phaseMs = 0, now = this.#clock.monotonic()): void {
    this.#origin = now + delayMs + phaseMs;
    this.#wait(delayMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #wait(ms: number): void {
    if (ms > longestTimerMs) {
      this.#timer = this.#clock.after(longestTimerMs, () => this.#wait(ms - longestTimerMs));
      return;
    }
    // At least 1 ms: a period of nanoseconds must leave time for everything else.
    this.#timer = this.#clock.after(Math.max(ms, 1), () => void this.#run());
  }

  async #run(): Promise<void> {
    await this.#task();
    if (this.#stopped) return;
    const passed = Math.floor((this.#clock.monotonic() - this.#origin) / this.#periodMs);
    if (passed > this.#tick) {
      this.#tick = passed;
      this.#wait(0);
      return;
    }
    this.#tick++;
    this.#wait(this.#origin + this.#tick * this.#periodMs - this.#clock.monotonic());
  }
}
