import { Level } from "../observe/log.ts";
import { type Endpoint, isLeased, isSucceededBy, sameTag } from "./endpoint.ts";
import { registrationData } from "./endpoint-lines.ts";
import type { Pool } from "./pool.ts";
import { mayGo, remove } from "./pool-changes.ts";
import type { TableState } from "./table-state.ts";
import { routeKey, trieKey } from "./uri.ts";

/** What `Registry.unregister` does. */
export function unregister(table: TableState, uri: string, endpoint: Endpoint): void {
  if (!table.isOurs(endpoint.isolationSegment)) return;
  const key = routeKey(uri);
  const pool = table.trie.find(trieKey(key));
  const took = pool !== undefined && take(table, pool, key, endpoint);
  table.observer?.unregistered(endpoint.component, took);
}

function take(table: TableState, pool: Pool, key: string, endpoint: Endpoint): boolean {
  const now = table.clock.monotonic();
  const member = pool.find(endpoint.address);
  const own = member !== undefined && isLeased(member.endpoint) === isLeased(endpoint);
  const waiting = isLeased(endpoint) ? table.aside.find(pool, endpoint.address) : undefined;
  const stored = (own ? member.endpoint : waiting?.endpoint)?.modificationTag;
  const given = endpoint.modificationTag;
  const counts = stored !== undefined && (sameTag(stored, given) || isSucceededBy(stored, given));
  if (counts) {
    if (own) remove(table, pool, member, now);
    else table.aside.take(pool, endpoint.address, now);
    logUnregistration(table, "endpoint-unregistered", key, endpoint);
  } else logUnregistration(table, "endpoint-not-unregistered", key, endpoint);
  if (mayGo(table, pool, now)) {
    table.trie.remove(pool);
    table.changes?.changed(pool.key);
    table.log.info("route-unregistered", { uri: key });
  }
  return own && counts;
}

function logUnregistration(table: TableState, message: string, key: string, endpoint: Endpoint): void {
  if (table.log.level <= Level.info) table.log.info(message, registrationData(key, endpoint));
}
