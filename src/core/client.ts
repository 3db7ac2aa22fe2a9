import type { HeadersLike } from "./message.ts";

/** TLS facts of the client's connection. */
export interface ClientTlsFacts {
  readonly version: string;
  readonly cipher: string;
  readonly serverName: string;
  readonly alpn: string;
  /** Peer certificate chain, leaf first, DER; empty when none was given. */
  readonly peerCertificates: readonly Uint8Array[];
  /** SHA-256 of the first of them, lower-case hexadecimal; empty without. Absent where the listener does not tell. */
  readonly peerFingerprint?: string;
  readonly verified: boolean;
}

/** Why an exchange was given up before it ended. */
export type AbortCause = "client-gone" | "drain";

/** Who hears how an exchange goes on after the handler returned: the core's own exchange. */
export interface ExchangeObserver {
  /** The client went away (closed, reset, or half-closed before its answer: data-plane §4.9), or the server gives up. */
  aborted(cause: AbortCause): void;
  /**
   * The last call, exactly once: the answer was handed to the kernel completely, or was cut.
   * `bytesIn` and `bytesOut` are body bytes (request after de-chunking; response before chunking).
   */
  finished(bytesIn: number, bytesOut: number, end: ExchangeEnd): void;
}

/** How an exchange ended, as the listener saw it. */
export type ExchangeEnd =
  | "complete"
  | "client-gone" // before or during the response
  | "response-cut" // the response body failed midway; the connection was closed
  | "request-cut"; // the request body was malformed or ended early

/** Both ends of a client's connection. */
export interface ClientAddresses {
  /** IP without brackets. With PROXY protocol: the address it announced. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** What messages and log lines say of a client's address, each text in one piece (`clientTexts`). */
export interface ClientTexts {
  /** `"IP:PORT" `, quotes and a blank included. */
  readonly source: string;
  /** `"IP"`, quotes included. */
  readonly address: string;
  /** `X-Forwarded-For: IP` and CRLF; empty where the address is none that can stand there. */
  readonly forwardedForLine: string;
}

/** What travels beside a request: facts of the connection and abilities of the listener. */
export interface Client extends ClientAddresses {
  /** Undefined on a plain connection. */
  readonly tls: ClientTlsFacts | undefined;
  /** The request target exactly as received, one character per byte (RFC 9112 §3.2). */
  readonly target: string;
  /** `HTTP/1.0`, `HTTP/1.1`, `HTTP/2.0`, or what the client claimed. */
  readonly protocol: string;
  /** True when the listener can hand the connection over (upgrades). */
  readonly takesTunnel: boolean;
  /** True when the client left before its request was taken up, as behind pipelined ones. Absent: it did not. */
  readonly gone?: boolean;
  /** Set by whoever handles the exchange, during the synchronous part of the handler; told how it goes on. */
  observer: ExchangeObserver | undefined;
  /** Kept for all requests of a connection where the listener has a place for them; undefined: not worked out yet. */
  texts?: ClientTexts | undefined;
  /** Sends an interim response (RFC 9110 §15.2). Absent where the listener cannot. */
  inform?(status: number, headers: HeadersLike): void;
}
