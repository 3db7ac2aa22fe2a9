import { Buffer } from "node:buffer";
import type { PeerCertificate } from "node:tls";
import type { SocketHandler, TLSOptions } from "bun";
import { handshakeError, streamError } from "../base/stream-error.ts";
import { agreementOf, missingSuites } from "../base/tls-agreement.ts";
import { serverFacts, type TlsSource } from "../base/tls-facts.ts";
import { type CertificateChoice, certificateChoice } from "../base/tls-key-pairs.ts";
import { acceptAction, defaultHandshakeTimeoutMs, engineRefuses, refusalOf, refusedFor } from "../base/tls-server.ts";
import { type ByteStream, type ByteStreamHandler, type ServerTls, StreamError } from "../interface.ts";
import { rethrown, tlsError } from "./socket-errors.ts";
import { BunStream, type Released, type SocketOwner, type StreamSocket } from "./stream.ts";

/** A socket of Bun's TLS engine: `node:tls` is made of the same, and Bun's types leave some of it out. */
interface TlsSocket extends Omit<StreamSocket, "getPeerCertificate" | "upgradeTLS"> {
  /** With the chain unless `abbreviated`. */
  getPeerCertificate(abbreviated: boolean): PeerCertificate | undefined;
}

/** Why a client's certificate is not trusted, or why the handshake failed. */
interface VerifyError extends Error {
  readonly code?: string;
}

/** What the engine calls; `serverName` is for servers only, and must answer at once. */
type TlsHandlers = Omit<SocketHandler<SocketOwner>, "handshake"> & {
  handshake(socket: TlsSocket, success: boolean, error: VerifyError | null | undefined): void;
  serverName(owner: SocketOwner, name: string): unknown;
};

/** What a handshake may agree on, as the engine takes it. */
interface Terms extends Pick<TLSOptions, "requestCert" | "rejectUnauthorized"> {
  /** What `createSecureContext` of `node:tls` holds. */
  readonly secureContext: unknown;
  /** RFC 7301 §3.1: each name with its length before it. */
  readonly ALPNProtocols: Uint8Array | undefined;
}

/** The server's side of `upgradeTLS`, of which Bun documents the client's (runtimes.md §6). */
interface Upgradable {
  upgradeTLS(options: {
    readonly isServer: true;
    /** Bytes that were read before. */
    readonly initialData: Uint8Array | undefined;
    readonly data: SocketOwner;
    readonly tls: Terms;
    readonly socket: TlsHandlers;
  }): readonly [raw: StreamSocket, tls: StreamSocket] | undefined;
}

/** Hears how a handshake ends. */
interface HandshakeEnd {
  secured(stream: BunStream): void;
  failed(error: StreamError): void;
}

/** A handshake under way: what its socket belongs to until it is complete. */
class Handshake implements SocketOwner {
  readonly peerText = "";
  readonly acceptor: BunTlsAcceptor;
  readonly #released: Released;
  readonly #end: HandshakeEnd;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #settled = false;
  /** What the engine writes to. */
  #raw: StreamSocket | undefined = undefined;

  constructor(acceptor: BunTlsAcceptor, released: Released, end: HandshakeEnd) {
    this.acceptor = acceptor;
    this.#released = released;
    this.#end = end;
  }

