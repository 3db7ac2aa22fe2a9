import type { Buffer } from "node:buffer";

/** Servers whose sessions are kept, of each TLS context: the most recently met. A session takes 1 to 3 KB. */
const serversMost = 1000;

/**
 * How long after a full handshake sessions are offered, in milliseconds: as long, a server that replaces its certificate
 * but not its ticket keys is not asked for the new one.
 */
const offeredMs = 3600_000;

/** A session, and until when it is offered, in milliseconds since the epoch. */
export interface TlsSession {
  readonly session: Buffer;
  readonly until: number;
}

/** Until when sessions are offered that begin now with a certificate valid to that date. */
export function offeredUntil(validTo: string): number {
  return Math.min(Date.parse(validTo), Date.now() + offeredMs);
}

/**
 * Sessions of the TLS servers that one client context has met, so that the next connection to the same one needs no full
 * handshake (RFC 8446 §2.2, RFC 5077). A resumed session shows no certificate: only sessions are to be kept whose
 * certificate was found good for that very name, and no longer than the certificate is valid.
 */
export class TlsSessions {
  private readonly kept = new Map<string, TlsSession>();

  /** The newest session of a server; undefined: none that still counts. */
  of(server: string): TlsSession | undefined {
    const found = this.kept.get(server);
    if (found === undefined || found.until > Date.now()) return found;
    this.kept.delete(server);
    return undefined;
  }

  keep(server: string, session: TlsSession): void {
    // The server met last stands last.
    this.kept.delete(server);
    this.kept.set(server, session);
    if (this.kept.size > serversMost) this.forget(this.kept.keys().next().value!);
  }

  /** A connection that was offered the session failed: the next one does without. */
  forget(server: string): void {
    this.kept.delete(server);
  }
}
