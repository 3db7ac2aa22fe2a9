import type { Clock } from "../core/clock.ts";

/** The time as an IMF-fixdate (RFC 9110 §5.6.7), made anew once a second. */
export class HttpDate {
  readonly #clock: Clock;
  #second = -1;
  #text = "";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Text of the current second, `Tue, 01 Apr 2025 12:34:56 GMT`; may be handed on as a function. */
  readonly text = (): string => {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  };
}
