import type { Endpoint } from "../routing/endpoint.ts";
import type { Member, Pool } from "../routing/pool.ts";
import { inFlightOf } from "../routing/pool-state.ts";
import type { Selection } from "./selection.ts";
import { isLocal, wantsLocal } from "./zone-preference.ts";

/**
 * The endpoint with the fewest requests in flight among those below `max_conns`, ties at random; a local one first,
 * while wanted (data-plane §3.6).
 *
 * Beyond Gorouter: failure marks count as in round-robin (an unmarked endpoint is preferred; all marks are erased when
 * none is left), and an endpoint that this request tried is taken only when none is left untried, marked or not.
 *
 * @param now `Clock.monotonic` milliseconds.
 */
export function leastConnection(pool: Pool, selection: Selection, now: number): Endpoint | undefined {
  const { members, settings, state } = pool;
  const local = wantsLocal(settings, selection.attempt);
  let best: Endpoint | undefined;
  let bestRank = 0;
  let bestLoad = 0;
  let ties = 0;
  let anyUnmarked = false;
  for (const member of members) {
    const { endpoint } = member;
    const load = inFlightOf(endpoint);
    if (settings.maxConns > 0 && load >= settings.maxConns) continue;
    const marked = state.isMarked(member, now, settings.failureMemoryMs);
    if (!marked) anyUnmarked = true;
    const rank = rankOf(member, marked, local && !isLocal(settings, endpoint), selection);
    if (best === undefined || rank < bestRank || (rank === bestRank && load < bestLoad)) {
      best = endpoint;
      bestRank = rank;
      bestLoad = load;
      ties = 1;
    } else if (rank === bestRank && load === bestLoad) {
      // Each of n equals ends up chosen with probability 1/n, like the first of a random order.
      ties++;
      if (settings.random() * ties < 1) best = endpoint;
    }
  }
  if (best !== undefined && !anyUnmarked) pool.eraseMarks();
  return best;
}

/** Lower is better: untried before tried, unmarked before marked, local before remote. */
function rankOf(member: Member, marked: boolean, remote: boolean, selection: Selection): number {
  return (selection.hasTried(member.endpoint) ? 4 : 0) + (marked ? 2 : 0) + (remote ? 1 : 0);
}
