import type { Endpoint } from "./endpoint.ts";

/** What carries a failure mark. */
interface Marked {
  /** `Clock.monotonic` milliseconds of the last failure, -1: unmarked. Read and written by `PoolState` only. */
  failedAt: number;
}

/**
 * What balancing remembers of a pool between requests: the cursor and the failure marks; in-flight counts live on the
 * endpoints and are changed by the two functions below. Everything that several workers would have to share goes
 * through this file (architecture §6), so that its meaning does not depend on the number of workers.
 */
export class PoolState {
  #cursor = -1;

  /**
   * Where round-robin starts for the next request: at random first, then one further each time (data-plane §3.4).
   *
   * @param count number of members, at least 1.
   * @param random uniform in [0, 1).
   */
  nextStart(count: number, random: () => number): number {
    const next = this.#cursor < 0 ? Math.floor(random() * count) : this.#cursor + 1;
    this.#cursor = next < count ? next : 0;
    return this.#cursor;
  }

  mark(member: Marked, now: number): void {
    member.failedAt = now;
  }

  /** Whether the member failed at most `memoryMs` ago; older marks are cleared in passing (data-plane §3.3). */
  isMarked(member: Marked, now: number, memoryMs: number): boolean {
    if (member.failedAt < 0) return false;
    if (now - member.failedAt <= memoryMs) return true;
    member.failedAt = -1;
    return false;
  }

  clearMarks(members: readonly Marked[]): void {
    for (const member of members) member.failedAt = -1;
  }
}

/** A round trip to the endpoint starts: call just before the request is sent (data-plane §3.2). */
export function beginRoundTrip(endpoint: Endpoint): void {
  endpoint.inFlight++;
}

/** Response headers arrived, or the round trip failed. Bodies and upgraded connections are not counted. */
export function endRoundTrip(endpoint: Endpoint): void {
  endpoint.inFlight--;
}
