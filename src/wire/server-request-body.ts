import { Failure } from "../core/forwarding/failure.ts";
import type { BodySink, BodySource } from "./body.ts";
import { ChunkedDecoder, type ChunkSink } from "./chunked.ts";
import { ByteQueue } from "./server-byte-queue.ts";

/** How long a chunk size line and a trailer section may be, in bytes. */
const chunkLimits = { maxLineBytes: 4096, maxTrailerBytes: 64 * 1024 };

/** Body bytes of an untaken body that are read ahead. */
const aheadLimit = 64 * 1024;

/** What a request body needs of its connection. */
export interface BodyCarrier {
  latin1(bytes: Uint8Array, start: number, end: number): string;
  /** Somebody wants the body: the client that waits for `100 Continue` is to get it (RFC 9110 §10.1.1). */
  bodyWanted(): void;
  /** `blocked` has changed, or the sink has stalled: the connection reads on, stops reading, or answers. */
  bodyMoved(): void;
}

/** The body of a request without one. */
export const noBody: BodySource = {
  length: 0,
  taken: false,
  start(sink) {
    sink.end(undefined);
  },
  resume() {},
  cancel() {},
};

/**
 * The body of a request on its way in: fed with the connection's bytes, strips the chunked coding (RFC 9112 §7.1),
 * passes views on to the sink and says when the connection has to stop reading.
 */
export class RequestBody implements BodySource, ChunkSink {
  readonly length: number;
  taken = false;
  /** The last byte has arrived from the client. */
  complete = false;
  /** Malformed, or the client went away: it will never be complete. */
  failure: Failure | undefined;
  /** The sink has said "stop" and not yet "go on". */
  stalled = false;
  /** Nobody wants it: what arrives is dropped. */
  dropped = false;
  /** Body bytes handed to the sink. */
  delivered = 0;
  /** Body bytes dropped since nobody wanted them. */
  wasted = 0;
  readonly #carrier: BodyCarrier;
  readonly #decoder: ChunkedDecoder | undefined;
  readonly #queue = new ByteQueue();
  /** What came behind the head, from that index on, until it is delivered; before what is in the queue. */
  #first: Uint8Array | undefined;
  #firstFrom = 0;
  #remaining: number;
  #sink: BodySink | undefined;
  #delivering = false;

  /** `length` is the Content-Length; -1 means chunked. */
  constructor(carrier: BodyCarrier, length: number) {
    this.#carrier = carrier;
    this.length = length;
    this.#remaining = length;
    this.#decoder = length < 0 ? new ChunkedDecoder(carrier.latin1, chunkLimits) : undefined;
  }

  /** True while the connection should not read: nobody takes the bytes. */
  get blocked(): boolean {
    return this.stalled || this.#waiting > aheadLimit;
  }

  /** Content bytes of those announced that nobody has taken, arrived or not; -1 when only the last chunk will tell. */
  get unread(): number {
    return this.length < 0 ? -1 : this.length - this.delivered;
  }

  /**
   * Takes bytes of the connection from `bytes[start]` on. Returns the index of the first byte behind the body, or -1
   * when the body goes on. After a syntax error `failure` is set and nothing more is to be fed.
   */
  feed(bytes: Uint8Array, start: number): number {
    if (this.#decoder === undefined) {
      const end = Math.min(bytes.length, start + this.#remaining);
      this.#remaining -= end - start;
      if (end > start) this.#piece(bytes, start, end);
      if (this.#remaining > 0) return -1;
      this.#finish();
      return end;
    }
    let after: number;
    try {
      after = this.#decoder.push(bytes, start, this);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.fail(new Failure("request-body", "client", "never", text, error));
      return -1;
    }
    if (after >= 0) this.#finish();
    return after;
  }

  /** Bytes that wait for the sink. */
  get #waiting(): number {
    return this.#first === undefined ? this.#queue.bytes : this.#queue.bytes + this.#first.length - this.#firstFrom;
  }

  #piece(bytes: Uint8Array, start: number, end: number): void {
    if (start === 0 && end === bytes.length) this.data(bytes);
    else if (end < bytes.length || this.dropped || this.#sink !== undefined || this.#waiting > 0) {
      this.data(bytes.subarray(start, end));
    } else {
      this.#first = bytes;
      this.#firstFrom = start;
    }
  }

  /** Content bytes from `feed`. */
  data(bytes: Uint8Array): void {
    if (this.dropped) {
      this.wasted += bytes.length;
    } else if (this.#sink === undefined || this.stalled || this.#waiting > 0) {
      this.#queue.push(bytes);
    } else {
      this.#deliver(bytes);
    }
  }

  /** Ends the body before its time: whoever reads it is told, once. What waits is dropped. */
  fail(failure: Failure): void {
    if (this.complete || this.failure !== undefined) return;
    this.failure = failure;
    this.#first = undefined;
    this.#queue.clear();
    this.stalled = false;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.fail(failure);
  }

  start(sink: BodySink): void {
    if (this.taken) throw new Error("start a request body: it was taken before");
    this.taken = true;
    if (this.failure !== undefined) {
      sink.fail(this.failure);
      return;
    }
    this.#sink = sink;
    // Also when all of it is there, as upstream: clients that sent it unasked may count on the 100 (data-plane §5.7).
    this.#carrier.bodyWanted();
    this.#drain();
  }

  resume(): void {
    if (!this.stalled) return;
    this.stalled = false;
    this.#drain();
  }

  cancel(): void {
    this.taken = true;
    this.drop();
  }

  /** Drops what waits and what will come. */
  drop(): void {
    if (this.dropped) return;
    this.dropped = true;
    this.stalled = false;
    this.#sink = undefined;
    this.wasted += this.#waiting;
    this.#first = undefined;
    this.#queue.clear();
    this.#carrier.bodyMoved();
  }

  #deliver(bytes: Uint8Array): void {
    this.delivered += bytes.length;
    // The sink may call resume() or cancel() from inside.
    if (!this.#sink!.write(bytes) && this.#sink !== undefined) this.stalled = true;
  }

  #deliverFirst(sink: BodySink, bytes: Uint8Array): void {
    this.#first = undefined;
    const from = this.#firstFrom;
    if (sink.writeFrom === undefined) {
      this.#deliver(bytes.subarray(from));
      return;
    }
    this.delivered += bytes.length - from;
    if (!sink.writeFrom(bytes, from) && this.#sink !== undefined) this.stalled = true;
  }

  /** Passes on what waits; the loop below is the only one, however the sink calls back. */
  #drain(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    if (this.#first !== undefined && this.#sink !== undefined && !this.stalled) {
      this.#deliverFirst(this.#sink, this.#first);
    }
    while (this.#sink !== undefined && !this.stalled && !this.#queue.empty) this.#deliver(this.#queue.shift()!);
    this.#delivering = false;
    this.#settle();
    this.#carrier.bodyMoved();
  }

  #finish(): void {
    this.complete = true;
    this.#settle();
  }

  /** Tells the sink of the end when all bytes have been handed over. */
  #settle(): void {
    if (!this.complete || this.stalled || this.#sink === undefined || this.#waiting > 0) return;
    const sink = this.#sink;
    this.#sink = undefined;
    sink.end(this.#decoder?.trailers);
  }
}
