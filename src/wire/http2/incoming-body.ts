import type { Failure } from "../../core/forwarding/failure.ts";
import type { BodySink, BodySource } from "../body.ts";
import type { HeaderLines } from "../header-lines.ts";
import { ByteQueue } from "../server-byte-queue.ts";

/** The stream that a body comes in on. */
export interface IncomingOwner {
  /** Somebody begins to read. */
  bodyWanted(): void;
  /** So many bytes have left us: the peer may send as many more. */
  bodyConsumed(bytes: number): void;
  /** Nobody wants the rest. */
  bodyCancelled(): void;
}

/**
 * A message body on its way in on a stream: hands views on to its sink and keeps what the sink does not take. How much
 * that can be, the flow-control window bounds (RFC 9113 §6.9): bytes are acknowledged when they leave.
 */
export class IncomingBody implements BodySource {
  /** Announced length; -1: unknown. */
  readonly length: number;
  taken = false;
  /** All bytes have arrived. */
  complete = false;
  failure: Failure | undefined;
  /** Bytes handed to the sink. */
  delivered = 0;
  readonly #owner: IncomingOwner;
  readonly #queue = new ByteQueue();
  #sink: BodySink | undefined;
  #stalled = false;
  #dropped = false;
  #delivering = false;
  #trailers: HeaderLines | undefined;

  constructor(length: number, owner: IncomingOwner) {
    this.length = length;
    this.#owner = owner;
  }

  /** Bytes arrived. */
  data(bytes: Uint8Array): void {
    if (this.#dropped || this.failure !== undefined) this.#owner.bodyConsumed(bytes.length);
    else if (this.#sink === undefined || this.#stalled || !this.#queue.empty) this.#queue.push(bytes);
    else this.#deliver(this.#sink, bytes);
  }

  /** Nothing follows but these trailers. */
  end(trailers: HeaderLines | undefined): void {
    this.complete = true;
    this.#trailers = trailers;
    this.#settle();
  }

  /** The rest will not come; what waits is dropped. */
  fail(failure: Failure): void {
    if (this.failure !== undefined || (this.complete && this.#queue.empty)) return;
    this.failure = failure;
    this.#clear();
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.fail(failure);
  }

  start(sink: BodySink): void {
    if (this.taken) throw new Error("start a body: it was taken before");
    this.taken = true;
    if (this.failure !== undefined) {
      sink.fail(this.failure);
      return;
    }
    this.#sink = sink;
    if (!this.complete) this.#owner.bodyWanted();
    this.#drain();
  }

  resume(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#drain();
  }

  cancel(): void {
    this.taken = true;
    if (this.#dropped) return;
    this.#dropped = true;
    this.#sink = undefined;
    this.#clear();
    if (!this.complete) this.#owner.bodyCancelled();
  }

  #clear(): void {
    const { bytes } = this.#queue;
    this.#queue.clear();
    if (bytes > 0) this.#owner.bodyConsumed(bytes);
  }

  #deliver(sink: BodySink, bytes: Uint8Array): void {
    this.delivered += bytes.length;
    // The sink may call cancel() from inside.
    if (!sink.write(bytes) && this.#sink !== undefined) this.#stalled = true;
    this.#owner.bodyConsumed(bytes.length);
  }

  #drain(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    while (this.#sink !== undefined && !this.#stalled && !this.#queue.empty) {
      this.#deliver(this.#sink, this.#queue.shift()!);
    }
    this.#delivering = false;
    this.#settle();
  }

  #settle(): void {
    if (!this.complete || this.#stalled || this.#delivering || this.#sink === undefined || !this.#queue.empty) return;
    const sink = this.#sink;
    this.#sink = undefined;
    sink.end(this.#trailers);
  }
}
