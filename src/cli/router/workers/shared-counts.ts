import type { SharedNumbers } from "../../../runtime/interface/processes.ts";
import { countsOf } from "./shared-layout.ts";

/** Endpoints whose counts are looked at together. */
const lookedAt = 1024;

/**
 * Sets the counts of the worker at that place, one of so many, to nothing. `bound`: the numbers of all endpoints are below.
 */
export function clearCounts(numbers: SharedNumbers, bound: number, place: number, workers: number): void {
  let counted = bound;
  while (counted > 0 && countsOf(counted - 1, workers) === undefined) counted--;
  for (let block = 0; block < counted; block += lookedAt) {
    const end = Math.min(block + lookedAt, counted);
    if (numbers.sum(block * workers, (end - block) * workers) === 0) continue;
    for (let id = block; id < end; id++) {
      const index = id * workers + place;
      if (numbers.load(index) !== 0) numbers.store(index, 0);
    }
  }
}
