import { StreamError, type StreamErrorKind } from "../interface/stream-error.ts";

/**
 * What the runtimes' error codes mean, for all three at once (runtimes.md §1 and §4). Alert codes differ in their
 * prefix from runtime to runtime and are told by their ending in `kindOf`.
 */
const kinds: Readonly<Record<string, StreamErrorKind>> = {
  ECONNREFUSED: "refused",
  ENOENT: "refused", // a unix socket that is not there
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  ENETDOWN: "unreachable",
  EHOSTDOWN: "unreachable",
  ETIMEDOUT: "timed-out",
  ENOTFOUND: "name-not-found",
  EAI_AGAIN: "name-not-found",
  EAI_NODATA: "name-not-found",
  ENODATA: "name-not-found",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "broken-pipe",
  ERR_STREAM_DESTROYED: "broken-pipe",
  ERR_STREAM_WRITE_AFTER_END: "broken-pipe",
  ENOTCONN: "broken-pipe",
  EADDRINUSE: "address-in-use",
  EACCES: "permission",
  EPERM: "permission",
  EMFILE: "descriptors",
  ENFILE: "descriptors",
  ABORT_ERR: "aborted",
  ERR_TLS_CERT_ALTNAME_INVALID: "tls-name",
  ERR_SSL_WRONG_VERSION_NUMBER: "tls-not-tls",
  ERR_SSL_HTTP_REQUEST: "tls-not-tls",
  ERR_SSL_UNEXPECTED_MESSAGE: "tls-not-tls",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "tls-not-tls",
  CERT_HAS_EXPIRED: "tls-expired",
  CERT_NOT_YET_VALID: "tls-expired",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "tls-untrusted",
  UNABLE_TO_GET_ISSUER_CERT: "tls-untrusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "tls-untrusted",
  DEPTH_ZERO_SELF_SIGNED_CERT: "tls-untrusted",
  SELF_SIGNED_CERT_IN_CHAIN: "tls-untrusted",
};

const alerts: readonly (readonly [string, StreamErrorKind])[] = [
  ["ALERT_BAD_CERTIFICATE", "tls-alert-certificate"],
  ["ALERT_UNKNOWN_CA", "tls-alert-certificate"],
  ["ALERT_CERTIFICATE_REQUIRED", "tls-alert-certificate"],
  ["ALERT_HANDSHAKE_FAILURE", "tls-alert-handshake"],
];

function kindOf(code: string): StreamErrorKind {
  const known = kinds[code];
  if (known !== undefined) return known;
  for (const [ending, kind] of alerts) if (code.endsWith(ending)) return kind;
  if (code.includes("SSL") || code.includes("TLS")) return "tls-other";
  return code.includes("CERT") ? "tls-untrusted" : "other";
}

interface SystemError {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly message?: unknown;
  readonly errors?: readonly unknown[];
}

/**
 * A runtime's error as a `StreamError`. `action` says what was tried, with the address (`dial 10.0.0.1:8080`); `syscall` is
 * for runtimes that do not name the system call.
 */
export function streamError(error: unknown, action: string, syscall = ""): StreamError {
  if (error instanceof StreamError) return error;
  let shape = (typeof error === "object" && error !== null ? error : { message: error }) as SystemError;
  // Several addresses were tried: the first failure stands for all.
  if (shape.code === undefined && shape.errors?.[0] !== undefined) shape = shape.errors[0] as SystemError;
  const code = typeof shape.code === "string" ? shape.code : undefined;
  const reason = `${shape.message ?? error}`.trim();
  return new StreamError(code === undefined ? "other" : kindOf(code), `${action}: ${reason}`, {
    code,
    syscall: typeof shape.syscall === "string" ? shape.syscall : syscall,
    cause: error,
  });
}

/**
 * The same for an error during a TLS handshake: runtimes report a peer that closed in its middle as ECONNRESET too, but
 * without a system call.
 */
export function handshakeError(error: unknown, action: string): StreamError {
  const known = streamError(error, action);
  if (known.kind !== "reset" || known.syscall !== "") return known;
  return new StreamError("ended", `${action}: the peer closed the connection during the TLS handshake`, {
    code: known.code,
    cause: error,
  });
}
