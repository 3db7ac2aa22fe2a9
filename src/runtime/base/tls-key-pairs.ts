import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { KeyPair } from "../interface/tls.ts";
import type { Agreement } from "./tls-agreement.ts";

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Checks one certificate and key, PEM; Deno would only notice at the first handshake (runtimes.md §4).
 * @throws Error that names the position in the list (from 1) and the subject.
 */
export function checkKeyPair(pair: KeyPair, position: number): X509Certificate {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(pair.certificate);
  } catch (error) {
    throw new Error(`Cannot read certificate ${position}: ${reasonOf(error)}; give it as PEM, leaf certificate first`);
  }
  const subject = leaf.subject.replaceAll("\n", ", ");
  let matches: boolean;
  try {
    matches = leaf.checkPrivateKey(createPrivateKey(pair.key));
  } catch (error) {
    throw new Error(
      `Cannot read the key of certificate ${position} ("${subject}"): ${reasonOf(error)}; give it as PEM`,
    );
  }
  if (!matches) {
    throw new Error(`The key of certificate ${position} ("${subject}") belongs to another certificate; check the pair`);
  }
  return leaf;
}

/** `Runtime.matchKey`. */
export function matchKey(certificate: string, privateKey: string): "unreadable" | "kind" | "key" | undefined {
  let key: KeyObject;
  try {
    key = createPrivateKey(privateKey);
  } catch {
    return "unreadable";
  }
  const leaf = new X509Certificate(certificate);
  if (leaf.publicKey.asymmetricKeyType !== key.asymmetricKeyType) return "kind";
  return leaf.checkPrivateKey(key) ? undefined : "key";
}

/** DNS names that a certificate is for; the common name counts only without any (data-plane §7.1). */
function namesOf(leaf: X509Certificate): string[] {
  const names: string[] = [];
  for (const entry of (leaf.subjectAltName ?? "").split(", ")) {
    if (entry.startsWith("DNS:")) names.push(entry.slice(4).toLowerCase());
  }
  const commonName = names.length > 0 ? undefined : /^CN=(.*)$/m.exec(leaf.subject)?.[1];
  if (commonName !== undefined) names.push(commonName.toLowerCase());
  return names;
}

/** The certificates of a listener, found by the server name a client asks for. */
export class CertificateChoice {
  private readonly byName = new Map<string, SecureContext>();
  private readonly first: SecureContext;

  constructor(contexts: readonly SecureContext[], leaves: readonly X509Certificate[]) {
    this.first = contexts[0]!;
    leaves.forEach((leaf, index) => {
      for (const name of namesOf(leaf)) this.byName.set(name, contexts[index]!);
    });
  }

  /** Exact DNS name, then the wildcard for its first label, then the first certificate; an empty name gets the first. */
  find(serverName: string): SecureContext {
    const name = serverName.toLowerCase();
    const exact = this.byName.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf(".");
    return (dot > 0 ? this.byName.get(`*${name.slice(dot)}`) : undefined) ?? this.first;
  }
}

/** Checks the pairs and makes them ready for use. Throws as `checkKeyPair` does. */
export function certificateChoice(
  pairs: readonly KeyPair[],
  authorities: readonly string[] | undefined,
  agreement: Agreement,
): CertificateChoice {
  if (pairs.length === 0) throw new Error("Cannot listen with TLS without a certificate; give at least one");
  const leaves = pairs.map((pair, index) => checkKeyPair(pair, index + 1));
  const contexts = pairs.map((pair) =>
    createSecureContext({
      cert: pair.certificate,
      key: pair.key,
      ...(authorities === undefined ? {} : { ca: [...authorities] }),
      ...agreement,
    }),
  );
  return new CertificateChoice(contexts, leaves);
}
