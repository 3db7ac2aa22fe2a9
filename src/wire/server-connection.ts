import type { ByteStream } from "../runtime/interface/byte-stream.ts";
import type { StreamError } from "../runtime/interface/stream-error.ts";
import { badRequest, HeadRefusal } from "./head-refusal.ts";
import { type RequestHead, RequestHeadParser } from "./request-head.ts";
import { AnswerLimit } from "./server-answer-limit.ts";
import { ByteQueue } from "./server-byte-queue.ts";
import { type ExchangeOwner, ServerExchange } from "./server-exchange.ts";
import type { ConnectionHost, Counted, HostedConnection } from "./server-options.ts";
import type { ServerRequest } from "./server-request.ts";
import { ServerTunnel } from "./server-tunnel.ts";
import { Deadline } from "./timer-wheel.ts";
import type { ByteTunnel } from "./tunnel.ts";

/** Bytes of pipelined requests that are read ahead; above that the connection is not read. */
const aheadLimit = 64 * 1024;

/** How long, in milliseconds, and how much is read after our last byte, so that no RST overtakes the answer. */
const lingerMs = 2000;
const lingerLimit = 8 * 1024 * 1024;

/** How long, in milliseconds, a client may take nothing of an answer behind which we close. */
const patienceMs = 60_000;

/**
 * `fresh`: no complete head yet. `idle`: between two requests. `busy`: a request is served, or the rest of its body is
 * read away. `closing`: our last byte is written. `closed`: the stream is over, or a tunnel has it.
 */
type Phase = "fresh" | "idle" | "busy" | "closing" | "closed";

/** What the deadline is armed for. */
type Waiting = "head" | "idle" | "discard" | "closing";

/**
 * A client's connection: reads requests, has them answered one at a time and in order (RFC 9112 §9.3), and keeps the
 * connection for the next one. As a deadline it ends waiting for heads, for the next request, and for the close.
 */
export class ServerConnection extends Deadline implements HostedConnection, ExchangeOwner {
  place = -1;
  clientEnded = false;
  readonly #host: ConnectionHost;
  readonly #stream: ByteStream;
  readonly #parser: RequestHeadParser;
  readonly #exchange: ServerExchange;
  /** Undefined: answers may take as long as they will. */
  readonly #answerLimit: AnswerLimit | undefined;
  /** What was read behind the request that is being served. */
  readonly #ahead = new ByteQueue();
  #phase: Phase = "fresh";
  #counted: Counted = "none";
  #waiting: Waiting = "head";
  #paused = false;
  /** Bytes of a next request were read while the one being served was: its client's leaving is not seen (data-plane §4.9). */
  #readBehind = false;
  /** The client's FIN stands behind requests that wait their turn: it is theirs to notice. */
  #endsBehind = false;
  /** The loop over pipelined requests is running, or about to. */
  #advancing = false;
  /** Bytes read since our last one. */
  #lingered = 0;
  /** Pending bytes when the closing deadline was armed, and for how long they have not become fewer. */
  #pendingAtClose = 0;
  #stuckMs = 0;

  constructor(stream: ByteStream, host: ConnectionHost) {
    super();
    this.#stream = stream;
    this.#host = host;
    this.#parser = new RequestHeadParser(host.latin1, host.options.limits, host.date.text);
    this.#exchange = new ServerExchange(stream, host, this, this.#ahead);
    const { readHeaderTimeoutMs, idleTimeoutMs, answerTimeoutMs = 0 } = host.options;
    if (answerTimeoutMs > 0) this.#answerLimit = new AnswerLimit(host.wheel, answerTimeoutMs, () => this.#cutAnswer());
    if (readHeaderTimeoutMs > 0) this.#wait("head", readHeaderTimeoutMs);
    else this.#wait("idle", idleTimeoutMs);
  }

  get serving(): boolean {
    return this.#phase === "busy";
  }

