import type { Socket } from "node:net";
import { isIP } from "node:net";
import { checkServerIdentity, connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import { type ClientTls, type KeyPair, StreamError } from "../interface.ts";
import { NetStream } from "./net-stream.ts";
import { handshakeError } from "./stream-error.ts";
import { isOutOfDate, SocketTlsFacts } from "./tls-facts.ts";
import { checkKeyPair } from "./tls-key-pairs.ts";
import type { HandshakeEnd, MakeGate } from "./tls-server.ts";

const defaultHandshakeTimeoutMs = 10_000;
const nothing = {};
const contexts = new WeakMap<object, WeakMap<object, SecureContext>>();

/** Parsing authorities and keys costs more than a handshake: contexts are kept for as long as their parts live. */
function contextFor(authorities: readonly string[] | undefined, pair: KeyPair | undefined): SecureContext {
  let byPair = contexts.get(authorities ?? nothing);
  if (byPair === undefined) {
    byPair = new WeakMap();
    contexts.set(authorities ?? nothing, byPair);
  }
  let context = byPair.get(pair ?? nothing);
  if (context === undefined) {
    if (pair !== undefined) checkKeyPair(pair, 1);
    context = createSecureContext({
      ...(authorities === undefined ? {} : { ca: [...authorities] }),
      ...(pair === undefined ? {} : { cert: pair.certificate, key: pair.key }),
    });
    byPair.set(pair ?? nothing, context);
  }
  return context;
}

/**
 * Why the server's certificate is not acceptable, or undefined. The name is looked at first: a certificate that is both
 * untrusted and misnamed counts as misnamed (data-plane §2.3).
 */
function objection(socket: TLSSocket, serverName: string, action: string): StreamError | undefined {
  const leaf = socket.getPeerCertificate();
  const misnamed = checkServerIdentity(serverName, leaf);
  if (misnamed !== undefined) {
    return new StreamError("tls-name", `${action}: ${misnamed.message}`, { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  }
  if (socket.authorized) return undefined;
  const given = socket.authorizationError as unknown as string | { code?: string; message?: string } | null;
  const code = typeof given === "string" ? given : (given?.code ?? "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  const dated = isOutOfDate(leaf) || code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID";
  const reason = dated
    ? `the certificate is valid from ${leaf.valid_from} to ${leaf.valid_to} only`
    : `the certificate is not trusted (${code})`;
  return new StreamError(dated ? "tls-expired" : "tls-untrusted", `${action}: ${reason}`, { code });
}

/** Starts TLS as a client on a connected socket that nobody else reads from. */
export function handshakeAsClient(
  socket: Socket,
  tls: ClientTls,
  action: string,
  makeGate: MakeGate | undefined,
  end: HandshakeEnd,
): void {
  socket.on("error", ignored);
  let secureContext: SecureContext;
  try {
    secureContext = contextFor(tls.authorities, tls.keyPair);
  } catch (error) {
    socket.destroy();
    const reason = error instanceof Error ? error.message : String(error);
    end.failed(new StreamError("tls-other", `${action}: ${reason}`, { cause: error }));
    return;
  }
  const gated = makeGate?.(socket);
  let over = false;
  let timedOut = false;
  const secure = connect({
    socket: (gated?.duplex ?? socket) as Socket,
    secureContext,
    ...(isIP(tls.serverName) === 0 && tls.serverName !== "" ? { servername: tls.serverName } : {}),
    ...(tls.alpn === undefined ? {} : { ALPNProtocols: [...tls.alpn] }),
    // Checked by `objection`, in the order of the reference; `authorized` is to speak of the chain alone.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  const finish = (error: StreamError | undefined): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    secure.off("error", onError);
    if (error === undefined) {
      const facts = new SocketTlsFacts(secure, isIP(tls.serverName) === 0 ? tls.serverName : "", secure.authorized);
      end.secured(new NetStream(secure, facts, gated ?? { socket }));
      return;
    }
    secure.on("error", ignored);
    secure.destroy();
    socket.destroy();
    end.failed(error);
  };
  const onError = (error: Error): void => finish(handshakeError(error, action));
  const timer = setTimeout(() => {
    timedOut = true;
    finish(new StreamError("timed-out", `${action}: the TLS handshake took too long`));
  }, tls.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs);
  secure.on("error", onError);
  socket.once("close", () => {
    // Give the TLS socket's own, better error the time to arrive.
    if (!timedOut) setImmediate(() => finish(new StreamError("ended", `${action}: the peer closed the connection`)));
  });
  secure.once("secureConnect", () => {
    finish(tls.verify === false ? undefined : objection(secure, tls.serverName, action));
  });
}

function ignored(): void {}
