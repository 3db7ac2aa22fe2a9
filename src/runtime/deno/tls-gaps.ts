import { authoritiesInChain } from "../base/authorities-in-chain.ts";
import type { ServerTls } from "../interface/tls.ts";

const lowVersions: ReadonlySet<string | undefined> = new Set(["TLSv1", "TLSv1.1"]);

/** What Deno's TLS engine does not do of a listener's settings: it takes a list of suites and never applies it (runtimes.md §4). */
export function denoTlsGaps(tls: ServerTls): readonly string[] {
  const gaps: string[] = [];
  if (tls.ciphers !== undefined) {
    gaps.push(
      "this runtime uses ECDHE with AES-GCM or ChaCha20-Poly1305, in its own order; no list of suites is applied, but " +
        "that clients which offer none of it are refused",
    );
  }
  if (lowVersions.has(tls.minVersion)) gaps.push("this runtime has no TLS 1.0 and 1.1; TLS 1.2 is the lowest version");
  const trusted = tls.clientCertificates === "none" ? [] : (tls.clientAuthorities ?? []);
  const leftOut = trusted.length - authoritiesInChain(trusted).length;
  if (leftOut > 0)
    gaps.push(`of ${trusted.length} authorities for client certificates the last ${leftOut} are left out`);
  return gaps;
}
