import type { Buffer } from "node:buffer";
import { createSecureContext, type SecureContext } from "node:tls";
import { StreamError } from "../interface/stream-error.ts";
import type { ClientTls } from "../interface/tls.ts";
import { leafOf, objection, type ShownCertificate } from "./server-certificate.ts";
import { systemAuthorities } from "./system-authorities.ts";
import { agreementOf } from "./tls-agreement.ts";
import { checkKeyPair } from "./tls-key-pairs.ts";
import { offeredUntil, type TlsSession, TlsSessions } from "./tls-sessions.ts";

/** Milliseconds that a handshake as a client may take where nothing is said. */
export const defaultHandshakeTimeoutMs = 10_000;

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

/**
 * One handshake as a client: what it offers, whether the server that answers is let in, and which session is kept of it.
 * The engine itself is told to let everybody in: reasons are told in the order of the reference (`objection`).
 */
export class ServerTrust {
  readonly secureContext: SecureContext;
  private readonly sessions: TlsSessions;
  private readonly tls: ClientTls;
  private readonly server: string;
  private readonly action: string;
  private readonly known: TlsSession | undefined;
  /** Sessions count once the certificate was found good. */
  private until = 0;
  private early: Buffer | undefined;

  /** @throws StreamError when the client's own certificate and key are of no use. */
  constructor(tls: ClientTls, address: string, action: string) {
    let context: ClientContext;
    try {
      context = contextFor(tls);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StreamError("tls-other", `${action}: ${reason}`, { cause: error });
    }
    this.secureContext = context.secureContext;
    this.sessions = context.sessions;
    this.tls = tls;
    this.action = action;
    this.server = `${address} ${tls.serverName} ${tls.alpn}`;
    this.known = this.verifies ? this.sessions.of(this.server) : undefined;
  }

  /** The server's certificate matters. */
  get verifies(): boolean {
    return this.tls.verify ?? true;
  }

  /** The session to offer. */
  get offered(): Buffer | undefined {
    return this.known?.session;
  }

  /** The engine hands out a session, in the handshake or later. */
  session(session: Buffer): void {
    if (!this.verifies) return;
    if (this.until > 0) this.sessions.keep(this.server, { session, until: this.until });
    else this.early = session;
  }

  /** The handshake is complete: why the server is not let in; undefined: it is. */
  refusal(socket: ShownCertificate & { isSessionReused(): boolean }): StreamError | undefined {
    // Its certificate was checked when the session began; Node does not show it again.
    const resumed = this.known !== undefined && socket.isSessionReused();
    if (!this.verifies || resumed) {
      this.until = this.known?.until ?? 0;
      return undefined;
    }
    const leaf = leafOf(socket);
    const refusal = objection(socket, leaf, this.tls.serverName, this.action);
    if (refusal === undefined) {
      this.until = offeredUntil(leaf.valid_to);
      if (this.early !== undefined) this.session(this.early);
    }
    return refusal;
  }

  /** The connection came to nothing. */
  failed(): void {
    if (this.known !== undefined) this.sessions.forget(this.server);
  }
}
