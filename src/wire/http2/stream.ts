import { ByteQueue } from "../server-byte-queue.ts";
import type { HeaderField } from "./hpack-field.ts";
import { largestWindow } from "./protocol.ts";

/** A stream's connection, as the stream sees it. */
export interface StreamConnection {
  /** Window that the peer gives to new streams. */
  readonly peerWindow: number;
  readonly limits: { readonly streamWindow: number };
  /** Fields of the header block that arrived last. */
  readonly fields: readonly HeaderField[];
  /** The byte stream wants no more DATA for now. */
  readonly blocked: boolean;
  sendHeaders(stream: Http2Stream, block: string, last: boolean): void;
  /** Sends DATA, as much as windows and byte stream allow; the number of bytes. */
  send(stream: Http2Stream, bytes: Uint8Array, last: boolean): number;
  /** The stream has more to send than it may; and no longer. */
  await(stream: Http2Stream): void;
  forgetWaiting(stream: Http2Stream): void;
  /** The stream's own window has opened. */
  wake(stream: Http2Stream): void;
  /** So many received bytes have left us. */
  consumed(bytes: number): void;
  /** Lets the peer send more on a stream. */
  openWindow(stream: number, bytes: number): void;
  /** Resets a stream, which is forgotten; and forgets one that is over. */
  reset(stream: number, code: number): void;
  forget(stream: Http2Stream): void;
}

/** A stream of a connection (RFC 9113 §5): flow control both ways, and what waits to be sent. */
export abstract class Http2Stream {
  readonly id: number;
  /** Bytes that the peer lets us send on this stream; below 0 after it made its windows smaller. */
  sendWindow: number;
  /** Our END_STREAM, or RST_STREAM, is out. */
  localClosed = false;
  /** The peer's END_STREAM, or a RST_STREAM, is in. */
  remoteClosed = false;
  protected readonly connection: StreamConnection;
  /** Bytes that the peer may send; and those that left us since it last heard. */
  #receiveWindow: number;
  #consumed = 0;
  /** What waits for windows or for the connection, and what ends the message behind it. */
  #queue: ByteQueue | undefined;
  #ending = false;
  #trailers: string | undefined;

  constructor(id: number, connection: StreamConnection) {
    this.id = id;
    this.connection = connection;
    this.sendWindow = connection.peerWindow;
    this.#receiveWindow = connection.limits.streamWindow;
  }

  /** Everything was sent that waited: more can follow. */
  protected abstract sendReady(): void;
  /** A DATA frame, or a piece of one, arrived; the last byte when `last`. */
  protected abstract bodyArrived(bytes: Uint8Array, last: boolean): void;
  /** A field section arrived; it is in `connection.fields`. */
  abstract headersArrived(last: boolean): void;
  /** The peer reset the stream, or the connection is gone. */
  abstract resetArrived(code: number): void;

  /** Bytes that wait to be sent. */
  get pending(): number {
    return this.#queue?.bytes ?? 0;
  }

  /** Flow control of received DATA (RFC 9113 §6.9.1). False: the peer sent more than it may. */
  dataArrived(bytes: Uint8Array, flow: number, last: boolean): boolean {
    this.#receiveWindow -= flow;
    if (this.#receiveWindow < 0) return false;
    if (flow > bytes.length) this.consumed(flow - bytes.length);
    this.bodyArrived(bytes, last);
    return true;
  }

  /** So many received bytes have left us; the peer hears of it in portions. */
  consumed(bytes: number): void {
    this.connection.consumed(bytes);
    if (this.remoteClosed) return;
    this.#consumed += bytes;
    if (this.#consumed * 2 < this.connection.limits.streamWindow) return;
    this.connection.openWindow(this.id, this.#consumed);
    this.#receiveWindow += this.#consumed;
    this.#consumed = 0;
  }

  /** The peer opened its window (RFC 9113 §6.9). False: too far. */
  windowOpened(bytes: number): boolean {
    this.sendWindow += bytes;
    if (this.sendWindow > largestWindow) return false;
    if (this.pending > 0) this.connection.wake(this);
    return true;
  }

  /** Sends body bytes, or keeps them. False: wait for `sendReady`. */
  sendBody(bytes: Uint8Array): boolean {
    if (this.localClosed) return false;
    if (this.pending > 0) {
      this.#queue!.push(bytes);
      return false;
    }
    const sent = this.connection.send(this, bytes, false);
    if (sent < bytes.length) this.#keep(bytes, sent);
    else if (!this.connection.blocked) return true;
    this.connection.await(this);
    return false;
  }

  /** Sends the last body bytes, if there are any, and the end: trailers, as a header block, or END_STREAM alone. */
  sendLast(bytes: Uint8Array | undefined, trailers: string | undefined): void {
    if (this.localClosed) return;
    if (bytes !== undefined && bytes.length > 0) {
      const whole = trailers === undefined;
      const sent = this.pending > 0 ? 0 : this.connection.send(this, bytes, whole);
      if (sent === bytes.length) {
        if (whole) this.localClosed = true;
        else this.connection.sendHeaders(this, trailers, true);
        return;
      }
      this.#keep(bytes, sent);
      this.connection.await(this);
    }
    if (this.pending > 0) {
      this.#ending = true;
      this.#trailers = trailers;
    } else this.#sendEnd(trailers);
  }

  /** Sends on; the windows or the connection have opened. */
  continueSending(): void {
    const queue = this.#queue;
    while (queue !== undefined && !queue.empty) {
      const bytes = queue.shift()!;
      const sent = this.connection.send(this, bytes, false);
      if (sent === bytes.length) continue;
      queue.unshift(bytes.subarray(sent));
      this.connection.await(this);
      return;
    }
    if (this.#ending) {
      this.#ending = false;
      this.#sendEnd(this.#trailers);
      this.lastSent();
    } else if (this.connection.blocked) this.connection.await(this);
    else this.sendReady();
  }

  /** Drops what waits; the stream is over for us. */
  protected abandon(): void {
    this.localClosed = true;
    this.#ending = false;
    this.#queue = undefined;
    this.connection.forgetWaiting(this);
  }

  /** The end went out after it had to wait; the stream may be over now. */
  protected abstract lastSent(): void;

  #sendEnd(trailers: string | undefined): void {
    if (trailers !== undefined) this.connection.sendHeaders(this, trailers, true);
    else this.connection.send(this, nothing, true);
    this.localClosed = true;
  }

  #keep(bytes: Uint8Array, from: number): void {
    this.#queue ??= new ByteQueue();
    this.#queue.push(from === 0 ? bytes : bytes.subarray(from));
  }
}

const nothing = new Uint8Array(0);
