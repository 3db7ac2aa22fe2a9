import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { ServerTls, TlsVersion } from "../interface/tls.ts";

/** What a handshake may agree on, as `node:tls` takes it. */
export type Agreement = Pick<SecureContextOptions, "minVersion" | "maxVersion" | "ciphers" | "honorCipherOrder">;

const isUnderstood = (ciphers: string): boolean => {
  try {
    createSecureContext({ ciphers });
    return true;
  } catch {
    return false;
  }
};

/** OpenSSL's security level in a cipher string; BoringSSL has none, and refuses the words. */
let understandsLevels: boolean | undefined;

/** The suites of a list that this runtime has; it would refuse a list without any. */
function knownCiphers(names: readonly string[]): string[] {
  return names.filter(isUnderstood);
}

function isOld(version: TlsVersion | undefined): boolean {
  return version === "TLSv1" || version === "TLSv1.1";
}

/** Versions and suites of a listener. */
export function agreementOf(tls: Pick<ServerTls, "minVersion" | "maxVersion" | "ciphers">): Agreement {
  const { minVersion, maxVersion, ciphers } = tls;
  const versions = {
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  };
  if (ciphers === undefined) return versions;
  const known = knownCiphers(ciphers);
  // No suite up to TLS 1.2 is left: only 1.3 remains, or nothing, which this refuses as well.
  if (known.length === 0) return { ...versions, minVersion: "TLSv1.3" };
  understandsLevels ??= isUnderstood("ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0");
  // Level 1 takes keys that Go takes (RSA from 1024 bits), level 0 is what TLS 1.0 and 1.1 need.
  const level = understandsLevels ? [`@SECLEVEL=${isOld(minVersion) ? 0 : 1}`] : [];
  return { ...versions, ciphers: [...known, ...level].join(":"), honorCipherOrder: true };
}

/** The suites of a listener that this runtime lacks, as a sentence; otherwise settings hold. */
export function missingSuites(tls: ServerTls): readonly string[] {
  const known = new Set(knownCiphers(tls.ciphers ?? []));
  const missing = (tls.ciphers ?? []).filter((name) => !known.has(name));
  return missing.length === 0 ? [] : [`this runtime has no cipher suite ${missing.join(", ")}`];
}
