/** A one-shot timer that can be taken back. */
export interface Timer {
  cancel(): void;
}

/** The longest time that may be asked of a runtime's own timers, some 24 days: as good as no limit. */
export const longestTimerMs: number = 2 ** 31 - 1;

/** Time, given to the core as a parameter so that tests can turn it. */
export interface Clock {
  /** Milliseconds since the Unix epoch, with a fraction. */
  now(): number;
  /** Milliseconds of a clock that never jumps; only differences mean something. */
  monotonic(): number;
  /** Calls back once after `ms`; with `background` it does not keep the process alive. */
  after(ms: number, callback: () => void, background?: boolean): Timer;
}
