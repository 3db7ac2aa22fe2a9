import { readCertificate } from "./certificate.ts";
import { holdsPrivateKey, type PemBlock, pemBlocks } from "./pem.ts";

/**
 * What is wrong with a private key for a certificate: it cannot be read, it is of another kind (RSA, EC), it is another
 * key; undefined: they belong together. Runtimes have the cryptography for it.
 */
export type MatchKey = (certificate: string, privateKey: string) => "unreadable" | "kind" | "key" | undefined;

const keyFaults = {
  unreadable: "tls: failed to parse private key",
  kind: "tls: private key type does not match public key type",
  key: "tls: private key does not match public key",
} as const;

const types = (blocks: readonly PemBlock[]): string => `[${blocks.map(({ type }) => type).join(" ")}]`;

function noCertificate(blocks: readonly PemBlock[]): string {
  if (blocks.length === 0) return "tls: failed to find any PEM data in certificate input";
  if (blocks.length === 1 && holdsPrivateKey(blocks[0]!)) {
    return (
      "tls: failed to find certificate PEM data in certificate input, " +
      "but did find a private key; PEM inputs may have been switched"
    );
  }
  return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: ${types(blocks)}`;
}

function noKey(blocks: readonly PemBlock[]): string {
  if (blocks.length === 0) return "tls: failed to find any PEM data in key input";
  if (blocks.length === 1 && blocks[0]!.type === "CERTIFICATE") {
    return "tls: found a certificate rather than a key in the PEM for the private key";
  }
  return `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: ${types(blocks)}`;
}

/** Why two PEM texts are no certificate chain with its key, in Go's words (notes of control-plane §1.3); undefined: a pair. */
export function keyPairFault(certChain: string, privateKey: string, match: MatchKey): string | undefined {
  const chain = pemBlocks(certChain);
  const leaf = chain.find(({ type }) => type === "CERTIFICATE");
  if (leaf === undefined) return noCertificate(chain);
  const keys = pemBlocks(privateKey);
  const key = keys.find(holdsPrivateKey);
  if (key === undefined) return noKey(keys);
  try {
    readCertificate(leaf.der);
  } catch (error) {
    return (error as Error).message;
  }
  const fault = match(leaf.text, key.text);
  return fault === undefined ? undefined : keyFaults[fault];
}
