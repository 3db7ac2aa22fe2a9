import type { PeerCertificate, TLSSocket } from "node:tls";
import type { TlsFacts } from "../interface/tls.ts";

interface ChainLink extends PeerCertificate {
  issuerCertificate?: ChainLink;
}

/** Now is not within a certificate's dates. Deno does not say so itself (runtimes.md §4). */
export function isOutOfDate(leaf: PeerCertificate | null): boolean {
  const now = Date.now();
  return leaf !== null && (now > Date.parse(leaf.valid_to) || now < Date.parse(leaf.valid_from));
}

/** The part of a `TLSSocket` that knows the facts; other engines imitate it. */
export interface TlsSource extends Pick<TLSSocket, "getCipher" | "getProtocol" | "alpnProtocol" | "authorized"> {
  /** With the chain above it when `detailed`. */
  getPeerCertificate(detailed: boolean): PeerCertificate | null;
}

/** The peer's certificates, leaf first, DER; the chain of `getPeerCertificate` ends in a certificate that issued itself. */
function chainOf(socket: TlsSource): Uint8Array[] {
  const chain: Uint8Array[] = [];
  const seen = new Set<string>();
  let link = socket.getPeerCertificate(true) as ChainLink | null | undefined;
  while (link?.raw !== undefined && !seen.has(link.fingerprint256)) {
    seen.add(link.fingerprint256);
    chain.push(link.raw);
    link = link.issuerCertificate;
  }
  return chain;
}

/** Facts of a TLS socket after its handshake. */
export class SocketTlsFacts implements TlsFacts {
  readonly version: string;
  readonly cipher: string;
  readonly serverName: string;
  readonly alpn: string;
  readonly verified: boolean;
  private readonly socket: TlsSource;
  private fingerprint: string | undefined;
  private chain: readonly Uint8Array[] | undefined;

  constructor(socket: TlsSource, serverName: string, verified: boolean) {
    const cipher = socket.getCipher();
    this.socket = socket;
    this.version = socket.getProtocol() ?? "";
    this.cipher = cipher?.standardName ?? cipher?.name ?? "";
    this.serverName = serverName;
    this.alpn = typeof socket.alpnProtocol === "string" ? socket.alpnProtocol : "";
    this.verified = verified;
  }

  get peerFingerprint(): string {
    this.fingerprint ??= (this.socket.getPeerCertificate(false)?.fingerprint256 ?? "")
      .replaceAll(":", "")
      .toLowerCase();
    return this.fingerprint;
  }

  /** Read from the socket when first asked for: parsing a chain costs more than the rest. */
  get peerCertificates(): readonly Uint8Array[] {
    this.chain ??= chainOf(this.socket);
    return this.chain;
  }
}

/** What a server knows of a stream; `asked`: client certificates were asked for. */
export function serverFacts(socket: TlsSource, serverName: string, asked: boolean): TlsFacts {
  // Deno calls a client without any certificate authorized when none was asked for.
  const facts = new SocketTlsFacts(socket, serverName, asked && socket.authorized);
  // Read now: the client may be gone when somebody asks.
  if (asked) void [facts.peerCertificates, facts.peerFingerprint];
  return facts;
}
