import type { Runtime } from "../../runtime/interface.ts";

/** Where the systems keep their bundle of trusted authorities; the first file that can be read counts. */
const bundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** The certificates of a PEM text, each as a text of its own; what stands between them is left out. */
export function splitCertificates(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
}

/**
 * The system's trusted authorities, PEM, one certificate each: of the file that `SSL_CERT_FILE` names, else of the bundle
 * of the distribution. Empty when there is none.
 */
export async function systemAuthorities(runtime: Pick<Runtime, "readTextFile" | "env">): Promise<string[]> {
  const named = runtime.env("SSL_CERT_FILE");
  for (const path of named ? [named] : bundles) {
    try {
      return splitCertificates(await runtime.readTextFile(path));
    } catch {
      // Another distribution keeps it elsewhere.
    }
  }
  return [];
}
