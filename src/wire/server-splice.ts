import type { ByteStream, ByteStreamHandler } from "../runtime/interface/byte-stream.ts";
import type { StreamError } from "../runtime/interface/stream-error.ts";
import { Deadline, type TimerWheel } from "./timer-wheel.ts";

/** Milliseconds that a closing tunnel may go without its peer taking bytes or closing. */
const closingMs = 500;

/** Pending bytes above which a stream says "stop" (`ByteStream.write`). */
const fullAt = 64 * 1024;

/** Whose tunnel it is. */
export interface SpliceOwner {
  /** Both streams are closed. Called once. */
  spliceClosed(): void;
}

/** One end of a tunnel: what it receives goes to the other end. */
export class SpliceEnd implements ByteStreamHandler {
  readonly splice: Splice;
  readonly from: ByteStream;
  readonly to: ByteStream;

  constructor(splice: Splice, from: ByteStream, to: ByteStream) {
    this.splice = splice;
    this.from = from;
    this.to = to;
  }

  data(bytes: Uint8Array): void {
    if (!this.splice.closing && !this.to.write(bytes)) this.from.pause();
  }

  drained(): void {
    // The other end was paused on behalf of this one.
    if (!this.splice.closing) this.to.resume();
  }

  ended(): void {
    this.splice.close();
  }

  closed(_cause: StreamError | undefined): void {
    this.splice.endClosed();
  }
}

/**
 * Copies bytes between two streams, both ways, with back-pressure. When either direction ends, both streams are
 * closed, behind what is pending (data-plane §6.2).
 */
export class Splice extends Deadline {
  closing = false;
  /** The client. */
  readonly near: ByteStream;
  /** The backend. */
  readonly far: ByteStream;
  readonly wheel: TimerWheel;
  readonly #owner: SpliceOwner;
  #open = 2;
  #pending = 0;

  constructor(near: ByteStream, far: ByteStream, wheel: TimerWheel, owner: SpliceOwner) {
    super();
    this.near = near;
    this.far = far;
    this.wheel = wheel;
    this.#owner = owner;
    near.handler = new SpliceEnd(this, near, far);
    far.handler = new SpliceEnd(this, far, near);
  }

  /** Hands the backend what the client sent before the tunnel was there. */
  pass(bytes: Uint8Array): void {
    this.far.write(bytes);
  }

  /** Begins to copy; call it when what was read before has been written. */
  begin(): void {
    if (this.far.pending <= fullAt) this.near.resume();
    else this.near.pause();
    if (this.near.pending <= fullAt) this.far.resume();
    else this.far.pause();
  }

  /** Closes both streams behind what is pending. */
  close(): void {
    if (this.closing) return;
    this.closing = true;
    this.near.end();
    this.far.end();
    // Nothing more is copied, but a paused stream could not say that it is closed.
    this.near.resume();
    this.far.resume();
    this.#watch();
  }

  /** One of the streams is closed. */
  endClosed(): void {
    this.close();
    if (--this.#open > 0) return;
    this.wheel.disarm(this);
    this.#owner.spliceClosed();
  }

  override expired(): void {
    const pending = this.near.pending + this.far.pending;
    if (pending > 0 && pending < this.#pending) {
      this.#watch();
      return;
    }
    this.near.destroy();
    this.far.destroy();
  }

  #watch(): void {
    this.#pending = this.near.pending + this.far.pending;
    this.wheel.arm(this, closingMs);
  }
}
