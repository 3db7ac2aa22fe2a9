import type { ServerTls } from "./tls.ts";

export interface ListenOptions {
  /** Address to bind; undefined or empty binds all addresses (dual-stack where available). */
  readonly host?: string;
  /** 0 picks a free port. */
  readonly port?: number;
  /** Path of a unix socket, instead of host and port. */
  readonly path?: string;
  readonly reusePort?: boolean;
  /** Clients may come many at a time; a runtime that accepts them one by one may bind several sockets to the port. */
  readonly crowded?: boolean;
  readonly backlog?: number;
  readonly tls?: ServerTls;
  /**
   * Streams may be handed to `secureServer`. A runtime may have a cheaper kind of plain stream that cannot be taken
   * over by TLS; without this option `secureServer` may refuse them.
   */
  readonly takeover?: boolean;
  /**
   * One byte per character, sent to a client that is turned away because descriptors run short (a complete
   * `503` response, say) before its connection is closed; `accept` never hears of it. TLS clients are just closed.
   */
  readonly excess?: string;
}

/** A bound listener. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting; accepted streams live on. Resolves when the port is free. */
  close(): Promise<void>;
}
