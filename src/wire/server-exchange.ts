import type { ClientTexts, ExchangeEnd } from "../core/client.ts";
import { clientGone } from "../core/forwarding/failure.ts";
import { type HeadersLike, isTunnel, type ResponseLike } from "../core/message.ts";
import type { ByteStream } from "../runtime/interface/byte-stream.ts";
import type { RequestHead } from "./request-head.ts";
import type { ByteQueue } from "./server-byte-queue.ts";
import type { ExchangeParts } from "./server-options.ts";
import { type Informer, ServerRequest } from "./server-request.ts";
import { type BodyCarrier, RequestBody } from "./server-request-body.ts";
import { linesOf, ResponseHeadWriter, statusLine } from "./server-response-head.ts";
import { type ResponseOwner, ResponseWriter } from "./server-response-writer.ts";
import { bodyOf, dispose, emptyResponse, isPromise, type Result } from "./server-result.ts";
import { ByteTunnel } from "./tunnel.ts";

/**
 * Bytes of an unwanted body that are read for the sake of the connection (data-plane §1.4.17); of one that announces just as
 * many none are.
 */
const discardLimit = 256 * 1024;

/** The connection, as its exchanges see it. */
export interface ExchangeOwner {
  /** The connection is there, and its exchange is the one being served. */
  readonly serving: boolean;
  /**
   * The answer is out, and so is what had to be read of the request. The connection goes on, or is to be closed;
   * `last`: the client has said that it sends no other request.
   */
  exchangeOver(persistent: boolean, last: boolean): void;
  /** The answer cannot be completed. With `visibly`, its missing end would not show otherwise. */
  exchangeCut(visibly: boolean): void;
  /** The answer is out, the connection can go on; first the rest of the request body has to be read away. */
  exchangeDiscards(): void;
  /** The handler switched protocols; `request` is told when the tunnel is closed. */
  exchangeSwitched(tunnel: ByteTunnel, request: ServerRequest): void;
  /** Whether to read may have changed. */
  regulate(): void;
}

/**
 * What happens between a request's head and the end of its answer: the handler, the request body, interim responses,
 * the response (architecture §4, data-plane §1.4.17, §4.9, §5.7). One per connection, used for one exchange after another.
 */
export class ServerExchange implements BodyCarrier, Informer, ResponseOwner {
  readonly latin1: (bytes: Uint8Array, start: number, end: number) => string;
  texts: ClientTexts | undefined = undefined;
  readonly #parts: ExchangeParts;
  readonly #stream: ByteStream;
  readonly #owner: ExchangeOwner;
  /** What was read behind the request that is being served. */
  readonly #ahead: ByteQueue;
  readonly #head = new ResponseHeadWriter();
  readonly #writer: ResponseWriter;
  /** The request being served; undefined once its observer has heard the end. */
  #request: ServerRequest | undefined;
  /** Its body, as long as the client has not sent all of it. */
  #incoming: RequestBody | undefined;
  /** The client was told to send its body (RFC 9110 §10.1.1). */
  #continued = false;
  /** The final answer has begun. */
  #answered = false;
  #persistent = false;
  /** The client sends no other request. */
  #last = false;
  /** An answer that waits for the rest of the request body (data-plane §1.4.17), and how much came meanwhile. */
  #held: ResponseLike | undefined;
  #heldFor = 0;
  readonly #onResult = (result: Result): void => this.#answer(result);
  readonly #onError = (error: unknown): void => this.#panic(error);

  constructor(stream: ByteStream, parts: ExchangeParts, owner: ExchangeOwner, ahead: ByteQueue) {
    this.latin1 = parts.latin1;
    this.#stream = stream;
    this.#parts = parts;
    this.#owner = owner;
    this.#ahead = ahead;
    this.#writer = new ResponseWriter(stream, this);
  }

  /** A request is being served; else, at most the rest of its body is being read away. */
  get active(): boolean {
    return this.#request !== undefined;
  }

  /** The client has not sent all of the request body. */
  get receiving(): boolean {
    return this.#incoming !== undefined;
  }

  /** The request body does not want to be read for now. */
  get blocked(): boolean {
    return this.#incoming?.blocked === true;
  }

