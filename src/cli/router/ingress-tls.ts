import { openSslCipherNames } from "../../core/config/cipher-suites.ts";
import type { Config } from "../../core/config/schema.ts";
import type { Logger } from "../../core/observe/log.ts";
import { certificatesOf, readCertificate } from "../../core/x509/certificate.ts";
import { SubjectRules } from "../../core/x509/subject-rules.ts";
import { StreamError } from "../../runtime/interface/stream-error.ts";
import type { ServerTls, TlsFacts, TlsVersion } from "../../runtime/interface/tls.ts";
import type { Runtime } from "../../runtime/interface.ts";
import type { ServerTlsOptions } from "../../wire/tls-entry.ts";
import { splitCertificates } from "./authorities.ts";
import { CertificateStore } from "./certificate-store.ts";
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
function clientAuthorities(runtime: Runtime, config: Config): string[] {
  const system = config.only_trust_client_ca_certs ? [] : runtime.systemAuthorities();
  // The own ones first: a runtime may have to leave out what comes last.
  return [...splitCertificates(config.client_ca_certs), ...system];
}

/** TLS of the main listener. */
export interface IngressTls {
  readonly options: ServerTlsOptions;
  readonly certificates: CertificateStore;
}

/**
 * Prepares the main TLS listener (data-plane §7.1); undefined without `enable_ssl`. `storeLog` is told of the certificates.
 *
 * @throws StartFailure as `CertificateStore.open`.
 */
export async function openIngressTls(
  runtime: Runtime,
  config: Config,
  log: Logger,
  storeLog = log,
): Promise<IngressTls | undefined> {
  if (!config.enable_ssl) return undefined;
  const asked = config.client_cert_validation === "" ? "none" : config.client_cert_validation;
  const authorities = asked === "none" ? [] : clientAuthorities(runtime, config);
  const tls = {
    ...tlsAgreement(config),
    clientCertificates: asked,
    clientAuthorities: authorities,
    // Without HTTP/2 no protocol is negotiated.
    ...(config.enable_http2 ? { alpn: ["h2", "http/1.1"] } : {}),
    handshakeTimeoutMs,
    ...subjectCheck(config, authorities, log),
  };
  const certificates = await CertificateStore.open(runtime, config.tls_pem, tls, storeLog);
  const failed = (address: string, port: number, error: StreamError): void =>
    runtime.writeError(handshakeErrorLine(runtime.clock, address, port, error));
  return { options: { current: certificates.current, failed }, certificates };
}

/** The TLS health listener (control-plane §4.1). */
export function healthTls(config: Config): ServerTls {
  const { certificate, key } = config.status.tls;
  return {
    ...tlsAgreement(config),
    keyPairs: [{ certificate, key }],
    clientCertificates: "none",
    ...(config.enable_http2 && { alpn: ["h2", "http/1.1"] }),
    handshakeTimeoutMs,
  };
}

/** Client certificates must keep to `verify_client_certificate_metadata` (control-plane §1.2). */
function subjectCheck(config: Config, authorities: readonly string[], log: Logger): Pick<ServerTls, "objection"> {
  if (!config.enable_verify_client_certificate_metadata) return {};
  const rules = new SubjectRules(config.verify_client_certificate_metadata, authorities.flatMap(certificatesOf));
  const objection = ({ peerCertificates }: TlsFacts): StreamError | undefined => {
    const fault = rules.fault(peerCertificates.map(readCertificate));
    if (fault === undefined) return undefined;
    log.warn("invalid-subject", { issuer: fault.issuer, subject: fault.subject, allowed: {} });
    return new StreamError("other", fault.message);
  };
  return { objection };
}
