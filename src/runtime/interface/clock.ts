/** A one-shot timer that can be taken back. */
export interface Timer {
  cancel(): void;
}

/** Time, as a parameter: the core and the wire have none of their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch, with a fraction (microseconds where the runtime has them). */
  now(): number;
  /** Milliseconds of a clock that never jumps, with a fraction; only differences mean something. */
  monotonic(): number;
  /** Calls back once after `ms`. Does not keep the process alive when `background` is true. */
  after(ms: number, callback: () => void, background?: boolean): Timer;
}
