import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import type { StreamError } from "../interface/stream-error.ts";
import type { TlsFacts } from "../interface/tls.ts";
import { deliver, type Sender } from "./outbox.ts";

/** Hears nothing: the handler of a stream between its creation and its owner. */
const silent: ByteStreamHandler = { data() {}, drained() {}, ended() {}, closed() {} };

/** More pending bytes than this make `write` return false. */
export const pendingLimit = 64 * 1024;

/**
 * The order in which a stream tells its handler things, the same on every runtime: data held back while paused, `ended` after
 * the last data, `closed` once and last. Subclasses report what their socket does by `arrived`, `peerEnded` and `gone`.
 * And the order of what is written: an end of any kind comes behind the message that waits in the outbox.
 *
 * `pause` is lazy: the socket goes on reading until one chunk has arrived, which is held back, and only then stops. So
 * pausing costs nothing when no more data comes, and a paused stream learns of FIN and RST as long as nothing is held.
 */
export abstract class StreamCore implements ByteStream, Sender {
  handler: ByteStreamHandler = silent;
  posted = false;
  readonly tls: TlsFacts | undefined;
  abstract readonly remoteAddress: string;
  abstract readonly remotePort: number;
  abstract readonly localAddress: string;
  abstract readonly localPort: number;

  /** No call but `closed` may follow: destroyed, or already closed. */
  protected over = false;
  /** `end` was called. */
  protected ending = false;
  /** `finish` was called. */
  protected finishing = false;
  private paused = false;
  /** `write` returned false, and `drained` has not been called since. */
  private waiting = false;
  /** The socket itself was told to stop reading. */
  private stopped = false;
  private held: Uint8Array[] | undefined;
  private replaying = false;
  private endHeld = false;
  private closeHeld = false;
  private endTold = false;
  private closeTold = false;

  constructor(tls: TlsFacts | undefined) {
    this.tls = tls;
  }

  abstract readonly pending: number;
  abstract write(bytes: Uint8Array): boolean;
  abstract writeText(text: string, bytes?: Uint8Array, from?: number): boolean;
  /** The outbox delivers what waited there, and behind it, after `end`, `sentAll`. */
  abstract send(): void;

  /** Nothing more will be written and nothing waits in the outbox: FIN, or the close of `finish`, follows what was written. */
  protected abstract sentAll(): void;

  /** Tells the socket to stop, and to go on, reading. Neither may call back synchronously. */
  protected abstract stopReading(): void;
  protected abstract startReading(): void;
  /** Closes the socket; `gone` must follow, later. */
  protected abstract closeSocket(withReset: boolean): void;

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.over) return;
    if (this.held !== undefined) {
      if (this.replaying) return;
      this.replaying = true;
      queueMicrotask(() => this.replay());
    } else if (this.stopped) {
      this.stopped = false;
      this.startReading();
    }
  }

  end(): void {
    if (this.over || this.ending) return;
    this.ending = true;
    if (!this.posted) this.sentAll();
  }

  finish(): void {
    // TLS says goodbye first, and hears the peer's (RFC 8446 §6.1).
    this.finishing = this.tls === undefined && !this.ending;
    this.end();
  }

  destroy(): void {
    if (this.posted) deliver();
    this.drop(false);
  }

  reset(): void {
    if (this.posted) deliver();
    this.drop(true);
  }

  /** What `write` returns while so many bytes are pending. */
  protected goOn(pending: number): boolean {
    if (pending <= pendingLimit) return true;
    this.waiting = true;
    return false;
  }

  /** Nothing is pending any more. */
  protected tellDrained(): void {
    if (!this.waiting || this.over) return;
    this.waiting = false;
    this.handler.drained();
  }

  private drop(withReset: boolean): void {
    if (this.over) return;
    this.over = true;
    this.held = undefined;
    if (this.closeHeld) queueMicrotask(() => this.tellClosed(undefined));
    else this.closeSocket(withReset);
  }

  /** The socket itself reads; not so behind what is held back. */
  protected get reading(): boolean {
    return !this.stopped;
  }

  /** Bytes were read. */
  protected arrived(bytes: Uint8Array): void {
    if (this.over) return;
    if (!this.paused && this.held === undefined) {
      this.handler.data(bytes);
      return;
    }
    if (this.held === undefined) this.held = [bytes];
    else this.held.push(bytes);
    if (this.stopped) return;
    this.stopped = true;
    this.stopReading();
  }

  /** FIN was read. */
  protected peerEnded(): void {
    if (this.over || this.endTold) return;
    if (this.held !== undefined) {
      this.endHeld = true;
      return;
    }
    this.endTold = true;
    this.handler.ended();
  }

  /** The socket is closed. An orderly end waits for data that is held back; a failure does not. */
  protected gone(cause: StreamError | undefined): void {
    if (cause === undefined && !this.over && this.held !== undefined) this.closeHeld = true;
    else this.tellClosed(cause);
  }

  /** Gives up what is held back, in order, for somebody who takes the socket over. */
  protected takeHeld(): Uint8Array[] {
    const held = this.held ?? [];
    this.held = undefined;
    return held;
  }

  private tellClosed(cause: StreamError | undefined): void {
    if (this.closeTold) return;
    this.closeTold = true;
    this.over = true;
    this.held = undefined;
    this.handler.closed(cause);
  }

  private replay(): void {
    const held = this.held;
    let next = 0;
    while (held !== undefined && next < held.length && !this.paused && !this.over) this.handler.data(held[next++]!);
    this.replaying = false;
    if (this.over || held === undefined) return;
    if (next < held.length) {
      held.splice(0, next);
      return;
    }
    this.held = undefined;
    if (this.endHeld) {
      this.endHeld = false;
      this.peerEnded();
    }
    if (this.over) return;
    if (this.closeHeld) {
      this.closeHeld = false;
      this.tellClosed(undefined);
    } else if (this.stopped && !this.paused) {
      this.stopped = false;
      this.startReading();
    }
  }
}
