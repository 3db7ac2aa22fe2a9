import { Level } from "../observe/log.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import type { HashTable, Member, Pool } from "../routing/pool.ts";
import { inFlightOf } from "../routing/pool-state.ts";
import { compareBytewise } from "../routing/uri.ts";
import { maglevTable, tableSlots } from "./maglev.ts";
import type { Selection } from "./selection.ts";

/**
 * The endpoint that the hash header's value belongs to (control-plane §9.1): from the value's slot upwards, on a retry from
 * the slot after the one used last, the first endpoint that is below `max_conns` and not out of balance. Failure marks
 * and zones do not count. The only endpoint of a pool is taken as it is.
 *
 * Beyond Gorouter: an endpoint that this request tried is taken only when none is left untried.
 *
 * @param slot where the walk begins for this request, `slotOf` the header's value.
 */
export function hashed(pool: Pool, selection: Selection, slot: number): Endpoint | undefined {
  const { members } = pool;
  if (members.length <= 1) return members[0]?.endpoint;
  const table = tableOf(pool);
  const start = (selection.position < 0 ? slot : selection.position) % tableSlots;
  // Most requests take the first endpoint they meet and never make the list.
  let seen: Uint8Array | undefined;
  let tried = -1;
  let left = table.members.length;
  for (let step = 0, at = start; step < tableSlots && left > 0; step++, at = at + 1 < tableSlots ? at + 1 : 0) {
    const index = table.slots[at]!;
    if (seen?.[index] === 1) continue;
    const { endpoint } = table.members[index]!;
    if (isEligible(pool, endpoint)) {
      if (!selection.hasTried(endpoint)) return take(table, selection, at);
      if (tried < 0) tried = at;
    }
    seen ??= new Uint8Array(table.members.length);
    seen[index] = 1;
    left--;
  }
  if (tried >= 0) return take(table, selection, tried);
  const { log } = pool.settings;
  log.error("hash-based-routing-failed", { host: pool.host, error: "all endpoints are overloaded" });
  return undefined;
}

function take(table: HashTable, selection: Selection, slot: number): Endpoint {
  selection.position = slot + 1;
  return table.members[table.slots[slot]!]!.endpoint;
}

function isEligible(pool: Pool, endpoint: Endpoint): boolean {
  const { log } = pool.settings;
  if (pool.isFull(endpoint)) {
    const data = { host: pool.host, "endpoint-id": endpoint.privateInstanceId };
    log.info("hash-based-routing-endpoint-overloaded", data);
    return false;
  }
  const factor = pool.hash?.balance ?? 0;
  if (factor <= 0 || !isImbalanced(pool, endpoint, factor)) return true;
  if (log.level <= Level.debug) {
    const data = { host: pool.host, "endpoint-id": endpoint.privateInstanceId };
    log.debug("hash-based-routing-endpoint-imbalanced", data);
  }
  return false;
}

/** It has more requests in flight than the factor times the pool's average. */
function isImbalanced(pool: Pool, endpoint: Endpoint, factor: number): boolean {
  const own = inFlightOf(endpoint);
  if (own === 0) return false;
  let sum = 0;
  for (const member of pool.members) sum += inFlightOf(member.endpoint);
  return own / (sum / pool.size) > factor;
}

/** The pool's table, made by the first request after the pool changed: registrations come in storms. */
function tableOf(pool: Pool): HashTable {
  const hash = pool.hash!;
  hash.table ??= makeTable(pool);
  return hash.table;
}

/** An endpoint without instance id takes part by its address; of several with one id the latest, as for sessions. */
function makeTable(pool: Pool): HashTable {
  const byId = new Map<string, Member>();
  for (const member of pool.members) byId.set(member.endpoint.privateInstanceId || member.endpoint.address, member);
  const ids = [...byId.keys()].sort(compareBytewise);
  if (ids.length > tableSlots) {
    const data = { host: pool.host, endpoints: ids.length, slots: tableSlots };
    pool.settings.log.warn("maglev-add-lookuptable-capacity-exceeded", data);
  }
  const owners = ids.slice(0, tableSlots);
  return { members: owners.map((id) => byId.get(id)!), slots: maglevTable(owners) };
}
