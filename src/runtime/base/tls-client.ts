import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { isIP } from "node:net";
import { connect } from "node:tls";
import { StreamError } from "../interface/stream-error.ts";
import type { ClientTls } from "../interface/tls.ts";
import { defaultHandshakeTimeoutMs, ServerTrust } from "./server-trust.ts";
import { handshakeError } from "./stream-error.ts";
import { TimeLimit } from "./time-limit.ts";
import { SocketTlsFacts } from "./tls-facts.ts";
import { tlsStream } from "./tls-handle-stream.ts";
import type { HandshakeEnd, MakeGate } from "./tls-server.ts";

/** Starts TLS as a client on a connected socket that nobody else reads from. */
export function handshakeAsClient(
  socket: Socket,
  tls: ClientTls,
  action: string,
  makeGate: MakeGate | undefined,
  end: HandshakeEnd,
): void {
  socket.on("error", ignored);
  let trust: ServerTrust;
  try {
    trust = new ServerTrust(tls, `${socket.remoteAddress} ${socket.remotePort}`, action);
  } catch (error) {
    socket.destroy();
    end.failed(error as StreamError);
    return;
  }
  const gated = makeGate?.(socket);
  let over = false;
  let timedOut = false;
  const { secureContext, offered } = trust;
  const secure = connect({
    socket: (gated?.duplex ?? socket) as Socket,
    secureContext,
    ...(offered === undefined ? {} : { session: offered }),
    ...(isIP(tls.serverName) === 0 && tls.serverName !== "" ? { servername: tls.serverName } : {}),
    ...(tls.alpn === undefined ? {} : { ALPNProtocols: [...tls.alpn] }),
    // `trust` decides; `authorized` is to speak of the chain alone.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  const finish = (error: StreamError | undefined): void => {
    if (over) return;
    over = true;
    limit.cancel();
    secure.off("error", onError);
    if (error === undefined) {
      const facts = new SocketTlsFacts(secure, isIP(tls.serverName) === 0 ? tls.serverName : "", secure.authorized);
      end.secured(tlsStream(secure, facts, gated ?? { socket }));
      return;
    }
    trust.failed();
    secure.on("error", ignored);
    secure.destroy();
    socket.destroy();
    end.failed(error);
  };
  const onError = (error: Error): void => finish(handshakeError(error, action));
  const limit = new TimeLimit(tls.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs, () => {
    timedOut = true;
    finish(new StreamError("timed-out", `${action}: the TLS handshake took too long`));
  });
  secure.on("error", onError);
  socket.once("close", () => {
    // Give the TLS socket's own, better error the time to arrive.
    if (!timedOut) setImmediate(() => finish(new StreamError("ended", `${action}: the peer closed the connection`)));
  });
  if (trust.verifies) secure.on("session", (session: Buffer) => trust.session(session));
  secure.once("secureConnect", () => finish(trust.refusal(secure)));
}

function ignored(): void {}
