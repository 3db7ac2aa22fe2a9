import { type Deferred, deferred } from "../core/deferred.ts";
import type { Failure } from "../core/forwarding/failure.ts";
import type { BodySink, BodySource } from "./body.ts";
import type { ChunkedDecoder, ChunkSink } from "./chunked.ts";
import type { HeaderLines } from "./header-lines.ts";

/** The connection that a response body comes from. */
export interface BodyOrigin {
  /** The reader is ready again: read on. */
  bodyResumed(): void;
  /** The reader wants no more although more is to come. */
  bodyCancelled(): void;
}

/**
 * The body of a backend's response: takes what the connection received, undoes the framing and hands the bytes to its
 * sink without copying them. What comes before a sink is there, or while it cannot take more, waits here: never
 * more than one read's worth, as the connection is paused then.
 */
export class ResponseBody implements BodySource, ChunkSink {
  readonly length: number;
  taken = false;
  readonly #origin: BodyOrigin;
  readonly #decoder: ChunkedDecoder | undefined;
  /** Bytes to come by Content-Length; -1: the framing says it otherwise. */
  #remaining: number;
  #sink: BodySink | undefined;
  #flowing = false;
  #waiting: Uint8Array[] | undefined;
  /** The whole body, when it came behind the head in one piece: the bytes from that index on wait for the sink. */
  #whole: Uint8Array | undefined;
  #wholeFrom = 0;
  #arrived = false;
  #ended = false;
  #failure: Failure | undefined;
  #trailers: Deferred<HeaderLines | undefined> | undefined;
  /** Trailers that came otherwise than with the chunked coding. */
  #foreignTrailers: HeaderLines | undefined;

  /** `length`: -1 when unknown; then chunked if there is a `decoder`, else until close. */
  constructor(length: number, decoder: ChunkedDecoder | undefined, origin: BodyOrigin) {
    this.length = length;
    this.#remaining = length;
    this.#decoder = decoder;
    this.#origin = origin;
  }

  /** True when only the end of the connection ends the body (RFC 9112 §6.3, rule 8). */
  get untilClose(): boolean {
    return this.length < 0 && this.#decoder === undefined;
  }

  /**
   * Takes received bytes from `from` on. Returns the index behind the message when it ends in them, else -1.
   * Throws `ChunkError` on bad chunks; what stood before the bad byte has been delivered.
   */
  receive(bytes: Uint8Array, from: number): number {
    if (this.#decoder !== undefined) return this.#decoder.push(bytes, from, this);
    const remaining = this.#remaining;
    const arrived = bytes.length - from;
    if (remaining < 0 || arrived < remaining) {
      if (remaining > 0) this.#remaining = remaining - arrived;
      this.data(from === 0 ? bytes : bytes.subarray(from));
      return -1;
    }
    this.#remaining = 0;
    if (from > 0 && remaining > 0 && arrived === remaining && this.#sink === undefined && !this.#ended) {
      this.#whole = bytes;
      this.#wholeFrom = from;
    } else if (remaining > 0) {
      this.data(bytes.length === remaining ? bytes : bytes.subarray(from, from + remaining));
    }
    return from + remaining;
  }

  /** True when the connection is not to be read until `bodyResumed`: there is no sink, or it is full. */
  get congested(): boolean {
    return !this.#flowing;
  }

  /** Body bytes behind the framing; the chunked decoder calls it. */
  data(bytes: Uint8Array): void {
    if (this.#ended) return;
    if (this.#flowing) this.#flowing = this.#sink!.write(bytes);
    else if (this.#waiting === undefined) this.#waiting = [bytes];
    else this.#waiting.push(bytes);
  }

  /**
   * Everything arrived and the connection has been given back: the sink hears the end once it has taken the rest.
   * `trailers`: of HTTP/2, where they are no part of the body's framing.
   */
  finish(trailers?: HeaderLines): void {
    if (this.#ended) return;
    this.#foreignTrailers = trailers;
    this.#arrived = true;
    if (this.#flowing) this.#end();
  }

  /**
   * The rest will not come (data-plane §2.4). A reader that is yet to come gets what is there; what waits for one that
   * cannot take more is dropped.
   */
  fail(failure: Failure): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#flowing = false;
    if (this.taken) this.#waiting = undefined;
    this.#failure = failure;
    this.#trailers?.resolve(undefined);
    this.#sink?.fail(failure);
  }

  start(sink: BodySink): void {
    this.taken = true;
    if (this.#failure !== undefined) {
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const bytes of waiting) sink.write(bytes);
      sink.fail(this.#failure);
      return;
    }
    this.#sink = sink;
    this.resume();
  }

  resume(): void {
    if (this.#ended || this.#flowing || this.#sink === undefined) return;
    this.#flowing = true;
    if (this.#whole !== undefined && !this.#deliverWhole(this.#sink, this.#whole)) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      for (let i = 0; i < waiting.length; i++) {
        if (!this.#sink.write(waiting[i]!)) {
          this.#flowing = false;
          this.#waiting = i + 1 < waiting.length ? waiting.slice(i + 1) : undefined;
          return;
        }
        if (this.#ended) return;
      }
      this.#waiting = undefined;
    }
    if (this.#arrived) this.#end();
    else this.#origin.bodyResumed();
  }

  cancel(): void {
    this.taken = true;
    if (this.#ended) return;
    this.#ended = true;
    this.#flowing = false;
    this.#waiting = undefined;
    this.#whole = undefined;
    this.#sink = undefined;
    this.#trailers?.resolve(undefined);
    if (!this.#arrived) this.#origin.bodyCancelled();
  }

  /** Trailer fields, once the body has been read; undefined when there are none or the body was cut. */
  trailers(): Promise<HeaderLines | undefined> {
    if (this.#trailers === undefined) {
      this.#trailers = deferred();
      if (this.#ended) this.#trailers.resolve(this.#failure === undefined ? this.#receivedTrailers : undefined);
    }
    return this.#trailers.promise;
  }

  get #receivedTrailers(): HeaderLines | undefined {
    return this.#decoder === undefined ? this.#foreignTrailers : this.#decoder.trailers;
  }

  /** False: the sink takes no more for now, or wants no more at all. */
  #deliverWhole(sink: BodySink, bytes: Uint8Array): boolean {
    this.#whole = undefined;
    const from = this.#wholeFrom;
    const more = sink.writeFrom === undefined ? sink.write(bytes.subarray(from)) : sink.writeFrom(bytes, from);
    this.#flowing = more && !this.#ended;
    return this.#flowing;
  }

  #end(): void {
    this.#ended = true;
    this.#flowing = false;
    const trailers = this.#receivedTrailers;
    this.#trailers?.resolve(trailers);
    this.#sink!.end(trailers);
  }
}
