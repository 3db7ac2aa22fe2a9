import type { StreamError } from "../runtime/interface/stream-error.ts";

/** Alerts (RFC 8446 §6) by the end of the runtimes' error codes, which differ in what stands before (runtimes.md §4). */
const alerts: readonly (readonly [code: string, text: string])[] = [
  ["HANDSHAKE_FAILURE", "handshake failure"],
  ["BAD_CERTIFICATE", "bad certificate"],
  ["UNKNOWN_CA", "unknown certificate authority"],
  ["CERTIFICATE_REQUIRED", "certificate required"],
  ["UNSUPPORTED_CERTIFICATE", "unsupported certificate"],
  ["CERTIFICATE_REVOKED", "revoked certificate"],
  ["CERTIFICATE_EXPIRED", "expired certificate"],
  ["CERTIFICATE_UNKNOWN", "unknown certificate"],
  ["UNEXPECTED_MESSAGE", "unexpected message"],
  ["BAD_RECORD_MAC", "bad record MAC"],
  ["RECORD_OVERFLOW", "record overflow"],
  ["ILLEGAL_PARAMETER", "illegal parameter"],
  ["ACCESS_DENIED", "access denied"],
  ["DECODE_ERROR", "error decoding message"],
  ["DECRYPT_ERROR", "error decrypting message"],
  ["PROTOCOL_VERSION", "protocol version not supported"],
  ["INSUFFICIENT_SECURITY", "insufficient security level"],
  ["INTERNAL_ERROR", "internal error"],
  ["MISSING_EXTENSION", "missing extension"],
  ["UNSUPPORTED_EXTENSION", "unsupported extension"],
  ["UNRECOGNIZED_NAME", "unrecognized name"],
  ["NO_APPLICATION_PROTOCOL", "no application protocol"],
];

/** The alert that a peer sent, as operators know it (data-plane §2.3); undefined when the failure is none. */
export function alertText(error: StreamError): string | undefined {
  const code = error.code ?? "";
  if (!code.includes("ALERT_")) return undefined;
  const text = alerts.find(([ending]) => code.endsWith(ending))?.[1];
  return text === undefined ? undefined : `remote error: tls: ${text}`;
}
