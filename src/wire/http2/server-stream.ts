import type { Client, ClientTexts, ClientTlsFacts, ExchangeEnd, ExchangeObserver } from "../../core/client.ts";
import { Failure } from "../../core/forwarding/failure.ts";
import { type HeadersLike, isTunnel, type RequestLike, type ResponseLike } from "../../core/message.ts";
import type { ByteStream } from "../../runtime/interface/byte-stream.ts";
import type { BodySink, BodySource, HasSource } from "../body.ts";
import { FetchMembers } from "../fetch-members.ts";
import type { HeaderLines } from "../header-lines.ts";
import type { ConnectionHost, Handler } from "../server-options.ts";
import { noBody } from "../server-request-body.ts";
import { announcedLength, endsWithHead, linesOf } from "../server-response-head.ts";
import { bodyOf, dispose, emptyResponse, isPromise, type Result } from "../server-result.ts";
import { ByteTunnel } from "../tunnel.ts";
import { spliceFor, WebSocketSplice } from "../web-socket-splice.ts";
import { encodeField, encodeStatus } from "./hpack-encoder.ts";
import { IncomingBody, type IncomingOwner } from "./incoming-body.ts";
import { encodeLines } from "./message-block.ts";
import { CANCEL, INTERNAL_ERROR, NO_ERROR, PROTOCOL_ERROR } from "./protocol.ts";
import { type RequestFields, trailerLines } from "./request-fields.ts";
import { Http2Stream, type StreamConnection } from "./stream.ts";
import { TunnelStream } from "./tunnel-stream.ts";

/** The connection of a request's stream. */
export interface ServerStreamOwner extends StreamConnection {
  /** For tunnels. */
  readonly host: ConnectionHost;
  /** What the core keeps of the client for the requests to come. */
  texts: ClientTexts | undefined;
  /** The value of a Date line. */
  date(): string;
  handlerFailed(error: unknown): void;
  /** The stream carries a tunnel from now on. */
  streamSwitched(stream: Http2ServerStream): void;
  /** The stream is over for its request and its answer. */
  streamOver(stream: Http2ServerStream): void;
  /** The client broke the rules of this stream. */
  breakStream(stream: Http2ServerStream, code: number): void;
}

/** A request on a stream, the client it came from, and its answer: one object for all of it. */
export class Http2ServerStream extends Http2Stream implements RequestLike, Client, HasSource, BodySink, IncomingOwner {
  observer: ExchangeObserver | undefined = undefined;
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderLines;
  readonly takesTunnel: boolean;
  readonly #owner: ServerStreamOwner;
  readonly #below: ByteStream;
  readonly #expectContinue: boolean;
  /** An extended CONNECT: the answer 101 is 200 there (RFC 8441 §5). */
  readonly #extended: boolean;
  readonly #incoming: IncomingBody | undefined;
  /** Bytes of the announced request body that have not come; -1: nothing was announced. */
  #missing: number;
  /** The client went away, or broke the rules. */
  #gone = false;
  #answered = false;
  #continued = false;
  #finished = false;
  #response: BodySource | undefined;
  /** Announced length of the response; -1: none. */
  #length = -1;
  #bodyBytes = 0;
  #starting = false;
  #stalled = false;
  #held: Uint8Array | undefined;
  #ended = false;
  #endTrailers: string | undefined;
  #tunnel: TunnelStream | undefined;
  #webSocket: WebSocketSplice | undefined;
  #fetch: FetchMembers | undefined;

  constructor(id: number, owner: ServerStreamOwner, below: ByteStream, fields: RequestFields, last: boolean) {
    super(id, owner);
    this.#owner = owner;
    this.#below = below;
    this.#extended = fields.protocol !== "";
    this.method = this.#extended ? "GET" : fields.method;
    this.target = fields.target;
    this.headers = fields.headers();
    this.takesTunnel = this.#extended || this.method === "CONNECT";
    this.#expectContinue = fields.expectContinue;
    this.#missing = fields.contentLength;
    this.remoteClosed = last;
    // What a tunnel's stream carries is no body of the request.
    this.#incoming = last ? undefined : new IncomingBody(this.takesTunnel ? 0 : fields.contentLength, this);
  }

  get protocol(): string {
    return "HTTP/2.0";
  }

  get source(): BodySource {
    return this.takesTunnel ? noBody : (this.#incoming ?? noBody);
  }

  get url(): string {
    const path = this.target.charCodeAt(0) === 0x2f ? this.target : "/";
    return this.#members().url(this.#below.tls !== undefined, this.headers.first("host"), path);
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.#incoming === undefined || this.takesTunnel) return null;
    return this.#members().body(this.#incoming);
  }

  get signal(): AbortSignal {
    return this.#members().signal(this.#gone);
  }

  #members(): FetchMembers {
    this.#fetch ??= new FetchMembers();
    return this.#fetch;
  }

  get remoteAddress(): string {
    return this.#below.remoteAddress;
  }

  get remotePort(): number {
    return this.#below.remotePort;
  }

  get localAddress(): string {
    return this.#below.localAddress;
  }

  get localPort(): number {
    return this.#below.localPort;
  }

  get tls(): ClientTlsFacts | undefined {
    return this.#below.tls;
  }

  get texts(): ClientTexts | undefined {
    return this.#owner.texts;
  }

