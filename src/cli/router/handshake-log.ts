import { addressText } from "../../core/address-text.ts";
import type { Clock } from "../../runtime/interface/clock.ts";
import type { StreamError, StreamErrorKind } from "../../runtime/interface/stream-error.ts";
import { plainTime } from "./plain-time.ts";

/** Reasons that runtimes give as codes, by the end of the code. */
const byCode: readonly (readonly [ending: string, reason: string])[] = [
  ["PEER_DID_NOT_RETURN_A_CERTIFICATE", "tls: client didn't provide a certificate"],
  ["NO_APPLICATION_PROTOCOL", "tls: client requested unsupported application protocols"],
  ["UNSUPPORTED_PROTOCOL", "tls: client offered only unsupported versions"],
  ["NO_PROTOCOLS_AVAILABLE", "tls: client offered only unsupported versions"],
  ["NO_SUPPORTED_VERSIONS_ENABLED", "tls: client offered only unsupported versions"],
  ["NO_SHARED_CIPHER", "tls: no cipher suite supported by both client and server"],
  ["ALERT_UNKNOWN_CA", "remote error: tls: unknown certificate authority"],
  ["ALERT_CERTIFICATE_UNKNOWN", "remote error: tls: unknown certificate"],
  ["ALERT_BAD_CERTIFICATE", "remote error: tls: bad certificate"],
  ["ALERT_CERTIFICATE_EXPIRED", "remote error: tls: expired certificate"],
  ["ALERT_HANDSHAKE_FAILURE", "remote error: tls: handshake failure"],
  ["ALERT_PROTOCOL_VERSION", "remote error: tls: protocol version not supported"],
  ["CERT_HAS_EXPIRED", "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"],
  ["CERT_NOT_YET_VALID", "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"],
  ["INVALID_PURPOSE", "tls: failed to verify certificate: x509: certificate specifies an incompatible key usage"],
];

const byKind: Partial<Record<StreamErrorKind, string>> = {
  ended: "EOF",
  "timed-out": "EOF",
  reset: "read: connection reset by peer",
  "tls-untrusted": "tls: failed to verify certificate: x509: certificate signed by unknown authority",
};

function reasonOf({ code = "", kind, message }: StreamError): string {
  return byCode.find(([ending]) => code.endsWith(ending))?.[1] ?? byKind[kind] ?? message;
}

/** The line on standard error about a client whose handshake failed, as Go's HTTP server writes it (control-plane §1.2). */
export function handshakeErrorLine(clock: Clock, address: string, port: number, error: StreamError): string {
  const from = addressText(address, port);
  return `${plainTime(clock.now())} http: TLS handshake error from ${from}: ${reasonOf(error)}\n`;
}
