import type { ClientTls } from "./tls.ts";

/** How long the steps of a dial took, in milliseconds; the runtime fills in those it took and can tell apart. */
export interface DialTimes {
  dnsMs: number;
  dialMs: number;
  tlsMs: number;
}

export interface ConnectOptions {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  /**
   * Name resolution and TCP connect together, in milliseconds; undefined: the kernel's. A name's addresses are tried in
   * order, and share the time.
   */
  readonly timeoutMs?: number;
  /** TCP keep-alive idle time and interval in milliseconds; undefined: off. */
  readonly keepAliveMs?: number;
  /** IP version of a name's address; undefined: either. */
  readonly family?: 4 | 6;
  readonly tls?: ClientTls;
  /** Bytes that go out first, before TLS (PROXY protocol). */
  readonly preamble?: Uint8Array | undefined;
  /** The stream may be handed to `secureClient`; see `ListenOptions.takeover`. */
  readonly takeover?: boolean;
  /**
   * Which addresses may be dialled. A name is resolved once, and the very address that was let through is dialled; when
   * there is none, the dial rejects with `not-admitted`. Default: any.
   */
  readonly admits?: (address: string) => boolean;
  /** Where the times of the steps go, of a dial that fails too. */
  readonly times?: DialTimes;
}
