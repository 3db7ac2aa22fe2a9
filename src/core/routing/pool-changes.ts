import { Level } from "../observe/log.ts";
import { type Endpoint, inheritConnections } from "./endpoint.ts";
import { type Member, Pool } from "./pool.ts";
import type { TableState } from "./table-state.ts";
import { routeKey, trieKey, withoutTrailingSlash } from "./uri.ts";

/** A pool for that uri, which is not in the table yet. */
export function newPool(table: TableState, uri: string, now: number): Pool {
  const own = table.texts.own(uri);
  const key = routeKey(own);
  const name = withoutTrailingSlash(own);
  const path = trieKey(key);
  const algorithm = table.settings.balancing_algorithm;
  const pool = new Pool(path, name, table.pools, algorithm, now);
  table.changes?.changed(path);
  if (table.log.level <= Level.info) table.log.info("route-registered", { uri: key });
  if (table.log.level <= Level.debug) table.log.debug("uri-added", { uri: key });
  return pool;
}

/** What every registration that counts does to a pool. */
export function renew(table: TableState, pool: Pool, endpoint: Endpoint, now: number): void {
  if (pool.routeServiceUrl !== endpoint.routeServiceUrl) {
    pool.routeServiceUrl = endpoint.routeServiceUrl;
    table.changes?.changed(pool.key);
  }
  if (endpoint.loadBalancing !== "") useAlgorithm(table, pool, endpoint);
  if (pool.algorithm === "hash") table.hashed.add(pool);
  pool.lastChange = now;
}

/** Puts an endpoint in the place of another one of the same address. */
export function replace(table: TableState, pool: Pool, member: Member, endpoint: Endpoint): void {
  const previous = member.endpoint;
  if (endpoint.routes === 0) endpoint.keep(table.kinds);
  pool.replace(member, endpoint);
  table.changes?.changed(pool.key);
  endpoint.routes++;
  inheritConnections(previous, endpoint);
  release(table, previous);
}

/** The endpoint left a pool; with its last one it is forgotten. */
export function release(table: TableState, endpoint: Endpoint): void {
  endpoint.routes--;
  if (endpoint.routes === 0) table.forget?.(endpoint);
}

/** The latest valid option wins, an empty one changes nothing (control-plane §3.9). */
function useAlgorithm(table: TableState, pool: Pool, endpoint: Endpoint): void {
  const { loadBalancing: wanted, hash } = endpoint;
  if (hash !== undefined && (hash.header !== pool.hash?.header || hash.balance !== pool.hash.balance)) {
    pool.hash = { ...hash, table: pool.hash?.table };
    table.changes?.changed(pool.key);
  }
  if (wanted === pool.algorithm) return;
  if (wanted === "round-robin" || wanted === "least-connection" || wanted === "hash") {
    pool.algorithm = wanted;
    if (wanted !== "hash") {
      pool.hash = undefined;
      table.hashed.delete(pool);
    }
    table.changes?.changed(pool.key);
    const data = { endpointLBAlgorithm: wanted, poolLBAlgorithm: wanted };
    table.log.debug("setting-pool-load-balancing-algorithm-to-that-of-an-endpoint", data);
  } else {
    const data = { endpointLBAlgorithm: wanted, poolLBAlgorithm: pool.algorithm };
    table.log.error("invalid-endpoint-load-balancing-algorithm-provided-keeping-pool-lb-algo", data);
  }
}

/** When the last endpoint has gone, what a reservation says of the route service holds again. */
export function endpointsLeft(table: TableState, pool: Pool): void {
  if (pool.size > 0) return;
  if (pool.reservation !== undefined) pool.routeServiceUrl = pool.reservation.routeServiceUrl;
  if (pool.algorithm === "hash") table.hashed.delete(pool);
}

/** Takes an endpoint out of a pool, unless there is a lease to take its place. */
export function remove(table: TableState, pool: Pool, member: Member, now: number): void {
  if (handOver(table, pool, member, now)) return;
  pool.remove(member, now);
  endpointsLeft(table, pool);
  if (pool.detached) return;
  table.changes?.changed(pool.key);
  release(table, member.endpoint);
}

/** What the bus no longer registers stays as the Routing API leases it, if it does. */
export function handOver(table: TableState, pool: Pool, member: Member, now: number): boolean {
  const lease = pool.detached ? undefined : table.aside.take(pool, member.endpoint.address, now);
  if (lease === undefined) return false;
  replace(table, pool, member, lease.endpoint);
  member.updatedAt = lease.updatedAt;
  renew(table, pool, lease.endpoint, now);
  return true;
}

/** Whether a pool is empty and has been kept long enough (control-plane §3.8). */
export function mayGo(table: TableState, pool: Pool, now: number): boolean {
  if (pool.size > 0 || pool.reservation !== undefined) return false;
  const { empty_pool_response_code_503: kept, empty_pool_timeout: timeout } = table.settings;
  return !kept || timeout <= 0 || now - pool.lastChange > timeout;
}
