import type { Reservation } from "./pool.ts";
import { newPool } from "./pool-changes.ts";
import type { TableState } from "./table-state.ts";
import { routeKey, trieKey } from "./uri.ts";

/** What a reservation says (`router.reserve`). */
export interface ReservationFields extends Omit<Reservation, "until"> {
  /** Seconds that it holds without being renewed; 0 or less: `droplet_stale_threshold`. */
  readonly lifeSeconds: number;
  readonly isolationSegment: string;
}

/** What `Registry.reserve` does. */
export function reserve(table: TableState, uri: string, fields: ReservationFields): void {
  if (!table.isOurs(fields.isolationSegment)) return;
  const key = routeKey(uri);
  const now = table.clock.monotonic();
  let pool = table.trie.find(trieKey(key));
  if (pool === undefined) {
    pool = newPool(table, uri, now);
    table.trie.insert(pool);
  }
  const { routeServiceUrl, withoutEndpoints } = fields;
  const life = fields.lifeSeconds > 0 ? fields.lifeSeconds * 1000 : table.settings.droplet_stale_threshold;
  if (pool.reservation === undefined)
    table.log.info("route-reserved", { uri: key, route_service_url: routeServiceUrl });
  pool.reservation = { routeServiceUrl, withoutEndpoints, until: now + life };
  if (pool.size === 0) pool.routeServiceUrl = routeServiceUrl;
  table.changes?.changed(pool.key);
}

/** What `Registry.unreserve` does. */
export function unreserve(
  table: TableState,
  uri: string,
  { isolationSegment }: Pick<ReservationFields, "isolationSegment">,
): void {
  if (!table.isOurs(isolationSegment)) return;
  const key = routeKey(uri);
  const pool = table.trie.find(trieKey(key));
  if (pool?.reservation === undefined) return;
  pool.reservation = undefined;
  table.changes?.changed(pool.key);
  table.log.info("route-unreserved", { uri: key });
  if (pool.size > 0) return;
  table.trie.remove(pool);
  table.log.info("route-unregistered", { uri: key });
}
