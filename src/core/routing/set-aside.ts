import type { Endpoint } from "./endpoint.ts";
import type { Pool } from "./pool.ts";

/** A lease that is good, but has no place: the bus registered an endpoint of the same address. */
export interface Lease {
  readonly endpoint: Endpoint;
  /** `Clock.monotonic` milliseconds of its latest registration. */
  updatedAt: number;
}

/**
 * Leases of the Routing API for addresses that the bus serves. The bus says more of an endpoint (TLS, tags, instance), so
 * its word goes first, and a lease waits here until it is withdrawn, expires, or takes the place of what the bus took out.
 */
export class SetAside {
  readonly #pools = new Map<Pool, Map<string, Lease>>();

  /** Keeps a lease, or renews it. */
  put(pool: Pool, endpoint: Endpoint, updatedAt: number): void {
    let leases = this.#pools.get(pool);
    if (leases === undefined) {
      leases = new Map();
      this.#pools.set(pool, leases);
    }
    leases.set(endpoint.address, { endpoint, updatedAt });
  }

  find(pool: Pool, address: string): Lease | undefined {
    return this.#pools.get(pool)?.get(address);
  }

  /** Forgets a lease and gives it back when it still holds. */
  take(pool: Pool, address: string, now: number): Lease | undefined {
    const leases = this.#pools.get(pool);
    const lease = leases?.get(address);
    if (leases === undefined || lease === undefined) return undefined;
    leases.delete(address);
    if (leases.size === 0) this.#pools.delete(pool);
    return lease.updatedAt < now - lease.endpoint.staleThresholdSeconds * 1000 ? undefined : lease;
  }

  /** Every lease begins anew (control-plane §2.8). */
  refreshAll(now: number): void {
    for (const leases of this.#pools.values()) for (const lease of leases.values()) lease.updatedAt = now;
  }
}
