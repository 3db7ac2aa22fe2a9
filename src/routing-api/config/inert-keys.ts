/** Keys of the original that do nothing here, beside those of the database that is not used (docs/differences.md). */
const inert: readonly string[] = [
  "debug_address",
  "lock_resource_key",
  "lock_ttl",
  "locket",
  "metrics_reporting_interval",
  "metron_config",
  "retry_interval",
  "statsd_client_flush_interval",
  "statsd_endpoint",
];

const sqliteKeys = ["type", "file"];
const serverKeys = [
  "type",
  "host",
  "port",
  "schema",
  "username",
  "password",
  "ca_cert",
  "skip_hostname_validation",
  "max_open_connections",
];
/** Keys of `sqldb` that act, by its type. */
const acting: Readonly<Record<string, readonly string[]>> = {
  sqlite: sqliteKeys,
  postgres: [...serverKeys, "connections_max_lifetime_seconds"],
  mysql: [...serverKeys, "max_idle_connections"],
};

/** The keys of a document that are accepted and do nothing, sorted, to be named at the start. */
export function inertKeys(document: Readonly<Record<string, unknown>>, database: string): string[] {
  const section = document["sqldb"];
  const given = typeof section === "object" && section !== null ? Object.keys(section) : [];
  const known = new Set(Object.values(acting).flat());
  const unused = given.filter((key) => known.has(key) && !acting[database]?.includes(key));
  return [...inert.filter((key) => Object.hasOwn(document, key)), ...unused.map((key) => `sqldb.${key}`)].sort();
}
