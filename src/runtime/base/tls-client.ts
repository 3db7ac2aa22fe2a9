import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { isIP } from "node:net";
import { connect, createSecureContext, type SecureContext } from "node:tls";
import { type ClientTls, StreamError } from "../interface.ts";
import { NetStream } from "./net-stream.ts";
import { leafOf, objection } from "./server-certificate.ts";
import { handshakeError } from "./stream-error.ts";
import { systemAuthorities } from "./system-authorities.ts";
import { agreementOf } from "./tls-agreement.ts";
import { SocketTlsFacts } from "./tls-facts.ts";
import { checkKeyPair } from "./tls-key-pairs.ts";
import type { HandshakeEnd, MakeGate } from "./tls-server.ts";
import { offeredUntil, TlsSessions } from "./tls-sessions.ts";

const defaultHandshakeTimeoutMs = 10_000;
const nothing = {};
const contexts = new WeakMap<object, WeakMap<object, Map<string, ClientContext>>>();

/** What connections of one configuration share: its certificates, and the sessions of the servers they were used with. */
interface ClientContext {
  readonly secureContext: SecureContext;
  readonly sessions: TlsSessions;
}

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
function contextFor(tls: ClientTls): ClientContext {
  const byPair = kept(contexts, tls.authorities ?? nothing, () => new WeakMap<object, Map<string, ClientContext>>());
  const byWish = kept(byPair, tls.keyPair ?? nothing, () => new Map<string, ClientContext>());
  const wish = `${tls.trustSystem} ${tls.minVersion} ${tls.maxVersion} ${tls.ciphers?.join(":")}`;
  return kept(byWish, wish, () => ({ secureContext: createContext(tls), sessions: new TlsSessions() }));
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
  let context: ClientContext;
  try {
    context = contextFor(tls);
  } catch (error) {
    socket.destroy();
    const reason = error instanceof Error ? error.message : String(error);
    end.failed(new StreamError("tls-other", `${action}: ${reason}`, { cause: error }));
    return;
  }
  const gated = makeGate?.(socket);
  let over = false;
  let timedOut = false;
  const { secureContext, sessions } = context;
  const verify = tls.verify ?? true;
  const server = `${socket.remoteAddress} ${socket.remotePort} ${tls.serverName} ${tls.alpn}`;
  const known = verify ? sessions.of(server) : undefined;
  const secure = connect({
    socket: (gated?.duplex ?? socket) as Socket,
    secureContext,
    ...(known === undefined ? {} : { session: known.session }),
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
    if (known !== undefined) sessions.forget(server);
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
  // Sessions count once the certificate was found good.
  let until = 0;
  let early: Buffer | undefined;
  if (verify) {
    secure.on("session", (session: Buffer) => {
      if (until > 0) sessions.keep(server, { session, until });
      else early = session;
    });
  }
  secure.once("secureConnect", () => {
    // Its certificate was checked when the session began; Node does not show it again.
    const resumed = known !== undefined && secure.isSessionReused();
    if (!verify || resumed) {
      until = known?.until ?? 0;
      finish(undefined);
      return;
    }
    const leaf = leafOf(secure);
    const refusal = objection(secure, leaf, tls.serverName, action);
    if (refusal === undefined) {
      until = offeredUntil(leaf.valid_to);
      if (early !== undefined) sessions.keep(server, { session: early, until });
    }
    finish(refusal);
  });
}

function ignored(): void {}
