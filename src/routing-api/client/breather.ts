import type { Clock } from "../../core/clock.ts";

/** How long something is worked on in one go, so that requests hardly wait. */
const sliceMs = 4;

/** Interrupts long loops: `if (breather.due) await breather.breathe()`. */
export class Breather {
  readonly #clock: Clock;
  #until: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#until = clock.monotonic() + sliceMs;
  }

  get due(): boolean {
    return this.#clock.monotonic() > this.#until;
  }

  /** Lets others have their turn. */
  async breathe(): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.after(0, resolve));
    this.#until = this.#clock.monotonic() + sliceMs;
  }
}
