import { Deadline } from "./timer-wheel.ts";

/** What runs out of time. */
export interface Timed {
  outOfTime(): void;
}

/**
 * The deadline of the exchanges that one connection carries, one after the other. It stays armed in between: the next
 * one is due later, so that arming it again moves nothing.
 */
export class ExchangeDeadline extends Deadline {
  /** The exchange under way, if it has a deadline. */
  exchange: Timed | undefined = undefined;

  override expired(): void {
    const { exchange } = this;
    this.exchange = undefined;
    exchange?.outOfTime();
  }
}
