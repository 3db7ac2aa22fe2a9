import { Buffer } from "node:buffer";
import { handshakeError } from "../base/stream-error.ts";
import { agreementOf, missingSuites } from "../base/tls-agreement.ts";
import { serverFacts } from "../base/tls-facts.ts";
import { type CertificateChoice, certificateChoice } from "../base/tls-key-pairs.ts";
import { acceptAction, defaultHandshakeTimeoutMs, engineRefuses, refusalOf, refusedFor } from "../base/tls-server.ts";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import { StreamError } from "../interface/stream-error.ts";
import type { ServerTls } from "../interface/tls.ts";
import { Handshake, type HandshakeEnd } from "./handshake.ts";
import { tlsError } from "./socket-errors.ts";
import { BunStream, type Released, type StreamSocket } from "./stream.ts";
import {
  EngineSource,
  type Terms,
  type TlsSocket,
  tlsHandlers,
  type Upgradable,
  type VerifyError,
  wireForm,
} from "./tls-engine.ts";

class ServerHandshake extends Handshake {
  readonly acceptor: BunTlsAcceptor;
  /** What the engine writes to. */
  #raw: StreamSocket | undefined = undefined;

  constructor(acceptor: BunTlsAcceptor, released: Released, end: HandshakeEnd) {
    super(released, end);
    this.acceptor = acceptor;
  }

  /** The engine has taken the first bytes; it may have failed already. */
  begun(raw: StreamSocket, socket: StreamSocket): void {
    if (this.settled) return;
    this.#raw = raw;
    const { handshakeTimeoutMs = defaultHandshakeTimeoutMs } = this.acceptor.tls;
    this.limit(handshakeTimeoutMs, () => socket.close());
  }

  handshaken(socket: TlsSocket, success: boolean, error: VerifyError | null | undefined): void {
    if (this.settled) return;
    if (!success) {
      this.failed(error ? handshakeError(tlsError(error), acceptAction) : closedEarly());
      return;
    }
    const asked = this.acceptor.tls.clientCertificates !== "none";
    const source = new EngineSource(socket);
    const facts = serverFacts(source, socket.getServername() ?? "", asked);
    const turnedAway = refusalOf(this.acceptor.tls, facts, this.released.peer.address, () =>
      refusedFor(error?.code, source),
    );
    if (turnedAway !== undefined) {
      if (turnedAway.alert !== undefined) this.#raw?.write(turnedAway.alert);
      this.failed(turnedAway.error);
      socket.close();
      return;
    }
    this.secured(socket, facts);
  }

  protected closedEarly(): StreamError {
    return closedEarly();
  }
}

function closedEarly(cause?: unknown): StreamError {
  return handshakeError(Object.assign(new Error("closed", { cause }), { code: "ECONNRESET" }), acceptAction);
}

const serverHandlers = {
  ...tlsHandlers,
  serverName: (owner: unknown, name: string) => (owner as ServerHandshake).acceptor.contextFor(name),
};

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
    const handshake = new ServerHandshake(this, released, end);
    let upgraded: ReturnType<Upgradable["upgradeTLS"]>;
    try {
      upgraded = (released.socket as unknown as Upgradable).upgradeTLS({
        isServer: true,
        initialData: bytes.length === 0 ? undefined : bytes,
        data: handshake,
        tls: this.#terms,
        socket: serverHandlers,
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
