import { Failure } from "../core/forwarding/failure.ts";
import type { Attempt } from "../core/forwarding/transport.ts";
import type { BodySink, BodySource } from "./body.ts";
import type { HeaderLines } from "./header-lines.ts";
import { Deadline, type TimerWheel } from "./timer-wheel.ts";

/** How long a request body waits for the backend's 100 (data-plane §4.7), in milliseconds. */
const continueWaitMs = 1000;

/** Where a request goes: a connection, or a stream of one. */
export interface RequestOutput {
  /**
   * Writes the head, with the first body bytes (from index `from` on) where they are at hand; `last`: the body ends with
   * them. False: wait for `RequestWriter.drained`.
   */
  writeHead(head: string, first: Uint8Array | undefined, from: number, last: boolean): boolean;
  /** Writes more of the body. False as above. */
  writeBody(bytes: Uint8Array): boolean;
  /** The body ends. */
  writeEnd(trailers: HeaderLines | undefined): void;
}

/** Who hears that a request cannot be completed. */
export interface RequestOwner {
  /** The client's side of the body failed, or does not keep to its announced length. */
  requestFailed(failure: Failure): void;
}

/**
 * Writes a request that has a body: the head, together with the first bytes of the body where they are already there,
 * then the rest with back-pressure (data-plane §5.4); the framing is the output's. As a deadline it ends the wait for a 100.
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
  #output: RequestOutput | undefined;
  /** Head text held back until the first body bytes are there. */
  #head = "";
  /** Body bytes held back with the head, or taken while there was no connection. */
  #first: Uint8Array | undefined;
  /** Of which those from this index on are meant. */
  #firstFrom = 0;
  #trailers: HeaderLines | undefined;
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
  begin(output: RequestOutput, head: string): void {
    this.#output = output;
    if (this.#waits) {
      output.writeHead(head, undefined, 0, false);
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
    this.#output = undefined;
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
    return this.writeFrom(bytes, 0);
  }

  writeFrom(bytes: Uint8Array, from: number): boolean {
    const length = bytes.length - from;
    if (this.#over || length === 0) return true;
    this.#attempt.bodyBytesTaken += length;
    this.#sent += length;
    if (this.#length >= 0 && this.#sent > this.#length) {
      this.#source.cancel();
      this.#mismatch();
      return false;
    }
    if (this.#output === undefined) {
      this.#first = bytes;
      this.#firstFrom = from;
      this.#stalled = true;
      return false;
    }
    if (this.#head !== "") {
      if (this.#first === undefined) {
        this.#first = bytes;
        this.#firstFrom = from;
        return true;
      }
      this.#flush();
    }
    this.#stalled = !this.#output.writeBody(from === 0 ? bytes : bytes.subarray(from));
    return !this.#stalled;
  }

  end(trailers: HeaderLines | undefined): void {
    if (this.#over) return;
    if (this.#length >= 0 && this.#sent < this.#length) {
      this.#mismatch();
      return;
    }
    this.complete = true;
    this.#trailers = trailers;
    if (this.#head === "") this.#output?.writeEnd(trailers);
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

  /** Writes the held head with what is held of the body. False: the output is full. */
  #flush(): boolean {
    const head = this.#head;
    const first = this.#first;
    this.#head = "";
    this.#first = undefined;
    this.#attempt.wroteHead = true;
    const output = this.#output!;
    if (this.#trailers === undefined) return output.writeHead(head, first, this.#firstFrom, this.complete);
    output.writeHead(head, first, this.#firstFrom, false);
    output.writeEnd(this.#trailers);
    return true;
  }

  #mismatch(): void {
    const text = `http: ContentLength=${this.#length} with Body length ${this.#sent}`;
    this.fail(new Failure("request-body", "client", "never", text));
  }
}
