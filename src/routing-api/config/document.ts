import * as v from "valibot";
import { parseDuration } from "../../core/config/strict-duration.ts";
import { Written } from "./written.ts";

/** A scalar of the file (`Written`) or of the program, read as what its key takes; null is as if it was left out. */
function scalar<T>(read: (value: unknown) => T | undefined, type: string, fallback: T) {
  return v.optional(
    v.pipe(
      v.unknown(),
      v.rawTransform<unknown, T>(({ dataset: { value }, addIssue, NEVER }) => {
        const found = value === null ? fallback : read(value);
        if (found !== undefined) return found;
        addIssue({ message: value instanceof Written ? value.mismatch(type) : `must be a ${type}` });
        return NEVER;
      }),
    ),
    fallback as NonNullable<T>,
  );
}

function textOf(value: unknown): string | undefined {
  if (value instanceof Written) return value.text;
  return typeof value === "object" ? undefined : String(value);
}

function flagOf(value: unknown): boolean | undefined {
  const found = value instanceof Written ? value.as("bool") : value;
  return typeof found === "boolean" ? found : undefined;
}

function wholeOf(value: unknown): number | undefined {
  const found = value instanceof Written ? value.as("int") : value;
  return typeof found === "number" && Number.isInteger(found) ? found : undefined;
}

const text = (fallback = "") => scalar(textOf, "string", fallback);
const flag = scalar(flagOf, "bool", false);
const port = scalar(wholeOf, "int", 0);
const count = v.pipe(port, v.minValue(0, "must not be negative"));
const section = <Entries extends v.ObjectEntries>(entries: Entries) =>
  v.optional(
    v.pipe(
      v.nullable(v.custom<Readonly<Record<string, unknown>>>(isMapping, "must be a mapping")),
      v.transform((value) => value ?? {}),
      v.object(entries),
    ),
    {},
  );

function isMapping(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Written);
}

/** A duration in Go's syntax, as text: it is looked at after everything else (routing-api §3). Empty: the fallback. */
const duration = (fallback: string) =>
  v.pipe(
    text(fallback),
    v.transform((given) => (given === "" ? fallback : given)),
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
  reserved_system_component_ports: v.optional(v.nullable(v.array(port)), []),
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
  max_body_bytes: v.pipe(scalar(wholeOf, "int", 33_554_432), v.minValue(1, "must be positive")),
  body_timeout: duration("1m"),
});

const durations = ["max_ttl", "event_retention", "prune_interval", "body_timeout"] as const;
type Duration = (typeof durations)[number];
type Durations<T> = Readonly<Record<Duration, T>>;
type Timed<D> = Omit<D, Duration> & Durations<number>;

/** The document with its durations in milliseconds. */
export type ConfigDocument = Timed<v.InferOutput<typeof ConfigSchema>>;

/**
 * Reads the durations of a document.
 *
 * @throws Error naming the key of the first that is none.
 */
export function withDurations<D extends Durations<string>>(document: D): Timed<D> {
  const read = (key: Duration): number => {
    try {
      return Number(parseDuration(document[key])) / 1e6;
    } catch (error) {
      throw new Error(`${key}: ${(error as Error).message}`);
    }
  };
  const milliseconds = Object.fromEntries(durations.map((key) => [key, read(key)])) as Record<Duration, number>;
  if (milliseconds.max_ttl < 1000) throw new Error(`max_ttl: ${document.max_ttl} is too short; give 1s or more`);
  return { ...document, ...milliseconds };
}
