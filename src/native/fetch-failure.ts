import { Failure, type FailureKind } from "../core/forwarding/failure.ts";
import type { Endpoint } from "../core/routing/endpoint.ts";

/** What the runtimes' `fetch` calls things, as far as they are told apart; codes first, then words of messages. */
const signs: readonly (readonly [sign: string, kind: FailureKind])[] = [
  ["ERR_TLS_CERT_ALTNAME_INVALID", "tls-name"],
  ["certificate not valid for name", "tls-name"],
  ["NotValidForName", "tls-name"],
  ["CERT_HAS_EXPIRED", "tls-untrusted"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls-untrusted"],
  ["SELF_SIGNED_CERT", "tls-untrusted"],
  ["UNABLE_TO_", "tls-untrusted"],
  ["invalid peer certificate", "tls-untrusted"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "tls-not-tls"],
  ["InvalidContentType", "tls-not-tls"],
  ["ECONNREFUSED", "dial"],
  ["ConnectionRefused", "dial"],
  ["onnection refused", "dial"],
  ["ENOTFOUND", "dial"],
  ["EAI_AGAIN", "dial"],
  ["EHOSTUNREACH", "dial"],
  ["ENETUNREACH", "dial"],
  ["UND_ERR_CONNECT_TIMEOUT", "dial"],
  ["FailedToOpenSocket", "dial"],
  ["tcp connect error", "dial"],
  ["dns error", "dial"],
  ["HPE_", "malformed-response"],
  ["Malformed", "malformed-response"],
  ["InvalidHTTPResponse", "malformed-response"],
  ["invalid HTTP", "malformed-response"],
  ["HEADERS_OVERFLOW", "response-head-too-large"],
  ["UND_ERR_SOCKET", "eof"],
  ["ConnectionClosed", "eof"],
  ["connection closed before", "eof"],
  ["ECONNRESET", "reset"],
  ["onnection reset", "reset"],
];

/** Texts of the kinds that say more than the runtime's own. */
function textOf(kind: FailureKind, endpoint: Endpoint, message: string): string {
  if (kind === "dial") return `dial tcp ${endpoint.address}: ${message}`;
  return kind === "eof" ? "EOF" : message;
}

/**
 * Why a `fetch` to an endpoint failed (data-plane §2.3), as well as the runtime lets it be known: by its error code or, on
 * Deno, by words of its message; what is not recognised is `internal`.
 */
export function fetchFailure(endpoint: Endpoint, error: unknown): Failure {
  let code = "";
  let message = "";
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    code += ` ${(at as { code?: unknown }).code ?? ""}`;
    message = message === "" ? at.message : `${message}: ${at.message}`;
  }
  const known = signs.find(([sign]) => code.includes(sign) || message.includes(sign));
  if (known === undefined) return new Failure("internal", "backend", "never", `fetch: ${message || error}`, error);
  const [, kind] = known;
  const again = kind === "dial" || kind.startsWith("tls-") ? "always" : "never";
  return new Failure(kind, "backend", again, textOf(kind, endpoint, message), error);
}
