import type { Config } from "./schema.ts";

const accessLogFields: ReadonlySet<string> = new Set([
  "backend_time",
  "dial_time",
  "dns_time",
  "failed_attempts",
  "failed_attempts_time",
  "local_address",
  "tls_time",
]);

/** What the Prometheus client library puts in the place of an empty list of buckets. */
const libraryBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

type Meters = Config["prometheus"]["meters"];

/** Buckets with those of the library in the place of empty lists (a Go program that writes the file writes `[]` for unset ones). */
function filledBuckets(meters: Meters): Meters {
  const filled = { ...meters };
  for (const key of Object.keys(meters) as (keyof Meters)[]) if (filled[key].length === 0) filled[key] = libraryBuckets;
  return filled;
}

/**
 * Fills in what follows from other keys (control-plane §1.4) and settles lists that are sets. What depends on the
 * machine is not touched: `go_max_procs: -1` (number of CPUs) and the local IP are the caller's.
 */
export function deriveConfig(config: Config): Config {
  const fields = config.logging.extra_access_log_fields.filter((field) => accessLogFields.has(field));
  return {
    ...config,
    droplet_stale_threshold: Math.max(config.droplet_stale_threshold, config.start_response_delay_interval),
    drain_timeout: config.drain_timeout === 0 ? config.endpoint_timeout : config.drain_timeout,
    websocket_dial_timeout:
      config.websocket_dial_timeout === 0 ? config.endpoint_dial_timeout : config.websocket_dial_timeout,
    min_tls_version: config.min_tls_version === "" ? "TLSv1.2" : config.min_tls_version,
    max_tls_version: config.max_tls_version === "" ? "TLSv1.2" : config.max_tls_version,
    client_cert_validation: config.client_cert_validation === "" ? "none" : config.client_cert_validation,
    prometheus: { ...config.prometheus, meters: filledBuckets(config.prometheus.meters) },
    sticky_session_cookie_names: [...new Set(config.sticky_session_cookie_names)],
    logging: { ...config.logging, extra_access_log_fields: [...new Set(fields)] },
  };
}
