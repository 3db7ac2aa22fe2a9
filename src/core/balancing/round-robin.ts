import type { Endpoint } from "../routing/endpoint.ts";
import type { Pool } from "../routing/pool.ts";
import type { Selection } from "./selection.ts";
import { isLocal, wantsLocal } from "./zone-preference.ts";

/**
 * The next endpoint in turn (data-plane §3.4): from the request's position on, the first that is unmarked, below
 * `max_conns` and, while wanted, local. When a whole turn finds none, locality is dropped, the pool's failure marks are
 * erased and a second turn takes the first below `max_conns`.
 *
 * Beyond Gorouter: an endpoint that this request tried is taken only when none is left untried, marked or not.
 *
 * @param now `Clock.monotonic` milliseconds.
 */
export function roundRobin(pool: Pool, selection: Selection, now: number): Endpoint | undefined {
  const { members, settings, state } = pool;
  const count = members.length;
  if (count === 0) return undefined;
  if (selection.position < 0) selection.position = state.nextStart(count, settings.random);
  const start = selection.position < count ? selection.position : 0;
  const local = wantsLocal(settings, selection.attempt);
  let anyFree = false;
  let again = -1;
  for (let step = 0, i = start; step < count; step++, i = i + 1 < count ? i + 1 : 0) {
    const member = members[i]!;
    if (pool.isFull(member.endpoint)) continue;
    anyFree = true;
    if (local && !isLocal(settings, member.endpoint)) continue;
    if (state.isMarked(member, now, settings.failureMemoryMs)) continue;
    if (!selection.hasTried(member.endpoint)) return take(pool, selection, i);
    if (again < 0) again = i;
  }
  if (!anyFree) return undefined;
  if (again < 0) pool.eraseMarks();
  for (let step = 0, i = start; step < count; step++, i = i + 1 < count ? i + 1 : 0) {
    const { endpoint } = members[i]!;
    if (pool.isFull(endpoint)) continue;
    if (!selection.hasTried(endpoint)) return take(pool, selection, i);
    if (again < 0) again = i;
  }
  return take(pool, selection, again);
}

function take(pool: Pool, selection: Selection, i: number): Endpoint {
  selection.position = i + 1;
  return pool.members[i]!.endpoint;
}
