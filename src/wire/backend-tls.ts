import { longestTimerMs } from "../core/clock.ts";
import { openSslCipherNames } from "../core/config/cipher-suites.ts";
import type { Config } from "../core/config/schema.ts";
import type { Endpoint } from "../core/routing/endpoint.ts";
import type { ClientTls } from "../runtime/interface/tls.ts";

/**
 * TLS towards backends as configured (data-plane §7.3): the name that an endpoint's certificate must be good for is its
 * `server_cert_domain_san`, or else its host. A certificate without its key, or the reverse, is ignored as upstream does.
 */
export function backendTls(config: Config): (endpoint: Endpoint) => ClientTls {
  const { cert_chain: certificate, private_key: key } = config.backends;
  // One object for all: runtimes keep what they make of authorities and key pair for as long as these live.
  const shared = {
    authorities: config.ca_certs,
    trustSystem: true,
    handshakeTimeoutMs: handshakeTimeout(config.tls_handshake_timeout),
    // Without `enable_ssl` the key need not be given (control-plane §1.4).
    ...(config.enable_ssl ? { ciphers: openSslCipherNames(config.cipher_suites) } : {}),
    ...(certificate === "" || key === "" ? {} : { keyPair: { certificate, key } }),
  };
  return ({ host, serverCertDomainSan }) => ({ ...shared, serverName: serverCertDomainSan || withoutBrackets(host) });
}

/** As in Go's transport: 0 is no limit, a negative one is over at once. */
function handshakeTimeout(ms: number): number {
  return ms === 0 ? longestTimerMs : Math.min(Math.max(ms, 0), longestTimerMs);
}

/** An IPv6 address without its brackets; any other host as it is. */
export function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
