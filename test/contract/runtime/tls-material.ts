import { X509Certificate } from "node:crypto";
import type { ClientTls, ServerTls } from "../../../src/runtime/interface/tls.ts";
import { issue, makeAuthority } from "../../fixtures/certificates.ts";

/** Who signs, and one whom nobody trusts. */
export const authority = makeAuthority("Runtime Test Authority");
export const stranger = makeAuthority("Strange Authority");
/** Certificates of servers by name. */
export const first = issue(authority, { names: ["first.test"] });
export const second = issue(authority, { names: ["second.test", "*.wild.test"], ips: ["127.0.0.1"] });
/** A server with both, and a client that trusts it. */
export const serverTls: ServerTls = { keyPairs: [first, second], clientCertificates: "none" };
export const trusting: ClientTls = { serverName: "first.test", authorities: [authority.certificate] };

/** The subject of a certificate in DER; empty for none. */
export function commonName(der: Uint8Array | undefined): string {
  return der === undefined ? "" : new X509Certificate(der).subject;
}
