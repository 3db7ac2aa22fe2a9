import { Level } from "../observe/log.ts";
import { type Endpoint, isLeased, isSucceededBy, sameRegistration, sameTag } from "./endpoint.ts";
import { registrationData } from "./endpoint-lines.ts";
import type { PackedEndpoint } from "./packed-endpoint.ts";
import type { Member, Pool } from "./pool.ts";
import { newPool, renew, replace } from "./pool-changes.ts";
import type { RegistrationResult } from "./registry-parts.ts";
import type { TableState } from "./table-state.ts";
import { routeKey, trieKey, withoutTrailingSlash } from "./uri.ts";

/** Where a registration led to: a member of a pool, or the number of a route that rests. */
export type Place = Member | number;

/** What `Registry.register` does. */
export function register(table: TableState, uri: string, endpoint: Endpoint): RegistrationResult | undefined {
  if (!table.isOurs(endpoint.isolationSegment)) return undefined;
  const now = table.clock.monotonic();
  let pool = table.trie.find(trieKey(routeKey(uri)));
  if (pool === undefined) {
    pool = newPool(table, uri, now);
    table.trie.insert(pool);
  }
  return enter(table, uri, pool, endpoint, now);
}

/** What `Registry.registerAlone` does. */
export function registerAlone(table: TableState, uri: string, endpoint: Endpoint): Place | undefined {
  if (!table.isOurs(endpoint.isolationSegment)) return undefined;
  const now = table.clock.monotonic();
  const key = trieKey(routeKey(uri));
  const mayRest = table.trie.mayRest(key);
  const known = table.trie.find(key);
  const pool = known ?? newPool(table, uri, now);
  enter(table, uri, pool, endpoint, now);
  const id = mayRest ? table.resting.rest(pool) : 0;
  if (id > 0) {
    table.trie.insertResting(key, id);
    return id;
  }
  if (known === undefined) table.trie.insert(pool);
  const member = pool.find(endpoint.address);
  if (member === undefined) return undefined;
  return member.endpoint === endpoint || sameRegistration(member.endpoint, endpoint) ? member : undefined;
}

/** What `Registry.registerAtRest` does. */
export function registerAtRest(table: TableState, uri: string, packed: PackedEndpoint): number {
  const { kind } = packed;
  if (table.log.level <= Level.info || kind.loadBalancing !== "" || !table.isOurs(kind.isolationSegment)) return 0;
  const key = trieKey(routeKey(uri));
  if (!table.trie.mayRest(key) || table.trie.peek(key) !== undefined) return 0;
  const now = table.clock.monotonic();
  const limit = table.settings.droplet_stale_threshold / 1000;
  const wanted = packed.staleThresholdSeconds;
  const life = wanted > limit || wanted === 0 ? limit : wanted;
  const id = table.resting.putPacked(key, withoutTrailingSlash(uri), packed, table.kinds.own(kind), life, now);
  if (id === 0) return 0;
  table.trie.insertResting(key, id);
  table.lastUpdate = now;
  table.changes?.changed(key);
  table.observer?.registered(kind.component, "added");
  if (packed.updatedAtMs !== 0) table.observer?.registrationLatency(table.clock.now() - packed.updatedAtMs);
  return id;
}

/** What `Registry.refresh` does. */
export function refresh(table: TableState, place: Place): void {
  const now = table.clock.monotonic();
  table.lastUpdate = now;
  if (typeof place === "number") {
    table.resting.refresh(place, now);
    table.observer?.registered(table.resting.componentOf(place), "updated");
    return;
  }
  const { pool, endpoint } = place;
  renew(table, pool, endpoint, now);
  place.updatedAt = now;
  table.observer?.registered(endpoint.component, "updated");
}

function enter(table: TableState, uri: string, pool: Pool, endpoint: Endpoint, now: number): RegistrationResult {
  const limit = table.settings.droplet_stale_threshold / 1000;
  if (endpoint.staleThresholdSeconds > limit || endpoint.staleThresholdSeconds === 0) {
    endpoint.staleThresholdSeconds = limit;
  }
  const result = put(table, pool, endpoint, now);
  table.lastUpdate = now;
  table.observer?.registered(endpoint.component, result);
  if (result === "added") {
    const { updatedAtMs } = endpoint;
    if (updatedAtMs !== 0) table.observer?.registrationLatency(table.clock.now() - updatedAtMs);
    if (table.log.level <= Level.info) {
      table.log.info("endpoint-registered", registrationData(withoutTrailingSlash(uri), endpoint));
    }
  } else if (table.log.level <= Level.debug) {
    const message = result === "updated" ? "endpoint-registered" : "endpoint-not-registered";
    table.log.debug(message, registrationData(withoutTrailingSlash(uri), endpoint));
  }
  return result;
}

function put(table: TableState, pool: Pool, endpoint: Endpoint, now: number): RegistrationResult {
  const member = pool.find(endpoint.address);
  if (member === undefined) {
    if (endpoint.routes === 0) endpoint.keep(table.kinds);
    pool.add(endpoint, now);
    endpoint.routes++;
    table.changes?.changed(pool.key);
  } else if (isLeased(member.endpoint) !== isLeased(endpoint)) {
    if (!supersede(table, pool, member, endpoint, now)) return "unmodified";
  } else if (member.endpoint !== endpoint && !sameRegistration(member.endpoint, endpoint)) {
    if (!isSucceededBy(member.endpoint.modificationTag, endpoint.modificationTag)) return "unmodified";
    replace(table, pool, member, endpoint);
  }
  renew(table, pool, endpoint, now);
  if (member === undefined) return "added";
  member.updatedAt = now;
  return "updated";
}

/** Bus and Routing API name the same address. False: the bus has the place, and the lease waits. */
function supersede(table: TableState, pool: Pool, member: Member, endpoint: Endpoint, now: number): boolean {
  if (isLeased(endpoint)) {
    const waiting = table.aside.find(pool, endpoint.address)?.endpoint.modificationTag;
    const { modificationTag: tag } = endpoint;
    if (waiting === undefined || sameTag(waiting, tag) || isSucceededBy(waiting, tag)) {
      table.aside.put(pool, endpoint, now);
    }
    return false;
  }
  table.aside.put(pool, member.endpoint, member.updatedAt);
  replace(table, pool, member, endpoint);
  return true;
}
