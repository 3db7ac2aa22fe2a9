import type { StreamError } from "./stream-error.ts";
import type { TlsFacts } from "./tls.ts";

/** What a byte stream tells its owner. Calls come one at a time, never from inside a call into the stream itself. */
export interface ByteStreamHandler {
  /** Bytes arrived. They belong to the handler. Never called while paused (bytes already read are held back). */
  data(bytes: Uint8Array): void;
  /** After a `write` returned false: everything was taken, go on. */
  drained(): void;
  /**
   * The peer sent FIN: no more data; writing is still possible. At most once, before `closed`, and never before data
   * that is held back; it may come while paused when nothing is held back.
   */
  ended(): void;
  /** The last call, exactly once: both directions are over. `cause` is undefined after an orderly end. */
  closed(cause: StreamError | undefined): void;
}

/**
 * A full-duplex byte stream: TCP, unix socket or TLS. Half-open is allowed: a peer's FIN does not end our side.
 * `TCP_NODELAY` is always on.
 */
export interface ByteStream {
  /** Who is told. May be replaced at any time (connection hand-over); what follows goes to the new one. */
  handler: ByteStreamHandler;
  /** Peer IP without brackets and zone, IPv4-mapped IPv6 shown as IPv4; empty for unix sockets. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** TLS facts, or undefined on a plain stream. */
  readonly tls: TlsFacts | undefined;
  /** Bytes accepted by `write` that the kernel has not taken yet. */
  readonly pending: number;
  /** Sends bytes. False: more than 64 KiB are pending, wait for `drained` (the bytes were taken all the same). */
  write(bytes: Uint8Array): boolean;
  /**
   * Sends text, one byte per character (code points 0-255), directly followed by `bytes` from index `from` (0) on, in one
   * system call when small.
   */
  writeText(text: string, bytes?: Uint8Array, from?: number): boolean;
  /**
   * Stops reading; the peer feels it once the kernel's buffers are full. Until the next bytes arrive (one chunk is
   * read and held back) a paused stream still learns of the peer's FIN and RST.
   */
  pause(): void;
  resume(): void;
  /** Half-close: FIN after everything pending; the peer may go on sending. */
  end(): void;
  /** The same for a peer that has nothing more to say: behind what is pending, both directions close; `closed` follows. */
  finish(): void;
  /** Closes both directions at once, dropping what is pending; `closed` follows, and nothing else. */
  destroy(): void;
  /** Like `destroy`, but with RST where the runtime can. */
  reset(): void;
}
