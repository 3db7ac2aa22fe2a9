import type { Config } from "../../core/config/schema.ts";
import { certificatesOf } from "../../core/x509/certificate.ts";
import { validityFault } from "../../core/x509/validity.ts";

/**
 * Why the router's own certificate or one of the authorities of `nats` cannot be used now, for the line
 * `nats-tls-config-invalid` (control-plane §2.1, TLS); undefined: all is well, or TLS is off. Pairs that do not belong
 * together and authorities that cannot be read were found when the configuration was loaded.
 */
export function natsTlsFault({ tls_enabled, cert_chain, ca_certs }: Config["nats"], now: number): string | undefined {
  if (!tls_enabled) return undefined;
  const [leaf] = certificatesOf(cert_chain);
  for (const [key, certificates] of [
    ["cert_chain", leaf === undefined ? [] : [leaf]],
    ["ca_certs", certificatesOf(ca_certs)],
  ] as const) {
    for (const certificate of certificates) {
      const fault = validityFault(certificate, now);
      if (fault !== undefined) return `nats.${key}: ${fault}`;
    }
  }
  return undefined;
}
