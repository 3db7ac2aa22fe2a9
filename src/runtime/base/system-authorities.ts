import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { rootCertificates } from "node:tls";

/** Where systems keep their bundle; the first that can be read counts. */
const bundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** Folders of single certificates, for systems without a bundle. */
const folders = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesIn(path: string): string[] {
  try {
    return readFileSync(path, "latin1").match(certificate) ?? [];
  } catch {
    return [];
  }
}

function certificatesBelow(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => certificatesIn(join(folder, name)));
  } catch {
    return [];
  }
}

/** The system's certificates by these two variables (of OpenSSL, and of Go), or from the usual places. */
function readAuthorities(file: string | undefined, paths: string | undefined): readonly string[] {
  let found: string[] = [];
  for (const path of file ? [file] : bundles) {
    found = certificatesIn(path);
    if (found.length > 0) break;
  }
  if (paths || found.length === 0)
    found = found.concat((paths ? paths.split(":") : folders).flatMap(certificatesBelow));
  return found.length > 0 ? [...new Set(found)] : rootCertificates;
}

let known: readonly string[] | undefined;

/** `Runtime.systemAuthorities`; read once. */
export function systemAuthorities(): readonly string[] {
  known ??= readAuthorities(process.env["SSL_CERT_FILE"], process.env["SSL_CERT_DIR"]);
  return known;
}
