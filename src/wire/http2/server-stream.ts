import type { ExchangeEnd } from "../../core/client.ts";
import type { Failure } from "../../core/forwarding/failure.ts";
import { isTunnel, type ResponseLike } from "../../core/message.ts";
import type { ByteStream } from "../../runtime/interface/byte-stream.ts";
import type { BodySink, BodySource } from "../body.ts";
import type { HeaderLines } from "../header-lines.ts";
import type { ConnectionHost, Handler } from "../server-options.ts";
import { noBody } from "../server-request-body.ts";
import { announcedLength, endsWithHead, linesOf } from "../server-response-head.ts";
import { bodyOf, dispose, emptyResponse, isPromise, type Result } from "../server-result.ts";
import { ByteTunnel } from "../tunnel.ts";
import { spliceFor, WebSocketSplice } from "../web-socket-splice.ts";
import { encodeField, encodeStatus } from "./hpack-encoder.ts";
import { encodeLines } from "./message-block.ts";
import { CANCEL, INTERNAL_ERROR, NO_ERROR } from "./protocol.ts";
import type { RequestFields } from "./request-fields.ts";
import { type RequestConnection, RequestStream } from "./request-stream.ts";
import { TunnelStream } from "./tunnel-stream.ts";

/** The connection of a request's stream. */
export interface ServerStreamOwner extends RequestConnection {
  /** For tunnels. */
  readonly host: ConnectionHost;
  /** The value of a Date line. */
  date(): string;
  handlerFailed(error: unknown): void;
  /** The stream carries a tunnel from now on. */
  streamSwitched(stream: Http2ServerStream): void;
  /** The stream is over for its request and its answer. */
  streamOver(stream: Http2ServerStream): void;
}

/** A request's stream with its answer: has the request handled, and sends the response, or becomes a tunnel. */
export class Http2ServerStream extends RequestStream implements BodySink {
  readonly #owner: ServerStreamOwner;
  #response: BodySource | undefined;
  /** Announced length of the response; -1: none. */
  #length = -1;
  #bodyBytes = 0;
  /** The response's source is being started: what it gives at once waits in `#held` for more, or the end. */
  #starting = false;
  #held: Uint8Array | undefined;
  /** The source waits for `resume`. */
  #stalled = false;
  /** The source has given all; the trailers behind it, as a header block. */
  #ended = false;
  #endTrailers: string | undefined;
  #tunnel: TunnelStream | undefined;
  #webSocket: WebSocketSplice | undefined;

  constructor(id: number, owner: ServerStreamOwner, below: ByteStream, fields: RequestFields, last: boolean) {
    super(id, owner, below, fields, last);
    this.#owner = owner;
  }

  /** The WebSocket it carries, if its ends can be told to close. */
  get webSocket(): WebSocketSplice | undefined {
    return this.#webSocket;
  }

  /** Has the request answered. */
  serve(handler: Handler): void {
    if (this.target === "*" && this.method === "OPTIONS") {
      this.#answer(emptyResponse(200));
      return;
    }
    try {
      const result = handler(this, this);
      if (isPromise(result)) {
        result.then(
          (answer) => this.#answer(answer),
          (error: unknown) => this.#panic(error),
        );
      } else this.#answer(result);
    } catch (error) {
      this.#panic(error);
    }
  }

  /** The connection refuses the request in place of the handler. */
  refuse(response: ResponseLike): void {
    this.#answer(response);
  }

  protected clientLeft(failure: Failure, end: ExchangeEnd): void {
    this.#tunnel?.failed(failure);
    const response = this.#response;
    this.#response = undefined;
    response?.cancel();
    // Without an answer yet, the handler's comes later and ends the exchange.
    if (this.answered && this.#tunnel === undefined) this.#finish(end);
    this.#owner.streamOver(this);
  }

  /** The handler's result is there. */
  #answer(result: Result): void {
    if (this.gone) {
      dispose(result);
      this.#finish("client-gone");
    } else if (isTunnel(result)) this.#switch(result);
    else this.#respond(result);
  }

