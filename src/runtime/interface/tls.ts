import type { StreamError } from "./stream-error.ts";

/** What is known of a TLS stream after its handshake. */
export interface TlsFacts {
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
  /** Server name of the ClientHello; empty when none was sent. */
  readonly serverName: string;
  /** Negotiated ALPN protocol; empty when none. */
  readonly alpn: string;
  /** Peer certificate chain, leaf first, DER. Empty when none was given. */
  readonly peerCertificates: readonly Uint8Array[];
  /** SHA-256 of the first of them, lower-case hexadecimal; empty without. */
  readonly peerFingerprint: string;
  /** True when the peer's chain was verified against the configured authorities. */
  readonly verified: boolean;
}

/** A certificate with its key, PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** TLS as a server. */
export interface ServerTls {
  /**
   * Chosen by server name (exact DNS SAN, then one-label wildcard; of equal names the later one); the first is the
   * default. At least one.
   */
  readonly keyPairs: readonly KeyPair[];
  readonly clientCertificates: "none" | "request" | "require";
  /** PEM authorities that client certificates must chain to, the most important first. */
  readonly clientAuthorities?: readonly string[];
  /** Looks at a client that certificates are asked of and that is welcome so far: why it is refused; undefined: it is not. */
  readonly objection?: (facts: TlsFacts) => StreamError | undefined;
  readonly alpn?: readonly string[];
  /** Default TLSv1.2. */
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  /** Suites up to TLS 1.2 by their OpenSSL names, the preferred first. Default: the runtime's. */
  readonly ciphers?: readonly string[];
  readonly handshakeTimeoutMs?: number;
}

/** TLS as a client. */
export interface ClientTls {
  /**
   * Name that is sent as SNI (unless it is an IP) and must be among the certificate's subject alternative names; its
   * common name does not count.
   */
  readonly serverName: string;
  /** PEM authorities; undefined means the system's. */
  readonly authorities?: readonly string[];
  /** Beside `authorities`, the system's are trusted too. Default false. */
  readonly trustSystem?: boolean;
  readonly keyPair?: KeyPair;
  readonly alpn?: readonly string[];
  /** As in `ServerTls`. */
  readonly ciphers?: readonly string[];
  /** Lowest and highest version, `TLSv1.2` or `TLSv1.3`; default: both. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  /** Default true. False: any certificate will do. */
  readonly verify?: boolean;
  readonly handshakeTimeoutMs?: number;
}
