import { handshakeError } from "./stream-error.ts";

/** Alerts (RFC 8446 §6.2) for a certificate that is not acceptable, by the runtimes' codes; any other: bad certificate. */
const alerts: ReadonlyMap<string, number> = new Map([
  ["CERT_HAS_EXPIRED", 45],
  ["CERT_NOT_YET_VALID", 45],
  ["UNABLE_TO_GET_ISSUER_CERT", 48],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", 48],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", 48],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", 48],
  ["SELF_SIGNED_CERT_IN_CHAIN", 48],
]);
const badCertificate = 42;
/** What a client of TLS 1.2 gets that shows no certificate where one is required (RFC 5246 §7.4.6). */
const handshakeFailure = 40;

/**
 * The record that tells a client why its certificate was refused, for `code` of the runtime; undefined: there was none.
 * The engines accept any certificate first and say later what they think of it, when TLS 1.3 is encrypted already. Up to
 * TLS 1.2 the server's last flight is still held back then, so that an alert in clear text may take its place.
 */
export function certificateAlert(code: string | undefined): Uint8Array {
  const alert = code === undefined ? handshakeFailure : (alerts.get(code) ?? badCertificate);
  return Uint8Array.of(21, 3, 3, 0, 2, 2, alert);
}

/** The failure of a client that shows no certificate where one is required, as engines that look themselves report it. */
export function missingCertificate(action: string): ReturnType<typeof handshakeError> {
  const error = new Error("peer did not return a certificate");
  return handshakeError(Object.assign(error, { code: "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE" }), action);
}
