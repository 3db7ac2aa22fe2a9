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
    sticky_session_cookie_names: [...new Set(config.sticky_session_cookie_names)],
    logging: { ...config.logging, extra_access_log_fields: [...new Set(fields)] },
  };
}
