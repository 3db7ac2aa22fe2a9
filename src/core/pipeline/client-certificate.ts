import type { Exchange } from "../exchange.ts";

const header = "X-Forwarded-Client-Cert";

/** Header values of certificates that were met: the same connection asks again and again. */
const encoded = new WeakMap<Uint8Array, string>();

/** Base64 (RFC 4648 §4) of a DER certificate on one line, without armour. */
function certificateValue(certificate: Uint8Array): string {
  let value = encoded.get(certificate);
  if (value === undefined) {
    let binary = "";
    for (const byte of certificate) binary += String.fromCharCode(byte);
    value = btoa(binary);
    encoded.set(certificate, value);
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
    exchange.headers.set(header, certificateValue(certificate));
  }
}
