import type { Endpoint } from "../routing/endpoint.ts";
import type { PoolSettings } from "../routing/pool.ts";

/** Whether this attempt, counted from 1, wants an endpoint of the own zone: only the first does (data-plane §3.5). */
export function wantsLocal(settings: PoolSettings, attempt: number): boolean {
  return settings.locallyOptimistic && attempt === 1;
}

/** Plain equality of zones: two empty ones are equal. */
export function isLocal(settings: PoolSettings, endpoint: Endpoint): boolean {
  return endpoint.availabilityZone === settings.zone;
}
