import type { Exchange } from "../exchange.ts";
import { readCertificate } from "../x509/certificate.ts";
import { nameText } from "../x509/distinguished-name.ts";

const header = "X-Forwarded-Client-Cert";

/** Header values of certificates that were met: the same connection asks again and again. */
const rawValues = new WeakMap<Uint8Array, string>();
const envoyValues = new WeakMap<Uint8Array, string>();

/** Base64 (RFC 4648 §4) of a DER certificate on one line, without armour. */
function rawValue(certificate: Uint8Array): string {
  let binary = "";
  for (const byte of certificate) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** What Envoy writes of it: SHA-256 and subject, the latter with quotation marks escaped. */
function envoyValue(certificate: Uint8Array, fingerprint: string): string {
  const subject = nameText(readCertificate(certificate).subject).replace(/["\\]/g, "\\$&");
  return `Hash=${fingerprint};Subject="${subject}"`;
}

function certificateValue(certificate: Uint8Array, fingerprint: string, envoy: boolean): string {
  const values = envoy ? envoyValues : rawValues;
  let value = values.get(certificate);
  if (value === undefined) {
    value = envoy ? envoyValue(certificate, fingerprint) : rawValue(certificate);
    values.set(certificate, value);
  }
  return value;
}

/**
 * `X-Forwarded-Client-Cert` (the table of data-plane §1.4.13): runs with `forward` and `sanitize_set`, which trust the
 * header only as far as this connection's own client certificate goes.
 */
export function clientCertificate(exchange: Exchange): undefined {
  const tls = exchange.client.tls;
  const { forwarded_client_cert: mode } = exchange.router.settings;
  if (exchange.returned && mode === "forward") {
    if (exchange.headers.has(header)) exchange.headers.delete(header);
    return;
  }
  // What a service sends back is the certificate of its own request's client.
  if (exchange.fromRouteService && tls !== undefined) return;
  const certificate = tls?.verified === true ? tls.peerCertificates[0] : undefined;
  if (certificate === undefined) {
    if (exchange.headers.has(header)) exchange.headers.delete(header);
  } else if (mode === "sanitize_set") {
    const envoy = exchange.router.settings.xfcc_format === "envoy";
    exchange.headers.set(header, certificateValue(certificate, tls?.peerFingerprint ?? "", envoy));
  }
}