  set texts(texts: ClientTexts | undefined) {
    this.#owner.texts = texts;
  }

  /** The client gave the request up, or broke its rules. */
  get gone(): boolean {
    return this.#gone;
  }

  /** The WebSocket it carries, if its ends can be told to close. */
  get webSocket(): WebSocketSplice | undefined {
    return this.#webSocket;
  }

  inform(status: number, headers: HeadersLike): void {
    if (this.#answered || this.#gone) return;
    if (status === 100) this.#continued = true;
    this.connection.sendHeaders(this, encodeStatus(status) + encodeLines(headers), false);
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

  headersArrived(last: boolean): void {
    const trailers = last && !this.remoteClosed ? trailerLines(this.connection.fields) : undefined;
    if (trailers === undefined) this.#owner.breakStream(this, PROTOCOL_ERROR);
    else this.#bodyEnded(trailers.lineCount > 0 ? trailers : undefined);
  }

  protected bodyArrived(bytes: Uint8Array, last: boolean): void {
    const incoming = this.#incoming;
    if (incoming === undefined) return;
    if (this.#missing >= 0) {
      this.#missing -= bytes.length;
      if (this.#missing < 0) {
        this.#requestFailed("request body longer than its Content-Length");
        return;
      }
    }
    if (bytes.length > 0) incoming.data(bytes);
    if (last) this.#bodyEnded(undefined);
  }

  #bodyEnded(trailers: HeaderLines | undefined): void {
    if (this.#missing > 0) {
      this.#requestFailed("request body shorter than its Content-Length");
      return;
    }
    this.remoteClosed = true;
    this.#incoming?.end(trailers);
    if (this.localClosed && this.pending === 0) this.connection.forget(this);
  }

  /** The client does not keep to its Content-Length (RFC 9113 §8.1.1). */
  #requestFailed(text: string): void {
    this.#owner.reset(this.id, PROTOCOL_ERROR);
    this.#leave(new Failure("request-body", "client", "never", text), "request-cut");
  }

  resetArrived(_code: number): void {
    this.#leave(new Failure("client-gone", "client", "never", "context canceled"), "client-gone");
  }

  /** The client is not there any more, or as good as: everybody who works for it is told. */
  #leave(failure: Failure, end: ExchangeEnd): void {
    if (this.#gone) return;
    this.#gone = true;
    this.remoteClosed = true;
    this.abandon();
    if (!this.#finished) {
      this.observer?.aborted("client-gone");
      this.#fetch?.abort();
    }
    this.#incoming?.fail(failure);
    this.#tunnel?.failed(failure);
    const response = this.#response;
    this.#response = undefined;
    response?.cancel();
    // Without an answer yet, the handler's comes later and ends the exchange.
    if (this.#answered && this.#tunnel === undefined) this.#finish(end);
    this.#owner.streamOver(this);
  }

  bodyWanted(): void {
    if (!this.#expectContinue || this.#continued || this.#answered || this.#gone) return;
    this.#continued = true;
    this.connection.sendHeaders(this, encodeStatus(100), false);
  }

  bodyConsumed(bytes: number): void {
    this.consumed(bytes);
  }

  bodyCancelled(): void {}

  /** The handler's result is there. */
  #answer(result: Result): void {
    if (this.#gone) {
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
    this.#answered = true;
    this.#length = announced >= 0 ? announced : known;
    if (announced >= 0 || (bodiless && lines.has("content-length"))) lines.delete("content-length");
    let block = encodeStatus(status) + encodeLines(lines);
    const says = bodiless ? this.method === "HEAD" && status >= 200 && status !== 204 && status !== 304 : true;
    if (says && this.#length >= 0 && (!bodiless || announced >= 0)) {
      block += encodeField("content-length", String(this.#length));
    }
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
    this.#dropRequest();
    this.#finish("response-cut");
    this.#owner.streamOver(this);
  }

  /** The whole response was sent. A request that goes on is not wanted any more (RFC 9113 §8.1). */
  #done(): void {
    this.#response = undefined;
    if (!this.remoteClosed) this.connection.reset(this.id, NO_ERROR);
    this.#finish("complete");
    this.#dropRequest();
    this.#owner.streamOver(this);
  }

  #dropRequest(): void {
    this.remoteClosed = true;
    if (this.#incoming !== undefined && !this.#incoming.complete) {
      this.#incoming.fail(new Failure("client-gone", "client", "never", "context canceled"));
    }
  }

  #switch(result: Extract<Result, { tunnel: unknown }>): void {
    if (!(result instanceof ByteTunnel) || !this.takesTunnel) {
      dispose(result);
      this.#panic(new Error("switch protocols: this stream cannot carry what the handler gave"));
      return;
    }
    const { headers, early } = result;
    this.#answered = true;
    if (this.#extended) headers.delete("sec-websocket-accept");
    this.connection.sendHeaders(this, encodeStatus(200) + encodeLines(headers), false);
    const near = new TunnelStream(this, this.#incoming ?? noBody, this.#below);
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
    if (this.#finished) return;
    this.#finished = true;
    const received = this.takesTunnel ? 0 : (this.#incoming?.delivered ?? 0);
    this.observer?.finished(received, this.#bodyBytes, this.#gone && end === "complete" ? "client-gone" : end);
  }
}
