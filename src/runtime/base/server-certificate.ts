import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { StreamError } from "../interface/stream-error.ts";
import type { TlsSource } from "./tls-facts.ts";

/** The part of a certificate that decides whether a server is the one that was meant. */
interface Leaf {
  readonly subject?: { readonly CN?: string | string[] };
  /** `DNS:a.test, IP Address:10.0.0.1`; what has special characters is quoted as in JSON. */
  readonly subjectaltname?: string;
  readonly valid_from: string;
  readonly valid_to: string;
}

interface Names {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}

/** One alternative name: its kind, and its value, maybe quoted. */
const alternative = /(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,]*)/g;

function namesOf(leaf: Leaf): Names {
  const dns: string[] = [];
  const ips: string[] = [];
  for (const [, kind = "", value = ""] of (leaf.subjectaltname ?? "").matchAll(alternative)) {
    // Quoted values are no host names.
    if (value.startsWith('"')) continue;
    if (kind === "DNS") dns.push(value);
    else if (kind === "IP Address") ips.push(value);
  }
  return { dns, ips };
}

/** An IP address in the one form that can be compared. */
function canonical(ip: string): string {
  return isIP(ip) === 6 ? new URL(`http://[${ip}]/`).hostname : ip;
}

/** Whether the name of a certificate covers a host: equal, or a wildcard in place of its first label (RFC 6125 §6.4.3). */
function covers(pattern: string, host: string): boolean {
  const wanted = host.toLowerCase().replace(/\.$/, "");
  const given = pattern.toLowerCase();
  if (!given.startsWith("*.")) return given === wanted;
  const dot = wanted.indexOf(".");
  return dot > 0 && wanted.slice(dot) === given.slice(1);
}

/** Why the certificate does not stand for `serverName`; undefined: it does (data-plane §2.3). */
function misnamed(leaf: Leaf, serverName: string): string | undefined {
  const { dns, ips } = namesOf(leaf);
  if (isIP(serverName) !== 0) {
    if (ips.length === 0) {
      return `cannot validate certificate for ${serverName} because it doesn't contain any IP SANs`;
    }
    const wanted = canonical(serverName);
    if (ips.some((ip) => canonical(ip) === wanted)) return undefined;
    return `certificate is valid for ${ips.map(canonical).join(", ")}, not ${serverName}`;
  }
  if (dns.some((name) => covers(name, serverName))) return undefined;
  if (dns.length > 0) return `certificate is valid for ${dns.join(", ")}, not ${serverName}`;
  const common = [leaf.subject?.CN ?? []].flat();
  return !leaf.subjectaltname && common.some((name) => covers(name, serverName))
    ? "certificate relies on legacy Common Name field, use SANs instead"
    : `certificate is not valid for any names, but wanted to match ${serverName}`;
}

const instant = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;

/** Why the certificate is not valid now; undefined: it is. */
function undated(leaf: Leaf, now: number): string | undefined {
  const since = Date.parse(leaf.valid_from);
  const until = Date.parse(leaf.valid_to);
  const bad = "certificate has expired or is not yet valid: current time";
  if (now < since) return `${bad} ${instant(now)} is before ${instant(since)}`;
  return now > until ? `${bad} ${instant(now)} is after ${instant(until)}` : undefined;
}

/** A socket whose handshake is complete, and what its engine thinks of the server's chain. */
export type ShownCertificate = Pick<TlsSource, "authorized" | "getPeerCertificate"> &
  Pick<TLSSocket, "authorizationError">;

/** The certificate that a server has shown. */
export function leafOf(socket: ShownCertificate): Leaf {
  return socket.getPeerCertificate(false) as unknown as Leaf;
}

/**
 * Why a server's certificate is not acceptable, or undefined. Dates come first, then the name, then the chain: one that
 * is both untrusted and misnamed counts as misnamed (data-plane §2.3).
 */
export function objection(
  socket: ShownCertificate,
  leaf: Leaf,
  serverName: string,
  action: string,
): StreamError | undefined {
  const refuse = (kind: "tls-name" | "tls-untrusted" | "tls-expired", reason: string, code: string): StreamError =>
    new StreamError(kind, `${action}: ${reason}`, { code, reason });
  // Deno does not say that a certificate has expired (runtimes.md §4): its dates do.
  const dates = undated(leaf, Date.now());
  if (dates !== undefined) return refuse("tls-expired", dates, "CERT_HAS_EXPIRED");
  const name = misnamed(leaf, serverName);
  if (name !== undefined) return refuse("tls-name", name, "ERR_TLS_CERT_ALTNAME_INVALID");
  if (socket.authorized) return undefined;
  const given = socket.authorizationError as unknown as string | { code?: string } | null;
  const code = typeof given === "string" ? given : (given?.code ?? "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return refuse("tls-expired", "certificate has expired or is not yet valid: an authority above it", code);
  }
  if (code === "INVALID_PURPOSE") {
    return refuse("tls-untrusted", "certificate specifies an incompatible key usage", code);
  }
  return refuse("tls-untrusted", "certificate signed by unknown authority", code);
}