  /** The handler failed, which the core never does. */
  #panic(error: unknown): void {
    this.#owner.handlerFailed(error);
    this.#answer(emptyResponse(502));
  }

  #respond(response: ResponseLike): void {
    const lines = linesOf(response.headers);
    const { status, content } = response;
    const source = content === undefined ? bodyOf(response) : undefined;
    const known = content === undefined ? (source?.length ?? 0) : content.length;
    const bodiless = endsWithHead(this.method, status);
    const announced = announcedLength(lines);
    this.answered = true;
    this.#length = announced >= 0 ? announced : known;
    if (announced >= 0 || (bodiless && lines.has("content-length"))) lines.delete("content-length");
    let block = encodeStatus(status) + encodeLines(lines);
    // Without a body only the answer to HEAD has a length, and only the one it came with.
    const mayTell = bodiless ? announced >= 0 && this.#answersHead(status) : this.#length >= 0;
    if (mayTell) block += encodeField("content-length", String(this.#length));
    if (!lines.has("date")) block += encodeField("date", this.#owner.date());
    if (bodiless || this.#length === 0) {
      this.connection.sendHeaders(this, block, true);
      this.#bodyBytes = content?.length ?? 0;
      if (source !== undefined) {
        if (source.length === 0 && !source.taken) dispose(response);
        else source.cancel();
      }
      this.#done();
      return;
    }
    this.connection.sendHeaders(this, block, false);
    if (content !== undefined) this.#sendText(content);
    else this.#sendFrom(source!);
  }

  #answersHead(status: number): boolean {
    return this.method === "HEAD" && status >= 200 && status !== 204 && status !== 304;
  }

  #sendText(content: string): void {
    const bytes = new Uint8Array(content.length);
    for (let i = 0; i < content.length; i++) bytes[i] = content.charCodeAt(i);
    this.#bodyBytes = bytes.length;
    this.#ended = true;
    this.sendLast(bytes, undefined);
    if (this.localClosed) this.#done();
  }

  #sendFrom(source: BodySource): void {
    this.#response = source;
    this.#starting = true;
    source.start(this);
    this.#starting = false;
    const held = this.#held;
    this.#held = undefined;
    if (this.localClosed) return;
    if (this.#ended) {
      this.sendLast(held, this.#endTrailers);
      if (this.localClosed) this.#done();
    } else if (held !== undefined && !this.sendBody(held)) this.#stalled = true;
    else if (this.#stalled) this.sendReady();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#ended || this.localClosed) return false;
    if (bytes.length === 0) return true;
    this.#bodyBytes += bytes.length;
    if (this.#length >= 0 && this.#bodyBytes > this.#length) {
      this.#response?.cancel();
      this.#cut();
      return false;
    }
    if (this.#starting) {
      // What comes at once may be all: then it goes out as one frame with END_STREAM.
      const held = this.#held;
      this.#held = bytes;
      if (held === undefined || this.sendBody(held)) return true;
      this.#stalled = true;
      return false;
    }
    return this.sendBody(bytes);
  }

  end(trailers: HeaderLines | undefined): void {
    if (this.#ended || this.localClosed) return;
    if (this.#length >= 0 && this.#bodyBytes < this.#length) {
      this.#cut();
      return;
    }
    this.#ended = true;
    const block = trailers === undefined ? "" : encodeLines(trailers);
    this.#endTrailers = block === "" ? undefined : block;
    if (this.#starting) return;
    this.sendLast(undefined, this.#endTrailers);
    if (this.localClosed) this.#done();
  }

  fail(_failure: Failure): void {
    if (!this.#ended && !this.localClosed) this.#cut();
  }

  protected sendReady(): void {
    this.#stalled = false;
    if (this.#tunnel !== undefined) this.#tunnel.ready();
    else this.#response?.resume();
  }

  protected lastSent(): void {
    if (this.#tunnel === undefined) this.#done();
    else if (this.remoteClosed) this.#owner.streamOver(this);
  }

  /** The response cannot be completed (data-plane §2.4). What came before that is delivered. */
  #cut(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#response = undefined;
    if (held !== undefined) this.sendBody(held);
    this.abandon();
    this.connection.reset(this.id, INTERNAL_ERROR);
    this.dropRequest();
    this.#finish("response-cut");
    this.#owner.streamOver(this);
  }

  /** The whole response was sent. A request that goes on is not wanted any more (RFC 9113 §8.1). */
  #done(): void {
    this.#response = undefined;
    if (!this.remoteClosed) this.connection.reset(this.id, NO_ERROR);
    this.#finish("complete");
    this.dropRequest();
    this.#owner.streamOver(this);
  }

  #switch(result: Extract<Result, { tunnel: unknown }>): void {
    if (!(result instanceof ByteTunnel) || !this.takesTunnel) {
      dispose(result);
      this.#panic(new Error("switch protocols: this stream cannot carry what the handler gave"));
      return;
    }
    const { headers, early } = result;
    this.answered = true;
    if (this.extended) headers.delete("sec-websocket-accept");
    this.connection.sendHeaders(this, encodeStatus(200) + encodeLines(headers), false);
    const near = new TunnelStream(this, this.incoming ?? noBody, this.below);
    this.#tunnel = near;
    if (early.length > 0) near.write(early);
    const splice = spliceFor(near, result, this.#owner.host, this);
    if (splice instanceof WebSocketSplice) this.#webSocket = splice;
    this.#owner.streamSwitched(this);
    splice.begin();
  }

  cutTunnel(): void {
    const open = !this.localClosed || !this.remoteClosed;
    this.abandon();
    this.remoteClosed = true;
    if (open) this.connection.reset(this.id, CANCEL);
  }

  /** The tunnel that this stream became is closed. */
  spliceClosed(): void {
    this.#finish("complete");
    this.#owner.streamOver(this);
  }

  /** The exchange is over; its observer hears it once. */
  #finish(end: ExchangeEnd): void {
    if (this.finished) return;
    this.finished = true;
    const received = this.takesTunnel ? 0 : (this.incoming?.delivered ?? 0);
    this.observer?.finished(received, this.#bodyBytes, this.gone && end === "complete" ? "client-gone" : end);
  }
}
