import { openSslCipherNames } from "../../core/config/cipher-suites.ts";
import type { Config } from "../../core/config/schema.ts";
import type { Logger } from "../../core/observe/log.ts";
import { certificatesOf, readCertificate } from "../../core/x509/certificate.ts";
import { SubjectRules } from "../../core/x509/subject-rules.ts";
import {
  type ByteStream,
  type Runtime,
  type ServerTls,
  StreamError,
  type TlsVersion,
} from "../../runtime/interface.ts";
import type { ServerTlsOptions } from "../../wire/tls-entry.ts";
import { splitCertificates } from "./authorities.ts";
import { handshakeErrorLine } from "./handshake-log.ts";

const versions: Readonly<Record<string, TlsVersion>> = {
  "TLSv1.0": "TLSv1",
  "TLSv1.1": "TLSv1.1",
  "TLSv1.2": "TLSv1.2",
  "TLSv1.3": "TLSv1.3",
};

/** Milliseconds that a client may take for its handshake. */
const handshakeTimeoutMs = 10_000;

/**
 * Versions and suites of the TLS listeners (control-plane §1.4): the main one, and that of the health checks, for which
 * the keys count only while `enable_ssl` is on.
 */
function tlsAgreement(config: Config): Pick<ServerTls, "minVersion" | "maxVersion" | "ciphers"> {
  const bounds = { minVersion: versions[config.min_tls_version]!, maxVersion: versions[config.max_tls_version]! };
  return config.enable_ssl ? { ...bounds, ciphers: openSslCipherNames(config.cipher_suites) } : bounds;
}

/** Whom client certificates must come from (data-plane §7.1): PEM, one certificate each. */
export function clientAuthorities(config: Config, system: readonly string[]): string[] {
  return [...(config.only_trust_client_ca_certs ? [] : system), ...splitCertificates(config.client_ca_certs)];
}

/** The main TLS listener under a configuration (data-plane §7.1). `alpn`: protocols to offer; none: no ALPN. */
export function ingressTls(config: Config, authorities: readonly string[], alpn: readonly string[]): ServerTls {
  const keyPairs = config.tls_pem.map(({ cert_chain, private_key }) => ({ certificate: cert_chain, key: private_key }));
  const asked = config.client_cert_validation;
  return {
    ...tlsAgreement(config),
    keyPairs,
    clientCertificates: asked === "" ? "none" : asked,
    clientAuthorities: authorities,
    ...(alpn.length === 0 ? {} : { alpn }),
    handshakeTimeoutMs,
  };
}

/**
 * What becomes of clients at the main TLS listener: failed handshakes are told on standard error, and client certificates
 * must keep to `verify_client_certificate_metadata` (control-plane §1.2).
 */
export function clientChecks(
  runtime: Pick<Runtime, "clock" | "writeError">,
  config: Config,
  authorities: readonly string[],
  log: Logger,
): Pick<ServerTlsOptions, "failed" | "objection"> {
  const failed = (address: string, port: number, error: StreamError): void =>
    runtime.writeError(handshakeErrorLine(runtime.clock, address, port, error));
  if (!config.enable_verify_client_certificate_metadata) return { failed };
  const rules = new SubjectRules(config.verify_client_certificate_metadata, authorities.flatMap(certificatesOf));
  const objection = ({ tls }: ByteStream): StreamError | undefined => {
    const fault = rules.fault((tls?.peerCertificates ?? []).map(readCertificate));
    if (fault === undefined) return undefined;
    log.warn("invalid-subject", { issuer: fault.issuer, subject: fault.subject, allowed: {} });
    return new StreamError("other", fault.message);
  };
  return { failed, objection };
}
