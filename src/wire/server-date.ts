import type { Clock } from "../core/clock.ts";
import type { TimerWheel } from "./timer-wheel.ts";

/** The time as an IMF-fixdate (RFC 9110 §5.6.7), made anew once a second; looks at the clock once a tick of the wheel. */
export class HttpDate {
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  #era = 0;
  #second = -1;
  #text = "";

  constructor(clock: Clock, wheel: TimerWheel) {
    this.#clock = clock;
    this.#wheel = wheel;
  }

  /** Text of the current second, `Tue, 01 Apr 2025 12:34:56 GMT`; may be handed on as a function. */
  readonly text = (): string => {
    const { era } = this.#wheel;
    if (era !== 0 && era === this.#era) return this.#text;
    this.#era = era;
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  };
}
