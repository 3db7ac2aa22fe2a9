import type { Route } from "./route.ts";

/** Brings one route to its consumer, and takes it away again. What cannot be said now is said as soon as it can. */
export interface Announcer {
  /** The last word was "register"; it may still be on its way. */
  readonly registered: boolean;
  /** Says that the route is there; to be repeated at every interval. */
  register(): void;
  /** Says that it is not. */
  unregister(): void;
  /**
   * The last word about `part` of the route: resolves when the consumer has it. The announcer says nothing further.
   * Rejects with an `Error` when the consumer refuses.
   */
  withdraw(part: Route): Promise<void>;
  /** Says nothing further: another route announces the same. */
  retire(): void;
}
