import type { Buffer } from "node:buffer";
import { isIP } from "node:net";
import { showAddress } from "../base/address.ts";
import { defaultHandshakeTimeoutMs, ServerTrust } from "../base/server-trust.ts";
import { handshakeError } from "../base/stream-error.ts";
import { SocketTlsFacts } from "../base/tls-facts.ts";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import { StreamError } from "../interface/stream-error.ts";
import type { ClientTls } from "../interface/tls.ts";
import { Handshake, type HandshakeEnd } from "./handshake.ts";
import { tlsError } from "./socket-errors.ts";
import type { BunStream, Released, StreamSocket } from "./stream.ts";
import {
  EngineSource,
  type TlsSocket,
  tlsHandlers,
  type Upgradable,
  type VerifyError,
  wireForm,
} from "./tls-engine.ts";

/** Servers may hand out sessions as long as the connection lives. */
const trusts = new WeakMap<object, ServerTrust>();

class ClientHandshake extends Handshake {
  readonly trust: ServerTrust;
  readonly #serverName: string;
  readonly #action: string;

  constructor(trust: ServerTrust, serverName: string, action: string, released: Released, end: HandshakeEnd) {
    super(released, end);
    this.trust = trust;
    this.#serverName = serverName;
    this.#action = action;
  }

  /** The engine has begun; it may have failed already. */
  begun(socket: StreamSocket, timeoutMs: number): void {
    if (this.settled) return;
    this.limit(timeoutMs, () => {
      this.failed(new StreamError("timed-out", `${this.#action}: the TLS handshake took too long`));
      socket.close();
    });
  }

  handshaken(socket: TlsSocket, success: boolean, error: VerifyError | null | undefined): void {
    if (this.settled) return;
    if (!success && !isVerdict(error)) {
      this.failed(error ? handshakeError(tlsError(error), this.#action) : this.closedEarly());
      return;
    }
    const source = new ClientSource(socket, error);
    const refusal = this.trust.refusal(source);
    if (refusal !== undefined) {
      this.failed(refusal);
      socket.close();
      return;
    }
    this.secured(socket, new SocketTlsFacts(source, this.#serverName, source.authorized));
  }

  override failed(error: StreamError): void {
    if (!this.settled) this.trust.failed();
    super.failed(error);
  }

  protected closedEarly(): StreamError {
    return new StreamError("ended", `${this.#action}: the peer closed the connection`);
  }
}

/** The handshake is complete, and the engine, which checks names too, finds the certificate wanting. */
function isVerdict(error: VerifyError | null | undefined): boolean {
  const code = error?.code ?? "ECONNRESET";
  return code !== "ECONNRESET" && code !== "EPROTO" && !code.startsWith("ERR_SSL_") && !code.startsWith("ERR_OSSL_");
}

/** What `ServerTrust` asks of a socket. */
class ClientSource extends EngineSource {
  readonly authorizationError: Error;
  readonly #socket: TlsSocket;

  constructor(socket: TlsSocket, error: VerifyError | null | undefined) {
    super(socket);
    this.#socket = socket;
    this.authorizationError = error as Error;
  }

  /** The chain alone: the engine finds fault with the name only of a certificate that is good otherwise. */
  override get authorized(): boolean {
    return !this.authorizationError || (this.authorizationError as VerifyError).code === "ERR_TLS_CERT_ALTNAME_INVALID";
  }

  isSessionReused(): boolean {
    return this.#socket.isSessionReused();
  }
}

const clientHandlers = {
  ...tlsHandlers,
  open(socket: TlsSocket): void {
    const { offered } = (socket.data as ClientHandshake).trust;
    if (offered !== undefined) socket.setSession(offered);
  },
  session(socket: TlsSocket, session: Buffer): void {
    const { data: owner } = socket;
    const trust = owner instanceof ClientHandshake ? owner.trust : trusts.get(socket);
    trust?.session(session);
  },
};

/** Starts TLS as a client, by Bun's own engine, on a connected stream that nobody has read from since. */
export function handshakeAsClientBun(stream: BunStream, tls: ClientTls, action: string, end: HandshakeEnd): void {
  const released = stream.release();
  let trust: ServerTrust;
  try {
    trust = new ServerTrust(tls, `${released.peer.address} ${released.peer.port}`, action);
  } catch (error) {
    released.socket.close();
    end.failed(error as StreamError);
    return;
  }
  const serverName = isIP(tls.serverName) === 0 ? tls.serverName : "";
  const handshake = new ClientHandshake(trust, serverName, action, released, end);
  let upgraded: ReturnType<Upgradable["upgradeTLS"]>;
  try {
    upgraded = (released.socket as unknown as Upgradable).upgradeTLS({
      data: handshake,
      tls: {
        // Not documented, but what `node:tls` hands to the engine itself.
        secureContext: trust.secureContext.context,
        serverName,
        ALPNProtocols: wireForm(tls.alpn),
        // `trust` decides.
        rejectUnauthorized: false,
      },
      socket: clientHandlers,
    });
  } catch {
    // The server is gone: only an established connection can be taken over.
  }
  if (upgraded === undefined) handshake.socketClosed(undefined);
  else {
    trusts.set(upgraded[1], trust);
    handshake.begun(upgraded[1], tls.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs);
  }
}

/** `Runtime.secureClient` for streams of `connectBun`: the old stream's handler hears nothing more. */
export async function secureClientBun(
  stream: BunStream,
  tls: ClientTls,
  handler: ByteStreamHandler,
): Promise<ByteStream> {
  const action = `start TLS with ${showAddress({ host: stream.remoteAddress, port: stream.remotePort })}`;
  return await new Promise<ByteStream>((resolve, reject) => {
    const secured = (secure: BunStream): void => {
      secure.handler = handler;
      resolve(secure);
    };
    handshakeAsClientBun(stream, tls, action, { secured, failed: reject });
  });
}
