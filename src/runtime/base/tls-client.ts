import type { Socket } from "node:net";
import { isIP } from "node:net";
import { connect, createSecureContext, type SecureContext } from "node:tls";
import { type ClientTls, StreamError } from "../interface.ts";
import { NetStream } from "./net-stream.ts";
import { objection } from "./server-certificate.ts";
import { handshakeError } from "./stream-error.ts";
import { systemAuthorities } from "./system-authorities.ts";
import { agreementOf } from "./tls-agreement.ts";
import { SocketTlsFacts } from "./tls-facts.ts";
import { checkKeyPair } from "./tls-key-pairs.ts";
import type { HandshakeEnd, MakeGate } from "./tls-server.ts";

const defaultHandshakeTimeoutMs = 10_000;
const nothing = {};
const contexts = new WeakMap<object, WeakMap<object, Map<string, SecureContext>>>();

/** The value of `key`, made when it is not there. */
function kept<K, V>(map: { get(key: K): V | undefined; set(key: K, value: V): unknown }, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function createContext(tls: ClientTls): SecureContext {
  const { authorities, trustSystem, keyPair, ciphers, minVersion = "TLSv1.2", maxVersion = "TLSv1.3" } = tls;
  if (keyPair !== undefined) checkKeyPair(keyPair, 1);
  const system = authorities === undefined || trustSystem === true ? systemAuthorities() : [];
  return createSecureContext({
    ca: [...system, ...(authorities ?? [])],
    ...(keyPair === undefined ? {} : { cert: keyPair.certificate, key: keyPair.key }),
    ...agreementOf({ minVersion, maxVersion, ...(ciphers === undefined ? {} : { ciphers }) }),
    // Whatever is among the authorities is trusted, intermediates too.
    allowPartialTrustChain: true,
  });
}

/** Parsing authorities and keys costs more than a handshake: contexts are kept for as long as their parts live. */
function contextFor(tls: ClientTls): SecureContext {
  const byPair = kept(contexts, tls.authorities ?? nothing, () => new WeakMap<object, Map<string, SecureContext>>());
  const byWish = kept(byPair, tls.keyPair ?? nothing, () => new Map<string, SecureContext>());
  const wish = `${tls.trustSystem} ${tls.minVersion} ${tls.maxVersion} ${tls.ciphers?.join(":")}`;
  return kept(byWish, wish, () => createContext(tls));
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
    secureContext = contextFor(tls);
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