  /**
   * Has a request answered. `bytes` from `from` on came behind its head; what is not its body goes to the bytes read ahead.
   * `gone`: its client has left already.
   */
  begin(head: RequestHead, bytes: Uint8Array, from: number, gone: boolean): void {
    this.#continued = false;
    this.#answered = false;
    this.#heldFor = 0;
    let incoming: RequestBody | undefined;
    if (head.chunked || head.contentLength > 0) {
      incoming = new RequestBody(this, head.chunked ? -1 : head.contentLength);
      this.#incoming = incoming;
      if (from < bytes.length) this.#feed(incoming, bytes, from);
    } else if (from < bytes.length) this.#ahead.unshift(bytes.subarray(from));
    this.#last = !head.persistent;
    const request = new ServerRequest(head, incoming, this.#stream, this);
    this.#request = request;
    if (gone) this.clientLeft();
    this.#writer.bodyBytes = 0;
    if (head.target === "*" && head.method === "OPTIONS") {
      this.#answer(emptyResponse(200));
      return;
    }
    try {
      const result = this.#parts.handler(request, request);
      if (isPromise(result)) result.then(this.#onResult, this.#onError);
      else this.#answer(result);
    } catch (error) {
      this.#panic(error);
    }
  }

  /** Takes bytes while `receiving`; what stands behind the body goes to the bytes read ahead. */
  receive(bytes: Uint8Array): void {
    const incoming = this.#incoming;
    if (incoming === undefined || incoming.failure !== undefined) return;
    const { length } = bytes;
    this.#feed(incoming, bytes, 0);
    if (this.#held !== undefined) {
      this.#heldFor += length;
      if (!this.#holds(incoming)) this.#release();
    } else if (this.#request === undefined) {
      if (incoming.complete) this.#owner.exchangeOver(true, false);
      else if (incoming.failure !== undefined || incoming.wasted > discardLimit) this.#owner.exchangeOver(false, false);
    } else if (incoming.failure !== undefined && this.#answered) {
      // Too late for another answer (architecture §8).
      this.#writer.abandon();
      this.#finish("request-cut");
      this.#owner.exchangeCut(false);
    }
  }

  #feed(incoming: RequestBody, bytes: Uint8Array, from: number): void {
    // A sink may give the memory of what it has written on back: the bytes have no length then.
    const { length } = bytes;
    const after = incoming.feed(bytes, from);
    if (after < 0) return;
    this.#incoming = undefined;
    if (after < length) this.#ahead.unshift(bytes.subarray(after));
  }

  /** The stream took everything. */
  drained(): void {
    this.#writer.drained();
  }

  /** The client is gone, or sends no more before it has its answer (data-plane §4.9): whoever works for it is told. */
  clientLeft(): void {
    if (this.#request?.leave() !== true) return;
    this.#incoming?.fail(clientGone());
    if (this.#held !== undefined) this.#release();
  }

  /** The connection is closed. Without an answer yet, the handler's comes later and ends the exchange. */
  closed(): void {
    this.clientLeft();
    if (!this.#writer.busy) return;
    this.#writer.abandon();
    this.#finish("client-gone");
  }

  /** Drops what is left of the request body; the connection is closing. */
  dropBody(): void {
    this.#incoming = undefined;
  }

  inform(request: ServerRequest, status: number, headers: HeadersLike): void {
    if (request !== this.#request || this.#answered || !this.#owner.serving) return;
    if (status === 100) this.#continued = true;
    this.#stream.writeText(`${statusLine(request, status, "")}${linesOf(headers).toWire()}\r\n`);
  }

  bodyWanted(): void {
    if (this.#answered || this.#request === undefined || !this.#waitsForContinue(this.#request)) return;
    this.#continued = true;
    this.#stream.writeText("HTTP/1.1 100 Continue\r\n\r\n");
  }

  bodyMoved(): void {
    this.#owner.regulate();
  }

  responseWritten(): void {
    this.#finish("complete");
    const incoming = this.#incoming;
    if (incoming === undefined || !this.#persistent) {
      this.#owner.exchangeOver(this.#persistent, this.#last && incoming === undefined);
      return;
    }
    incoming.drop();
    if (incoming.failure === undefined && incoming.unread < discardLimit) this.#owner.exchangeDiscards();
    else this.#owner.exchangeOver(false, false);
  }

  responseCut(): void {
    this.#finish("response-cut");
    this.#owner.exchangeCut(this.#head.framing === "close");
  }

  /** The handler's result is there, or the end of what held it back. */
  #answer(result: Result): void {
    if (!this.#owner.serving) {
      dispose(result);
      this.#finish("client-gone");
    } else if (isTunnel(result)) this.#switch(result);
    else if (this.#incoming !== undefined && this.#mustWait(this.#incoming)) this.#held = result;
    else this.#respond(result);
  }

  /** The handler failed, which the core never does. */
  #panic(error: unknown): void {
    this.#parts.options.onError?.(error);
    this.#answer(emptyResponse(502));
  }

  /** True when an answer has to wait for the rest of the request body; a body that nobody reads is dropped. */
  #mustWait(incoming: RequestBody): boolean {
    if (this.#parts.options.concurrentReadWrite === true) return false;
    if (!incoming.taken) {
      if (this.#waitsForContinue(this.#request!)) return false;
      incoming.drop();
    }
    return this.#holds(incoming) && incoming.unread < discardLimit;
  }

  /** True while an answer is better held back until more of the body has come. */
  #holds(incoming: RequestBody): boolean {
    const { complete, failure, stalled } = incoming;
    return !complete && failure === undefined && !stalled && this.#heldFor <= discardLimit;
  }

  #release(): void {
    const held = this.#held!;
    this.#held = undefined;
    this.#answer(held);
  }

  /** The client waits for a 100 that it has not got. */
  #waitsForContinue(request: ServerRequest): boolean {
    return request.head.expectContinue && !request.old && !this.#continued;
  }

  /** Whether the request leaves the connection in a state to go on with. */
  #mayPersist(request: ServerRequest): boolean {
    const { incoming } = request;
    if (incoming?.failure !== undefined) return false;
    // It came unasked, and nobody has read it: upstream does not go on behind it.
    if (incoming !== undefined && !incoming.taken && this.#waitsForContinue(request)) return false;
    if (this.#incoming === undefined) return true;
    if (this.#parts.options.concurrentReadWrite !== true || this.#waitsForContinue(request)) return false;
    return this.#incoming.taken || this.#incoming.unread < discardLimit;
  }

  #respond(response: ResponseLike): void {
    try {
      if (response.raw === undefined) this.#write(response, this.#request!);
      else {
        this.#persistent = false;
        this.#answered = true;
        this.#writer.writeWhole(response.raw, 0);
      }
    } catch (error) {
      this.#parts.options.onError?.(error);
      dispose(response);
      if (this.#answered) this.responseCut();
      else this.#write(emptyResponse(502), this.#request!);
    }
  }

  #write(response: ResponseLike, request: ServerRequest): void {
    const { content } = response;
    const lines = linesOf(response.headers);
    const source = content === undefined ? bodyOf(response) : undefined;
    const length = content === undefined ? (source?.length ?? 0) : content.length;
    const head = this.#head;
    const text = head.write(response, lines, request, length, this.#mayPersist(request), this.#parts.date.text());
    this.#persistent = head.persistent;
    this.#answered = true;
    if (head.framing === "none") {
      if (source !== undefined) dispose(response);
      this.#writer.writeWhole(text, length > 0 ? length : 0);
    } else if (source !== undefined) {
      this.#writer.begin(text, head.framing, head.length, source);
    } else if (head.length === length) {
      this.#writer.writeWhole(content === undefined ? text : text + content, length);
    } else {
      throw new Error(`write a response: it has ${length} body bytes, its Content-Length says ${head.length}`);
    }
  }

  #switch(tunnel: Extract<Result, { tunnel: unknown }>): void {
    if (!(tunnel instanceof ByteTunnel)) {
      dispose(tunnel);
      this.#panic(new Error("switch protocols: the handler's tunnel has no byte stream"));
    } else if (this.#incoming !== undefined) {
      // RFC 9110 §7.8: the request must be complete before the protocol changes.
      dispose(tunnel);
      this.#finish("request-cut");
      this.#owner.exchangeCut(false);
    } else {
      const request = this.#request!;
      this.#answered = true;
      this.#request = undefined;
      request.switched();
      this.#owner.exchangeSwitched(tunnel, request);
    }
  }

  /** The exchange is over; its observer hears it once. */
  #finish(end: ExchangeEnd): void {
    const request = this.#request;
    if (request === undefined) return;
    this.#request = undefined;
    const { incoming, observer } = request;
    const cut = incoming?.failure === undefined ? end : "request-cut";
    observer?.finished(incoming?.delivered ?? 0, this.#writer.bodyBytes, request.gone ? "client-gone" : cut);
  }
}
