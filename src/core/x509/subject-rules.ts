import type { CertificateFacts } from "./certificate.ts";
import { type DistinguishedName, nameText } from "./distinguished-name.ts";

/** One entry of `verify_client_certificate_metadata` (control-plane §1.2). */
export interface SubjectRule {
  /** The rule is about certificates with an authority of this name in their chain. */
  readonly issuer_in_chain: DistinguishedName;
  /** Subjects of such certificates that are let in. */
  readonly valid_cert_subjects: readonly DistinguishedName[];
}

/** A client certificate that breaks a rule. */
export interface SubjectFault {
  /** Name of the authority the rule is about. */
  readonly issuer: string;
  /** Name in the client's certificate. */
  readonly subject: string;
  /** The whole sentence, in upstream's words. */
  readonly message: string;
}

const quoted = (values: readonly string[]): string => `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;

function braces(name: DistinguishedName): string {
  const fields = [
    quoted(name.country),
    quoted(name.organization),
    quoted(name.organizational_unit),
    JSON.stringify(name.common_name),
    JSON.stringify(name.serial_number),
    quoted(name.locality),
    quoted(name.province),
    quoted(name.street_address),
    quoted(name.postal_code),
  ];
  return `{${fields.join(" ")}}`;
}

/** A chain longer than this is none. */
const longestChain = 16;

/**
 * Names of the authorities above a certificate, by following issuers through what the client sent and what is trusted;
 * undefined: the way to a trusted authority is not complete (a runtime may not show what the client sent).
 */
function authorityNames(
  leaf: CertificateFacts,
  sent: readonly CertificateFacts[],
  trusted: ReadonlyMap<string, CertificateFacts>,
): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  let at = leaf;
  for (let depth = 0; depth < longestChain; depth++) {
    const issuer = nameText(at.issuer);
    if (names.has(issuer)) return names;
    names.add(issuer);
    const anchor = trusted.get(issuer);
    const above = anchor ?? sent.find(({ subject, isAuthority }) => isAuthority && nameText(subject) === issuer);
    if (above === undefined) return undefined;
    if (anchor !== undefined && nameText(anchor.issuer) === issuer) return names;
    at = above;
  }
  return undefined;
}

/** Checks the subjects of verified client certificates against `verify_client_certificate_metadata`. */
export class SubjectRules {
  readonly #rules: readonly {
    readonly issuer: string;
    readonly subjects: ReadonlySet<string>;
    readonly shown: string;
  }[];
  readonly #trusted: ReadonlyMap<string, CertificateFacts>;

  /** `trusted`: the authorities that client certificates are verified against. */
  constructor(rules: readonly SubjectRule[], trusted: readonly CertificateFacts[]) {
    this.#rules = rules.map(({ issuer_in_chain, valid_cert_subjects }) => ({
      issuer: nameText(issuer_in_chain),
      subjects: new Set(valid_cert_subjects.map(nameText)),
      shown: braces(issuer_in_chain),
    }));
    this.#trusted = new Map(trusted.map((certificate) => [nameText(certificate.subject), certificate]));
  }

  /** The first rule that a chain breaks, leaf first as the client sent it; undefined: it is let in. */
  fault(chain: readonly CertificateFacts[]): SubjectFault | undefined {
    const leaf = chain.find(({ isAuthority }) => !isAuthority) ?? chain[0];
    if (leaf === undefined) return undefined;
    const subject = nameText(leaf.subject);
    const names = authorityNames(leaf, chain, this.#trusted);
    for (const { issuer, subjects, shown } of this.#rules) {
      // Where the chain cannot be followed to its end, every rule may be meant.
      if (names?.has(issuer) === false || subjects.has(subject)) continue;
      const message = `subject not in the list of allowed subjects for CA Subject ${shown}: ${JSON.stringify(subject)}`;
      return { issuer, subject, message };
    }
    return undefined;
  }
}
