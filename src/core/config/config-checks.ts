import { certificatesOf, holdsCertificate, readCertificate } from "../x509/certificate.ts";
import { nameText } from "../x509/distinguished-name.ts";
import { keyPairFault, type MatchKey } from "../x509/key-pair.ts";
import { pemBlocks } from "../x509/pem.ts";
import type { Config } from "./schema.ts";

/**
 * What validation asks beyond the document itself. Without it the rows of control-plane §1.3 that need it (1-7, 12, 18,
 * 30, 32-34) are passed over: a library that is given its configuration by code has its certificates from elsewhere.
 */
export interface ConfigChecks {
  /** Why the own address cannot be found (row 1); undefined: it can. */
  readonly localIpFault: string | undefined;
  /** Why the two texts are no pair (`tls: failed to find any PEM data in certificate input`, …); undefined: a pair. */
  keyPairFault(certChain: string, privateKey: string): string | undefined;
  /** At least one certificate in the text parses. */
  hasCertificate(pem: string): boolean;
  /** The text of row 33 or 34 for the first rule whose issuer is no authority of `clientCaCerts`. */
  metadataRulesFault(clientCaCerts: string, rules: Config["verify_client_certificate_metadata"]): string | undefined;
}

/** The checks of a machine: `localIpFault` as above, `match` from its runtime. */
export function configChecks(localIpFault: string | undefined, match: MatchKey): ConfigChecks {
  return {
    localIpFault,
    keyPairFault: (certChain, privateKey) => keyPairFault(certChain, privateKey, match),
    hasCertificate: (pem) => certificatesOf(pem).length > 0,
    metadataRulesFault,
  };
}

function metadataRulesFault(
  clientCaCerts: string,
  rules: Config["verify_client_certificate_metadata"],
): string | undefined {
  const authorities = new Set<string>();
  for (const { der } of pemBlocks(clientCaCerts).filter(holdsCertificate)) {
    try {
      authorities.add(nameText(readCertificate(der).subject));
    } catch (error) {
      return (error as Error).message;
    }
  }
  for (const rule of rules) {
    const issuer = nameText(rule.issuer_in_chain);
    if (!authorities.has(issuer)) return `no CA certificate found for rule with ca subject ${issuer}`;
  }
  return undefined;
}
