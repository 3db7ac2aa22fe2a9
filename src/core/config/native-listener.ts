/** Largest request head that every runtime's own HTTP server takes, in bytes (Bun and Node: 16 KiB). */
const nativeHeadBytes = 16 * 1024;

/** Whether a value of a key is one that a native listener cannot honour. */
type Refuses = (value: unknown, given: Readonly<Record<string, unknown>>) => boolean;

const on: Refuses = (value) => value === true;
const above =
  (limit: number): Refuses =>
  (value) =>
    typeof value === "number" && value > limit;

/** Keys of the configuration that `listener: native` cannot honour, with the values that count (architecture §5). */
const refused: readonly (readonly [key: string, refuses: Refuses])[] = [
  // The runtimes' servers hide the client's certificate or cannot ask for one, and know no choice of certificates alike.
  ["enable_ssl", on],
  // A demand is never dropped silently, even where TLS is off; a mere request without TLS asks for nothing.
  [
    "client_cert_validation",
    (value, given) => value === "require" || (value === "request" && given["enable_ssl"] === true),
  ],
  ["enable_verify_client_certificate_metadata", on],
  ["forwarded_client_cert", (value) => value !== undefined && value !== "always_forward"],
  // The runtimes' servers do not hand a connection over.
  ["connect", (value) => (value as { readonly enabled?: unknown } | undefined)?.enabled === true],
  // It comes before HTTP, on a socket that the runtimes do not show.
  ["enable_proxy", on],
  // None of the servers has these timeouts alike; the default of the first is no wish.
  ["frontend_idle_timeout", (value) => value !== undefined && value !== 900_000],
  ["read_header_timeout", above(0)],
  ["max_request_header_bytes", above(nativeHeadBytes)],
  // Equal names arrive joined to one line.
  ["max_request_headers", above(0)],
  // They cannot all be made to share a port.
  ["workers", (value) => value !== undefined && value !== 1],
  // It is the server's own choice.
  ["enable_http1_concurrent_read_write", on],
];

/**
 * The keys of a document that the runtime's own HTTP server cannot honour, in the order of the table above; empty unless
 * it asks for `listener: native`. `given`: the decoded document, before defaults.
 */
export function keysBeyondNative(given: Readonly<Record<string, unknown>>): string[] {
  if (given["listener"] !== "native") return [];
  return refused.flatMap(([key, refuses]) => (refuses(given[key], given) ? [key] : []));
}
