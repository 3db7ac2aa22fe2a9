import type { Endpoint } from "../routing/endpoint.ts";
import type { Pool } from "../routing/pool.ts";
import { hashed } from "./hash.ts";
import { leastConnection } from "./least-connection.ts";
import { roundRobin } from "./round-robin.ts";
import type { Selection } from "./selection.ts";

/**
 * Selects the endpoint of the next attempt and counts the attempt (data-plane §3.2-§3.7). Undefined: nothing eligible,
 * the pool is empty, all is overloaded, or the session's endpoint must be used and cannot. Afterwards
 * `selection.exhausted(pool)` tells whether to stop instead (§4.1.3).
 *
 * @param now `Clock.monotonic` milliseconds.
 */
export function selectEndpoint(pool: Pool, selection: Selection, now: number): Endpoint | undefined {
  selection.begin();
  if (pool.settings.catchUp !== undefined && pool.size > 1) pool.settings.catchUp();
  // A session that may be left counts for the first attempt only.
  if (selection.stickyId !== "" && (selection.mustStick || selection.attempt === 1)) {
    const endpoint = sticky(pool, selection);
    if (endpoint !== undefined) return selection.chose(endpoint);
    if (selection.mustStick) return undefined;
  }
  const endpoint = balanced(pool, selection, now);
  return endpoint === undefined ? undefined : selection.chose(endpoint);
}

function balanced(pool: Pool, selection: Selection, now: number): Endpoint | undefined {
  let { algorithm } = pool;
  if (algorithm === "hash") {
    if (selection.hashSlot >= 0) return hashed(pool, selection, selection.hashSlot);
    algorithm = pool.settings.defaultAlgorithm;
  }
  return algorithm === "least-connection" ? leastConnection(pool, selection, now) : roundRobin(pool, selection, now);
}

/** The endpoint of the session if it is there and below `max_conns`; failure marks and zone do not count (§3.7). */
function sticky(pool: Pool, selection: Selection): Endpoint | undefined {
  const { log } = pool.settings;
  if (!selection.mustStick) log.debug("endpoint-missing-choosing-alternate");
  const endpoint = pool.findSticky(selection.stickyId)?.endpoint;
  if (endpoint === undefined) {
    if (selection.mustStick) log.debug("endpoint-missing-but-request-must-be-sticky");
    return undefined;
  }
  if (!pool.isFull(endpoint)) return endpoint;
  if (selection.mustStick) log.debug("endpoint-overloaded-but-request-must-be-sticky");
  return undefined;
}
