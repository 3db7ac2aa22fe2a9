import type { Config } from "./schema.ts";

/**
 * What validation needs to know about keys and certificates. The core cannot read X.509, so this comes in as a
 * parameter; without one the rows of control-plane §1.3 that need it (2-7, 12, 18, 29, 30, 32-34) are passed over.
 */
export interface CertificateCheck {
  /** Why the two texts are no pair (`tls: failed to find any PEM data in certificate input`, …); undefined: a pair. */
  keyPairFault(certChain: string, privateKey: string): string | undefined;
  /** At least one certificate in the text parses. */
  hasCertificate(pem: string): boolean;
  /** Why the system's trust anchors cannot be read; undefined: they can. */
  systemPoolFault(): string | undefined;
  /** The text of row 33 or 34 for the first rule whose issuer is no authority of `clientCaCerts`. */
  metadataRulesFault(clientCaCerts: string, rules: Config["verify_client_certificate_metadata"]): string | undefined;
}
