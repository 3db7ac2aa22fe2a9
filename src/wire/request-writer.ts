import { Failure } from "../core/forwarding/failure.ts";
import type { Attempt } from "../core/forwarding/transport.ts";
import type { ByteStream } from "../runtime/interface.ts";
import type { BodySink, BodySource } from "./body.ts";
import { chunkPrefix } from "./chunked.ts";
import { Deadline, type TimerWheel } from "./timer-wheel.ts";

/** How long a request body waits for the backend's 100 (data-plane §4.7), in milliseconds. */
const continueWaitMs = 1000;

/** Who hears that a request cannot be completed. */
export interface RequestOwner {
  /** The client's side of the body failed, or does not keep to its announced length. */
  requestFailed(failure: Failure): void;
}

/**
 * Writes a request that has a body: the head, together with the first bytes of the body where they are already there,
 * then the rest with back-pressure and the framing (data-plane §5.4). As a deadline it ends the wait for a 100.
 */
export class RequestWriter extends Deadline implements BodySink {
  /** The whole request was handed to the stream. */
  complete = false;
  readonly #source: BodySource;
  /** Announced length; -1: chunked. */
  readonly #length: number;
  readonly #wheel: TimerWheel;
  readonly #attempt: Attempt;
  readonly #owner: RequestOwner;
  /** The body waits for a 100, a final answer, or the end of the wait. */
  #waits: boolean;
  #stream: ByteStream | undefined;
  /** Head text held back until the first body bytes are there. */
  #head = "";
  /** Body bytes held back with the head, or taken while there was no connection. */
  #first: Uint8Array | undefined;
  #sent = 0;
  #started = false;
  /** The source was told to stop. */
  #stalled = false;
  #over = false;

  /** `length`: bytes, or -1 for chunked; `waits`: the request says `Expect: 100-continue`. */
  constructor(
    source: BodySource,
    length: number,
    waits: boolean,
    wheel: TimerWheel,
    attempt: Attempt,
    owner: RequestOwner,
  ) {
    super();
    this.#source = source;
    this.#length = length;
    this.#waits = waits;
    this.#wheel = wheel;
    this.#attempt = attempt;
    this.#owner = owner;
  }

  /** True once the body was asked for: the request cannot be handed to another transport attempt any more. */
  get started(): boolean {
    return this.#started;
  }

  /** Writes the head, and the body as far as it is there. Called again when the request moves to another connection. */
  begin(stream: ByteStream, head: string): void {
    this.#stream = stream;
    if (this.#waits) {
      stream.writeText(head);
      this.#attempt.wroteHead = true;
      this.#wheel.arm(this, continueWaitMs);
      return;
    }
    this.#head = head;
    if (!this.#started) this.#start();
    if (this.#head === "" || this.#over) return;
    if (this.#flush() && this.#stalled) this.drained();
  }

  /** The connection died before it answered; the request will be begun on another one. */
  detach(): void {
    this.#wheel.disarm(this);
    this.#stream = undefined;
  }

  /** The backend said 100, or answered without closing: the body may go (data-plane §5.7). */
  proceed(): void {
    if (!this.#waits) return;
    this.#waits = false;
    this.#wheel.disarm(this);
    if (!this.#over) this.#start();
  }

  override expired(): void {
    this.proceed();
  }

  /** The stream took everything. */
  drained(): void {
    if (!this.#stalled || this.#over) return;
    this.#stalled = false;
    this.#source.resume();
  }

  /** The exchange is over: what is left of the body is not wanted. A source that was never started is left alone. */
  release(): void {
    this.#wheel.disarm(this);
    if (this.#over || this.complete) return;
    this.#over = true;
    if (this.#started) this.#source.cancel();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over || bytes.length === 0) return true;
    this.#attempt.bodyBytesTaken += bytes.length;
    this.#sent += bytes.length;
    if (this.#length >= 0 && this.#sent > this.#length) {
      this.#source.cancel();
      this.#mismatch();
      return false;
    }
    if (this.#stream === undefined) {
      this.#first = bytes;
      this.#stalled = true;
      return false;
    }
    if (this.#head !== "") {
      if (this.#first === undefined) {
        this.#first = bytes;
        return true;
      }
      this.#flush();
    }
    this.#stalled = !this.#piece(this.#stream, "", bytes, "\r\n");
    return !this.#stalled;
  }

  end(): void {
    if (this.#over) return;
    if (this.#length >= 0 && this.#sent < this.#length) {
      this.#mismatch();
      return;
    }
    this.complete = true;
    if (this.#length < 0 && this.#head === "") this.#stream?.writeText("0\r\n\r\n");
  }

  fail(failure: Failure): void {
    if (this.#over) return;
    this.#over = true;
    this.#wheel.disarm(this);
    this.#owner.requestFailed(failure);
  }

  #start(): void {
    this.#started = true;
    this.#source.start(this);
  }

  /** Writes the held head with what is held of the body. False: the stream is full. */
  #flush(): boolean {
    const stream = this.#stream!;
    const head = this.#head;
    const first = this.#first;
    this.#head = "";
    this.#first = undefined;
    this.#attempt.wroteHead = true;
    const ends = this.complete && this.#length < 0;
    if (first === undefined) return stream.writeText(ends ? `${head}0\r\n\r\n` : head);
    return this.#piece(stream, head, first, ends ? "\r\n0\r\n\r\n" : "\r\n");
  }

  #piece(stream: ByteStream, before: string, bytes: Uint8Array, after: string): boolean {
    if (this.#length >= 0) return before === "" ? stream.write(bytes) : stream.writeText(before, bytes);
    stream.writeText(before + chunkPrefix(bytes.length), bytes);
    return stream.writeText(after);
  }

  #mismatch(): void {
    const text = `http: ContentLength=${this.#length} with Body length ${this.#sent}`;
    this.fail(new Failure("request-body", "client", "never", text));
  }
}
