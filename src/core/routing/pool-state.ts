import type { Endpoint } from "./endpoint.ts";

/** Where all workers keep whose turn it is in a route; absent where there is one worker. */
export interface SharedTurn {
  /** The cursor plus 1; 0: nobody has had a turn. */
  load(): number;
  store(turn: number): void;
}

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
  /** Undefined: this worker alone knows. */
  turn: SharedTurn | undefined = undefined;
  #cursor = -1;

  /**
   * Where round-robin starts for the next request: at random first, then one further each time (data-plane §3.4).
   *
   * @param count number of members, at least 1.
   * @param random uniform in [0, 1).
   */
  nextStart(count: number, random: () => number): number {
    if (this.turn !== undefined) this.#cursor = this.turn.load() - 1;
    const next = this.#cursor < 0 ? Math.floor(random() * count) : this.#cursor + 1;
    this.#cursor = next < count ? next : 0;
    this.turn?.store(this.#cursor + 1);
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

  /** False: there was no mark. */
  clearMarks(members: readonly Marked[]): boolean {
    let any = false;
    for (const member of members) {
      if (member.failedAt < 0) continue;
      member.failedAt = -1;
      any = true;
    }
    return any;
  }
}

/** Requests to the endpoint whose response head has not arrived yet, of all workers. */
export function inFlightOf({ inFlight, shared }: Endpoint): number {
  return shared === undefined ? inFlight : inFlight + shared.others();
}

/** The same by what was known of the others when somebody looked last: too few or too many, and costs nothing. */
export function latelyInFlight({ inFlight, shared }: Endpoint): number {
  return shared === undefined ? inFlight : inFlight + shared.lately;
}

/**
 * A round trip to the endpoint starts: call just before the request is sent (data-plane §3.2). False: it must not be
 * sent there, for with those that other workers began meanwhile there would be more than `limit` (0: no limit). Every worker
 * counts itself in before it looks at the others, so of those that want the last place no two get it; and they do not all
 * give way at once, so one does get it.
 */
export function beginRoundTrip(endpoint: Endpoint, limit: number): boolean {
  endpoint.inFlight++;
  const { shared } = endpoint;
  if (shared === undefined) return true;
  shared.publish(endpoint.inFlight);
  if (limit <= 0) return true;
  for (let look = 0; look <= shared.patience; look++) if (endpoint.inFlight + shared.others() <= limit) return true;
  endRoundTrip(endpoint);
  return false;
}

/** Response headers arrived, or the round trip failed. Bodies and upgraded connections are not counted. */
export function endRoundTrip(endpoint: Endpoint): void {
  endpoint.inFlight--;
  endpoint.shared?.publish(endpoint.inFlight);
}
