import type { CertificateFacts } from "./certificate.ts";

const seconds = (milliseconds: number): string => `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;

/** Why a certificate cannot be used at that time (milliseconds since the epoch), in Go's words; undefined: it can. */
export function validityFault({ notBefore, notAfter }: CertificateFacts, now: number): string | undefined {
  const expired = "x509: certificate has expired or is not yet valid: current time";
  if (now < notBefore) return `${expired} ${seconds(now)} is before ${seconds(notBefore)}`;
  if (now > notAfter) return `${expired} ${seconds(now)} is after ${seconds(notAfter)}`;
  return undefined;
}
