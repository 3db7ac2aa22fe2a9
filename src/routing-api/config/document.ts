import * as v from "valibot";
import { parseGoDuration } from "../../core/config/duration.ts";

/** Text; YAML may have read it as a number. */
const text = (fallback = "") =>
  v.optional(
    v.pipe(
      v.union([v.string(), v.number(), v.boolean(), v.null()]),
      v.transform((value) => (value === null ? "" : String(value))),
    ),
    fallback,
  );
const flag = v.optional(v.nullable(v.boolean()), false);
const port = v.optional(v.nullable(v.pipe(v.number("must be a number"), v.integer("must be a whole number"))), 0);
const count = v.optional(v.nullable(v.pipe(v.number("must be a number"), v.integer(), v.minValue(0))), 0);
const section = <Entries extends v.ObjectEntries>(entries: Entries) =>
  v.optional(
    v.pipe(
      v.nullable(v.record(v.string(), v.unknown())),
      v.transform((value) => value ?? {}),
      v.object(entries),
    ),
    {},
  );

/** A duration in Go's syntax, in milliseconds; empty: the fallback. */
const duration = (fallback: string) =>
  v.pipe(
    v.optional(v.nullable(v.union([v.string(), v.number()])), fallback),
    v.transform((value) => (value === null || value === "" ? fallback : String(value))),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const ms = parseGoDuration(dataset.value);
      if (ms !== undefined) return ms;
      addIssue({ message: `time: invalid duration ${JSON.stringify(dataset.value)}` });
      return NEVER;
    }),
  );

/**
 * The configuration file (routing-api §3); unknown keys are ignored, as upstream. Keys that only the original's lock
 * service and metrics agents need are accepted and do nothing.
 */
export const ConfigSchema = v.object({
  api: section({
    listen_port: port,
    http_enabled: flag,
    mtls_listen_port: port,
    mtls_client_ca_file: text(),
    mtls_server_cert_file: text(),
    mtls_server_key_file: text(),
  }),
  listen_host: text(),
  admin_port: port,
  log_guid: text(),
  system_domain: text(),
  uuid: text(),
  max_ttl: duration("2m"),
  oauth: section({
    token_endpoint: text(),
    port,
    client_name: text(),
    client_secret: text(),
    ca_certs: text(),
    skip_ssl_validation: flag,
  }),
  skip_ssl_validation: flag,
  router_groups: v.optional(
    v.nullable(v.array(section({ name: text(), type: text(), reservable_ports: v.optional(v.unknown()) }))),
    [],
  ),
  reserved_system_component_ports: v.optional(v.nullable(v.array(v.number())), []),
  fail_on_router_port_conflicts: flag,
  sqldb: section({
    type: text("sqlite"),
    file: text("routing-api.sqlite"),
    host: text(),
    port,
    schema: text(),
    username: text(),
    password: text(),
    ca_cert: text(),
    skip_hostname_validation: flag,
    max_idle_connections: count,
    max_open_connections: count,
    connections_max_lifetime_seconds: count,
  }),
  heartbeat_events: flag,
  event_retention: duration("10m"),
  prune_interval: duration("1s"),
  max_body_bytes: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))), 33_554_432),
  body_timeout: duration("1m"),
});

export type ConfigDocument = v.InferOutput<typeof ConfigSchema>;
