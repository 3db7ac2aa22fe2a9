import { Buffer } from "node:buffer";
import type { PeerCertificate } from "node:tls";
import type { SocketHandler, TLSOptions } from "bun";
import { streamError } from "../base/stream-error.ts";
import type { TlsSource } from "../base/tls-facts.ts";
import type { StreamError } from "../interface/stream-error.ts";
import { rethrown, tlsError } from "./socket-errors.ts";
import type { BunStream, SocketOwner, StreamSocket } from "./stream.ts";

/** A socket of Bun's TLS engine: `node:tls` is made of the same, and Bun's types leave some of it out. */
export interface TlsSocket extends Omit<StreamSocket, "getPeerCertificate" | "upgradeTLS"> {
  /** With the chain unless `abbreviated`. */
  getPeerCertificate(abbreviated: boolean): PeerCertificate | undefined;
}

/** Why a peer's certificate is not trusted, or why the handshake failed. */
export interface VerifyError extends Error {
  readonly code?: string;
}

/** What a socket belongs to until its handshake is complete. */
export interface TlsOwner extends SocketOwner {
  /** `success`: the handshake is complete, whatever is to be said of the certificate. */
  handshaken(socket: TlsSocket, success: boolean, error: VerifyError | null | undefined): void;
  failed(error: StreamError): void;
}

/** What the engine calls; `serverName` is for servers only, `session` for clients, and `serverName` must answer at once. */
type TlsHandlers = Omit<SocketHandler<SocketOwner>, "handshake" | "open"> & {
  open(socket: TlsSocket): void;
  handshake(socket: TlsSocket, success: boolean, error: VerifyError | null | undefined): void;
  serverName?(owner: SocketOwner, name: string): unknown;
  session?(socket: TlsSocket, session: Buffer): void;
};

/** What a handshake may agree on, as the engine takes it. */
export interface Terms extends Pick<TLSOptions, "requestCert" | "rejectUnauthorized" | "serverName"> {
  /** What `createSecureContext` of `node:tls` holds. */
  readonly secureContext: unknown;
  /** RFC 7301 §3.1: each name with its length before it. */
  readonly ALPNProtocols: Uint8Array | undefined;
}

/** `upgradeTLS`, of which Bun documents a part (runtimes.md §6). */
export interface Upgradable {
  upgradeTLS(options: {
    readonly isServer?: boolean;
    /** Bytes that were read before. */
    readonly initialData?: Uint8Array | undefined;
    readonly data: SocketOwner;
    readonly tls: Terms;
    readonly socket: TlsHandlers;
  }): readonly [raw: StreamSocket, tls: StreamSocket] | undefined;
}

/** The facts of a socket of the engine, as a `TLSSocket` would tell them. */
export class EngineSource implements TlsSource {
  readonly #socket: TlsSocket;

  constructor(socket: TlsSocket) {
    this.#socket = socket;
  }

  get alpnProtocol(): string | false | null {
    return this.#socket.alpnProtocol;
  }

  get authorized(): boolean {
    return this.#socket.authorized;
  }

  getCipher(): ReturnType<TlsSource["getCipher"]> {
    return this.#socket.getCipher();
  }

  getProtocol(): string | null {
    return this.#socket.getTLSVersion();
  }

  getPeerCertificate(detailed: boolean): PeerCertificate | null {
    return this.#socket.getPeerCertificate(!detailed) ?? null;
  }
}

/** What every TLS socket does, as client and as server: what differs is in the socket's `data`. */
export const tlsHandlers: TlsHandlers = {
  // An own `open` keeps Bun from calling the one of the plain socket.
  open() {},
  data: (socket, bytes) => socket.data.arrived(bytes),
  drain: (socket) => socket.data.flush(),
  end: (socket) => socket.data.peerEnded(),
  handshake(socket, success, error) {
    const owner = socket.data as Partial<TlsOwner>;
    owner.handshaken?.(socket, success, error);
  },
  error(socket, error) {
    if (rethrown(error)) return;
    const owner = socket.data as BunStream | TlsOwner;
    owner.failed(streamError(tlsError(error), `use the connection${owner.peerText}`));
  },
  // The descriptor is that of the raw socket, which closes too.
  close(socket, error) {
    const { data: owner } = socket;
    owner.socketClosed(error ? streamError(error, `use the connection${owner.peerText}`, "read") : undefined);
  },
};

/** ALPN protocols as the engine takes them. */
export function wireForm(protocols: readonly string[] | undefined): Uint8Array | undefined {
  if (protocols === undefined) return undefined;
  return Buffer.from(protocols.map((name) => String.fromCharCode(name.length) + name).join(""), "latin1");
}
