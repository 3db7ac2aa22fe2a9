import type { Config } from "../core/config/schema.ts";
import type { Endpoint } from "../core/routing/endpoint.ts";
import type { ClientTls } from "../runtime/interface/tls.ts";
import { withoutBrackets } from "./backend-tls.ts";

/** TLS of services ends here at the latest; upstream waits as long as the request does. */
const handshakeTimeoutMs = 30_000;

/**
 * TLS towards route services as configured (data-plane §7.4): the versions of the main listener, whose default is 1.2
 * alone, and a certificate of its own. Versions below 1.2 are not spoken. A certificate without its key, or the reverse,
 * is ignored.
 */
export function serviceTls(config: Config): (endpoint: Endpoint) => ClientTls {
  const { cert_chain: certificate, private_key: key } = config.route_services;
  const shared = {
    authorities: config.ca_certs,
    trustSystem: true,
    verify: !config.skip_ssl_validation,
    minVersion: config.min_tls_version === "TLSv1.3" ? "TLSv1.3" : "TLSv1.2",
    maxVersion: config.max_tls_version === "TLSv1.3" ? "TLSv1.3" : "TLSv1.2",
    handshakeTimeoutMs,
    ...(certificate === "" || key === "" ? {} : { keyPair: { certificate, key } }),
  } satisfies Partial<ClientTls>;
  return ({ host }) => ({ ...shared, serverName: withoutBrackets(host) });
}
