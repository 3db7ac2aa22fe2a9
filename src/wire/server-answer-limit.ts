import { Deadline, type TimerWheel } from "./timer-wheel.ts";

/** Bounds the time that the answers of a connection may take (`ServerOptions.answerTimeoutMs`). */
export class AnswerLimit extends Deadline {
  readonly #wheel: TimerWheel;
  readonly #ms: number;
  readonly #exceeded: () => void;

  /** `exceeded` is called once for each answer that is late. */
  constructor(wheel: TimerWheel, ms: number, exceeded: () => void) {
    super();
    this.#wheel = wheel;
    this.#ms = ms;
    this.#exceeded = exceeded;
  }

  /** A request's head has been read. */
  begin(): void {
    this.#wheel.armRoughly(this, this.#ms);
  }

  /** Its answer is out, or never will be. */
  end(): void {
    this.#wheel.disarm(this);
  }

  override expired(): void {
    this.#exceeded();
  }
}