  /** No request is being served. */
  get #between(): boolean {
    return this.#phase === "fresh" || this.#phase === "idle";
  }

  data(bytes: Uint8Array): void {
    switch (this.#phase) {
      case "fresh":
      case "idle":
        if (this.#ahead.empty) this.#advance(bytes);
        else this.#readAhead(bytes);
        return;
      case "busy":
        if (this.#exchange.receiving) {
          this.#exchange.receive(bytes);
          this.regulate();
        } else this.#readAhead(bytes);
        return;
      case "closing":
        this.#lingered += bytes.length;
        // A client that still sends may not have read the answer yet, which an RST would take away.
        if (this.#lingered > lingerLimit) this.#stream.pause();
    }
  }

  drained(): void {
    this.#exchange.drained();
  }

  ended(): void {
    const serves = this.#phase === "busy" && this.#exchange.active;
    if (!this.#ahead.empty && (serves || this.#between)) {
      this.#endsBehind = true;
      if (serves && !this.#readBehind) this.#exchange.clientLeft();
      return;
    }
    this.clientEnded = true;
    if (serves) this.#exchange.clientLeft();
    else if (this.#phase !== "closing") this.#close();
  }

  closed(_cause: StreamError | undefined): void {
    this.#phase = "closed";
    this.#host.wheel.disarm(this);
    this.#answerLimit?.end();
    this.#count("none");
    this.#host.removed(this);
    this.#ahead.clear();
    this.#exchange.closed();
  }

  /** The deadline. */
  override expired(): void {
    switch (this.#waiting) {
      case "head":
        if (!this.#between) return;
        if (this.#parser.inRequestLine) this.#refuse(badRequest().answer);
        else this.#close(true);
        return;
      case "idle":
        // It stays armed while a request is served: arming it again is all that the next wait costs.
        if (this.#between && !this.#parser.started) this.#close(true);
        return;
      case "discard":
        if (this.#phase === "busy" && !this.#exchange.active) this.#close();
        return;
      case "closing":
        this.#stopLingering();
    }
  }

  /**
   * The server drains: closes the connection if no request is being served or received on it, otherwise the end of the
   * request does. What a closing stream still holds keeps the server active.
   */
  drain(): void {
    const pending = this.#stream.pending > 0;
    if (this.#phase === "idle" && this.#ahead.empty && !this.#parser.started) {
      if (pending) this.#close();
      else this.#stream.destroy();
    } else if (this.#phase === "closing" && pending) this.#count("active");
  }

  destroy(): void {
    this.#stream.destroy();
  }

  /** Answers in place of serving, and closes. */
  turnAway(answer: string): void {
    this.#refuse(answer);
  }

  exchangeOver(persistent: boolean, last: boolean): void {
    if (!persistent || this.clientEnded) {
      this.#close(last || this.clientEnded);
      return;
    }
    this.#answerLimit?.end();
    this.#phase = "idle";
    this.#count("idle");
    this.#wait("idle", this.#host.options.idleTimeoutMs);
    if (this.#advancing) return;
    if (!this.#ahead.empty) this.#advanceLater();
    else if (this.#host.draining || this.#endsBehind) this.#close();
  }

  exchangeCut(visibly: boolean): void {
    if (visibly) this.#stream.reset();
    else this.#stream.destroy();
  }

  exchangeDiscards(): void {
    this.#wait("discard", this.#host.options.idleTimeoutMs);
    if (this.clientEnded) this.#close();
  }

  /** The tunnel takes the stream over, and its place on the server: it may stay for days, and this is let go. */
  exchangeSwitched(tunnel: ByteTunnel, request: ServerRequest): void {
    const stream = this.#stream;
    this.#phase = "closed";
    this.#count("none");
    this.#host.wheel.disarm(this);
    this.#answerLimit?.end();
    const head = `HTTP/1.1 ${tunnel.status} ${tunnel.statusText}\r\n${tunnel.headers.toWire()}\r\n`;
    if (tunnel.early.length > 0) stream.writeText(head, tunnel.early);
    else stream.writeText(head);
    const splice = new ServerTunnel(stream, tunnel, this.#host, request).splice;
    this.#host.removed(this);
    for (let bytes = this.#ahead.shift(); bytes !== undefined; bytes = this.#ahead.shift()) splice.pass(bytes);
    if (this.clientEnded || this.#endsBehind) splice.close();
    else splice.begin();
  }

  /** Reads on or stops reading, as what waits demands. */
  regulate(): void {
    const full = this.#phase === "busy" && (this.#exchange.blocked || this.#ahead.bytes > aheadLimit);
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.#stream.pause();
    else this.#stream.resume();
  }

  /** Reads heads and has them answered, as long as bytes are there and answers come at once. */
  #advance(bytes: Uint8Array): void {
    this.#advancing = true;
    let chunk: Uint8Array | undefined = bytes;
    while (chunk !== undefined) {
      this.#readHead(chunk);
      if (!this.#ahead.empty && this.#exchange.receiving) this.#passBody();
      chunk = this.#between ? this.#ahead.shift() : undefined;
    }
    this.#advancing = false;
    if (this.#paused || this.#ahead.bytes > aheadLimit) this.regulate();
    if (this.#phase !== "idle") return;
    if (this.#endsBehind || (this.#host.draining && !this.#parser.started)) this.#close();
  }

  /** Not at once: the end of an exchange may be told from deep inside a call of its body's source. */
  #advanceLater(): void {
    this.#advancing = true;
    queueMicrotask(() => {
      const bytes = this.#phase === "idle" ? this.#ahead.shift() : undefined;
      if (bytes === undefined) this.#advancing = false;
      else this.#advance(bytes);
    });
  }

  /** Takes bytes of a head; with its last byte the request is served. */
  #readHead(bytes: Uint8Array): void {
    const parser = this.#parser;
    const wasStarted = parser.started;
    let head: RequestHead | undefined;
    try {
      head = parser.push(bytes);
    } catch (error) {
      if (!(error instanceof HeadRefusal)) throw error;
      this.#refuse(error.answer);
      return;
    }
    if (head !== undefined) {
      this.#phase = "busy";
      this.#count("active");
      this.#readBehind = false;
      this.#answerLimit?.begin();
      this.#exchange.begin(head, bytes, parser.end, this.#endsBehind);
      return;
    }
    const { readHeaderTimeoutMs } = this.#host.options;
    if (!wasStarted && readHeaderTimeoutMs > 0 && this.#phase === "idle") this.#wait("head", readHeaderTimeoutMs);
  }

  /** The body of a request that waited its turn may have been read ahead, too: it comes before whatever is read next. */
  #passBody(): void {
    while (this.#phase === "busy" && this.#exchange.receiving) {
      const bytes = this.#ahead.shift();
      if (bytes === undefined) break;
      this.#exchange.receive(bytes);
    }
    this.regulate();
  }

  #readAhead(bytes: Uint8Array): void {
    this.#readBehind = this.#phase === "busy";
    this.#ahead.push(bytes);
    if (this.#ahead.bytes > aheadLimit) this.regulate();
  }

  /** The answer is late. One that is out may still have its connection read on for a moment. */
  #cutAnswer(): void {
    if (this.#phase === "busy" || this.#stream.pending > 0) this.#stream.destroy();
  }

  /** Answers a head that cannot be served. */
  #refuse(answer: string): void {
    this.#stream.writeText(answer);
    this.#close();
  }

  /**
   * Sends FIN (TLS: its goodbye too, RFC 8446 §6.1) behind the answer and reads on for a while: an RST could take the
   * answer away from the client. There is nothing to be read when this was its `last` request, or no answer is under way.
   */
  #close(last = false): void {
    const quiet = last && this.#ahead.empty;
    this.#phase = "closing";
    this.#exchange.dropBody();
    this.#ahead.clear();
    if (quiet) this.#stream.finish();
    else this.#stream.end();
    this.#pendingAtClose = this.#stream.pending;
    this.#count(this.#host.draining && this.#pendingAtClose > 0 ? "active" : "none");
    this.regulate();
    this.#wait("closing", lingerMs);
  }

  /** Ends reading on, unless the client is still taking the answer, or may be. */
  #stopLingering(): void {
    const { pending } = this.#stream;
    this.#stuckMs = pending < this.#pendingAtClose ? 0 : this.#stuckMs + lingerMs;
    this.#pendingAtClose = pending;
    if (pending === 0 || this.#stuckMs >= patienceMs) this.#stream.destroy();
    else this.#wait("closing", lingerMs);
  }

  #wait(waiting: Waiting, ms: number): void {
    this.#waiting = waiting;
    if (ms > 0) this.#host.wheel.armRoughly(this, ms);
    else this.#host.wheel.disarm(this);
  }

  #count(as: Counted): void {
    if (as === this.#counted) return;
    const before = this.#counted;
    this.#counted = as;
    this.#host.count(before, as);
  }
}
