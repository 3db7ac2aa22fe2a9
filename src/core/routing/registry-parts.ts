import type { Clock } from "../clock.ts";
import type { Logger } from "../observe/log.ts";
import type { Endpoint } from "./endpoint.ts";
import type { DefaultAlgorithm, PoolSettings } from "./pool.ts";
import type { ShardingMode } from "./sharding.ts";

/** The configuration the table needs; names as in gorouter.yml, durations in milliseconds. */
export interface RegistrySettings {
  readonly zone: string;
  readonly backends: { readonly max_conns: number };
  readonly balancing_algorithm: DefaultAlgorithm;
  readonly balancing_algorithm_az_preference: "none" | "locally-optimistic";
  readonly empty_pool_response_code_503: boolean;
  readonly empty_pool_timeout: number;
  readonly droplet_stale_threshold: number;
  readonly isolation_segments: readonly string[];
  readonly routing_table_sharding_mode: ShardingMode;
}

/** What a registration did (control-plane §3.5). */
export type RegistrationResult = "added" | "updated" | "unmodified";

/** Hears what the metrics count (control-plane §3.14). `component` is the tag of that name, or empty. */
export interface RegistryObserver {
  registered(component: string, action: RegistrationResult): void;
  /** `took`: an endpoint left the route. */
  unregistered(component: string, took: boolean): void;
  /** Endpoints removed from one pool by pruning. */
  pruned(endpoints: number): void;
  /** From `endpoint_updated_at_ns` to now; negative with skewed clocks. */
  registrationLatency(milliseconds: number): void;
}

/** What a registry is made of. */
export interface RegistryParts {
  readonly settings: RegistrySettings;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Logger of the source `registry`. */
  readonly log: Logger;
  readonly observer?: RegistryObserver | undefined;
  /** Hears the duration of every lookup; absent: lookups are not timed. */
  readonly lookupTimes?: { observeLookup(nanoseconds: number): void } | undefined;
  /** The endpoint left its last pool: `Transport.forget`. */
  readonly forget?: ((endpoint: Endpoint) => void) | undefined;
  /** Hears of what requests may notice; absent: nobody does. */
  readonly changes?: TableChanges | undefined;
}

/** Who keeps a copy of the table up to date. */
export interface TableChanges {
  /** The route with that trie key changed, came, or went. */
  changed(key: string): void;
}

/** What all pools of a table with these settings share. */
export function poolSettings(settings: RegistrySettings, random: () => number, log: Logger): PoolSettings {
  return {
    maxConns: settings.backends.max_conns,
    defaultAlgorithm: settings.balancing_algorithm,
    zone: settings.zone,
    locallyOptimistic: settings.balancing_algorithm_az_preference === "locally-optimistic",
    failureMemoryMs: settings.droplet_stale_threshold / 4,
    random,
    log,
  };
}
