import type { Clock } from "../core/clock.ts";

/**
 * Lets callers through one at a time, and the event loop turn in between. Starting a process holds the loop up for
 * milliseconds: many in a row would keep everything else waiting, the news that others have ended above all.
 */
export class Turnstile {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #busy = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the caller may go; at once when nobody went just before. */
  async pass(): Promise<void> {
    if (this.#busy) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#busy = true;
    this.#clock.after(0, () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy = false;
      else next();
    });
  }
}
