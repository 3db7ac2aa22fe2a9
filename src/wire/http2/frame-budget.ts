/**
 * How often a peer may do what costs us more than it (resets of requests, frames that must be answered, empty frames): a
 * burst, and so many a second after it.
 */
export class FrameBudget {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #at = -1;

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
  }

  /** The peer did something that is worth one more. */
  earn(): void {
    if (this.#left < this.#burst) this.#left += 1;
  }

  /** Takes one at that time (monotonic milliseconds), after so many were earned. False: the peer has gone too far. */
  take(now: number, earned = 0): boolean {
    const rested = this.#at < 0 ? 0 : ((now - this.#at) / 1000) * this.#perSecond;
    this.#at = now;
    this.#left = Math.min(this.#burst, this.#left + rested + earned) - 1;
    return this.#left >= 0;
  }
}
