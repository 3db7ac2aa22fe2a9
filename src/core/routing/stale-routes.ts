import { Level } from "../observe/log.ts";
import type { Member, Pool } from "./pool.ts";
import { endpointsLeft, handOver, mayGo, release } from "./pool-changes.ts";
import type { TableState } from "./table-state.ts";

/** What `Registry.pruneInSlices` does. */
export function* pruneInSlices(table: TableState, now: number, pools: number): Generator<void, void> {
  let left = pools;
  const walk = table.trie.walk();
  for (let pool = walk.next(); pool !== undefined; pool = walk.next()) {
    pruneNext(table, pool, now);
    if (--left > 0) continue;
    left = pools;
    yield;
  }
}

/** What `Registry.refreshAll` does. */
export function refreshAll(table: TableState, now: number): void {
  table.aside.refreshAll(now);
  const walk = table.trie.walk();
  for (let pool = walk.next(); pool !== undefined; pool = walk.next()) {
    if (typeof pool === "number") {
      table.resting.spare(pool, now);
      continue;
    }
    if (pool.reservation !== undefined) {
      const until = Math.max(pool.reservation.until, now + table.settings.droplet_stale_threshold);
      pool.reservation = { ...pool.reservation, until };
    }
    for (const member of pool.members) member.updatedAt = now;
  }
}

function pruneNext(table: TableState, pool: Pool | number, now: number): void {
  if (typeof pool !== "number") prunePool(table, pool, now);
  else if (table.resting.isStale(pool, now)) prunePool(table, table.trie.find(table.resting.keyOf(pool))!, now);
}

function prunePool(table: TableState, pool: Pool, now: number): void {
  if (pool.reservation !== undefined && pool.reservation.until < now) {
    pool.reservation = undefined;
    table.changes?.changed(pool.key);
    table.log.info("pruned-reservation", { uri: pool.key });
  }
  if (hasStale(pool, now)) {
    const removed = pool.removeAll((member) => isStale(member, now) && !handOver(table, pool, member, now), now);
    if (removed.length === 0) return;
    table.changes?.changed(pool.key);
    for (const { endpoint } of removed) release(table, endpoint);
    endpointsLeft(table, pool);
    if (table.log.level <= Level.info) {
      table.log.info("pruned-route", {
        uri: pool.key,
        endpoints: removed.map(({ endpoint }) => endpoint.address),
        isolation_segment: removed[0]?.endpoint.isolationSegment || "-",
      });
    }
    table.observer?.pruned(removed.length);
  }
  if (!mayGo(table, pool, now)) return;
  for (const key of table.trie.snip(pool)) table.changes?.changed(key);
}

/** Last registered longer ago than it promised; endpoints with TLS never are (control-plane §3.10). */
function isStale(member: Member, now: number): boolean {
  return !member.endpoint.tls && member.updatedAt < now - member.endpoint.staleThresholdSeconds * 1000;
}

function hasStale(pool: Pool, now: number): boolean {
  for (let i = 0; i < pool.size; i++) if (isStale(pool.at(i)!, now)) return true;
  return false;
}