  /** The engine has taken the first bytes; it may have failed already. */
  begun(raw: StreamSocket, socket: StreamSocket): void {
    if (this.#settled) return;
    this.#raw = raw;
    const { handshakeTimeoutMs = defaultHandshakeTimeoutMs } = this.acceptor.tls;
    this.#timer = setTimeout(() => socket.close(), handshakeTimeoutMs);
  }

  complete(socket: TlsSocket, refusal: string | undefined): void {
    if (this.#settled) return;
    const { unix, peer } = this.#released;
    const asked = this.acceptor.tls.clientCertificates !== "none";
    const source = new EngineSource(socket);
    const facts = serverFacts(source, socket.getServername() ?? "", asked);
    const turnedAway = refusalOf(this.acceptor.tls, facts, peer.address, () => refusedFor(refusal, source));
    if (turnedAway !== undefined) {
      if (turnedAway.alert !== undefined) this.#raw?.write(turnedAway.alert);
      this.failed(turnedAway.error);
      socket.close();
      return;
    }
    this.#settle();
    const stream = new BunStream(socket as unknown as StreamSocket, unix, facts, peer);
    socket.data = stream;
    this.#end.secured(stream);
  }

  failed(error: StreamError): void {
    if (this.#settled) return;
    this.#settle();
    this.#end.failed(error);
  }

  /** The socket is closed before anything else was heard. */
  socketClosed(cause: StreamError | undefined): void {
    this.failed(cause ?? closedEarly());
  }

  #settle(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
  }

  // Bytes come after the handshake only.
  arrived(): void {}
  flush(): void {}
  peerEnded(): void {}
}

function closedEarly(cause?: unknown): StreamError {
  return handshakeError(Object.assign(new Error("closed", { cause }), { code: "ECONNRESET" }), acceptAction);
}

/** The facts of a socket of the engine, as a `TLSSocket` would tell them. */
class EngineSource implements TlsSource {
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

/** One set of functions for all TLS sockets: what differs is in the socket's `data`. */
const handlers: TlsHandlers = {
  // An own `open` keeps Bun from calling the one of the listener.
  open() {},
  data: (socket, bytes) => socket.data.arrived(bytes),
  drain: (socket) => socket.data.flush(),
  end: (socket) => socket.data.peerEnded(),
  serverName: (owner, name) => (owner as Handshake).acceptor.contextFor(name),
  handshake(socket, success, error) {
    const owner = socket.data;
    if (!(owner instanceof Handshake)) return;
    if (success) owner.complete(socket, error?.code);
    else owner.failed(error ? handshakeError(tlsError(error), acceptAction) : closedEarly());
  },
  error(socket, error) {
    if (rethrown(error)) return;
    const { data: owner } = socket;
    const cause = streamError(tlsError(error), `use the connection${owner.peerText}`);
    if (owner instanceof BunStream || owner instanceof Handshake) owner.failed(cause);
  },
  // The descriptor is that of the raw socket, which closes too.
  close(socket, error) {
    const { data: owner } = socket;
    owner.socketClosed(error ? streamError(error, `use the connection${owner.peerText}`, "read") : undefined);
  },
};

function wireForm(protocols: readonly string[] | undefined): Uint8Array | undefined {
  if (protocols === undefined) return undefined;
  return Buffer.from(protocols.map((name) => String.fromCharCode(name.length) + name).join(""), "latin1");
}

/**
 * TLS handshakes as a server by Bun's own engine. `node:tls` on Bun runs on the same engine and the same contexts, so
 * that everything it does holds here; what is left out is its stream, a third of the cost of a small request.
 */
class BunTlsAcceptor {
  readonly tls: ServerTls;
  readonly #choice: CertificateChoice;
  readonly #terms: Terms;

  /** @throws Error when a certificate and its key do not fit. */
  constructor(tls: ServerTls) {
    this.tls = tls;
    const asked = tls.clientCertificates !== "none";
    const authorities = asked ? tls.clientAuthorities : undefined;
    this.#choice = certificateChoice(tls.keyPairs, authorities, agreementOf(tls));
    this.#terms = {
      secureContext: this.contextFor(""),
      ALPNProtocols: wireForm(tls.alpn),
      requestCert: asked,
      rejectUnauthorized: engineRefuses(tls),
    };
  }

  contextFor(serverName: string): unknown {
    // Not documented, but what `node:tls` hands to the engine itself.
    return this.#choice.find(serverName).context;
  }

  /** Starts the handshake on an accepted stream, `already` being bytes that were read before. */
  accept(stream: BunStream, already: Uint8Array, end: HandshakeEnd): void {
    const released = stream.release();
    const { held } = released;
    const bytes = held.length === 0 ? already : Buffer.concat([already, ...held]);
    const handshake = new Handshake(this, released, end);
    let upgraded: ReturnType<Upgradable["upgradeTLS"]>;
    try {
      upgraded = (released.socket as unknown as Upgradable).upgradeTLS({
        isServer: true,
        initialData: bytes.length === 0 ? undefined : bytes,
        data: handshake,
        tls: this.#terms,
        socket: handlers,
      });
    } catch (error) {
      // The client is gone: only an established connection can be taken over.
      handshake.failed(closedEarly(error));
      return;
    }
    if (upgraded !== undefined) handshake.begun(...upgraded);
    else handshake.failed(closedEarly());
  }
}

const acceptors = new WeakMap<ServerTls, BunTlsAcceptor>();

/**
 * What handshakes with that object need, worked out once.
 * @throws Error when a certificate and its key do not fit.
 */
export function bunAcceptorFor(tls: ServerTls): BunTlsAcceptor {
  let acceptor = acceptors.get(tls);
  if (acceptor === undefined) {
    acceptor = new BunTlsAcceptor(tls);
    acceptors.set(tls, acceptor);
  }
  return acceptor;
}

/** `Runtime.prepareServerTls`. */
export function prepareServerBun(tls: ServerTls): readonly string[] {
  bunAcceptorFor(tls);
  return missingSuites(tls);
}

/** `Runtime.secureServer`: the old stream's handler hears nothing more. */
export async function secureServerBun(
  stream: ByteStream,
  already: Uint8Array,
  tls: ServerTls,
  handler: ByteStreamHandler,
): Promise<ByteStream> {
  const acceptor = bunAcceptorFor(tls);
  if (!(stream instanceof BunStream) || stream.tls !== undefined) {
    throw new StreamError("other", "start TLS: this stream cannot be taken over");
  }
  return await new Promise<ByteStream>((resolve, reject) => {
    const secured = (secure: BunStream): void => {
      secure.handler = handler;
      resolve(secure);
    };
    acceptor.accept(stream, already, { secured, failed: reject });
  });
}
