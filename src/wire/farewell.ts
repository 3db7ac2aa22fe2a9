import type { Clock } from "../runtime/interface/clock.ts";

/** Milliseconds between two rounds. */
const roundMs = 100;

/**
 * Calls `tell` with each item, in rounds of equal size: the first at once, the last before the time is over, also when
 * every round is late. `overMs` 0: one round.
 */
export function tellInRounds<T>(clock: Clock, items: readonly T[], overMs: number, tell: (item: T) => void): void {
  const perRound = Math.ceil(items.length / Math.max(1, Math.floor(overMs / (2 * roundMs))));
  let told = 0;
  const round = (): void => {
    const end = Math.min(told + perRound, items.length);
    while (told < end) tell(items[told++]!);
    if (end < items.length) clock.after(roundMs, round, true);
  };
  round();
}
