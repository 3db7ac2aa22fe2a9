import type { Client, ClientTexts, ClientTlsFacts, ExchangeEnd, ExchangeObserver } from "../../core/client.ts";
import { clientGone, Failure } from "../../core/forwarding/failure.ts";
import type { HeadersLike, RequestLike } from "../../core/message.ts";
import type { ByteStream } from "../../runtime/interface/byte-stream.ts";
import type { BodySource, HasSource } from "../body.ts";
import { FetchMembers } from "../fetch-members.ts";
import type { HeaderLines } from "../header-lines.ts";
import { noBody } from "../server-request-body.ts";
import { encodeStatus } from "./hpack-encoder.ts";
import { IncomingBody, type IncomingOwner } from "./incoming-body.ts";
import { encodeLines } from "./message-block.ts";
import { PROTOCOL_ERROR } from "./protocol.ts";
import { type RequestFields, trailerLines } from "./request-fields.ts";
import { Http2Stream, type StreamConnection } from "./stream.ts";

/** The connection of a request's stream, as the request sees it. */
export interface RequestConnection extends StreamConnection {
  /** What the core keeps of the client for the requests to come. */
  texts: ClientTexts | undefined;
  /** The client broke the rules of this stream. */
  breakStream(stream: Http2Stream, code: number): void;
}

/**
 * A request on a stream, and the client it came from: its fields, its body on the way in, interim responses, and how the
 * client leaves. What answers it extends it, as one object for all of it is what a request costs.
 */
export abstract class RequestStream extends Http2Stream implements RequestLike, Client, HasSource, IncomingOwner {
  observer: ExchangeObserver | undefined = undefined;
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderLines;
  readonly takesTunnel: boolean;
  /** The stream of the connection: for addresses and TLS facts. */
  protected readonly below: ByteStream;
  /** An extended CONNECT: the answer 101 is 200 there (RFC 8441 §5). */
  protected readonly extended: boolean;
  /** The request's body, or what comes in through the tunnel; undefined when there is none. */
  protected readonly incoming: IncomingBody | undefined;
  /** The final answer has begun. */
  protected answered = false;
  /** The observer has heard the end of the exchange. */
  protected finished = false;
  readonly #requests: RequestConnection;
  readonly #expectContinue: boolean;
  /** Bytes of the announced request body that have not come; -1: nothing was announced. */
  #missing: number;
  #gone = false;
  /** The client was told to send its body (RFC 9110 §10.1.1). */
  #continued = false;
  #fetch: FetchMembers | undefined;

  constructor(id: number, connection: RequestConnection, below: ByteStream, fields: RequestFields, last: boolean) {
    super(id, connection);
    this.#requests = connection;
    this.below = below;
    this.extended = fields.protocol !== "";
    this.method = this.extended ? "GET" : fields.method;
    this.target = fields.target;
    this.headers = fields.headers();
    this.takesTunnel = this.extended || this.method === "CONNECT";
    this.#expectContinue = fields.expectContinue;
    this.#missing = fields.contentLength;
    this.remoteClosed = last;
    // What a tunnel's stream carries is no body of the request.
    this.incoming = last ? undefined : new IncomingBody(this.takesTunnel ? 0 : fields.contentLength, this);
  }

  /** The client is not there any more, or as good as: everybody who works on the answer is to be told. */
  protected abstract clientLeft(failure: Failure, end: ExchangeEnd): void;

  get protocol(): string {
    return "HTTP/2.0";
  }

  get source(): BodySource {
    return this.takesTunnel ? noBody : (this.incoming ?? noBody);
  }

  get url(): string {
    const path = this.target.charCodeAt(0) === 0x2f ? this.target : "/";
    return this.#members().url(this.below.tls !== undefined, this.headers.first("host"), path);
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.incoming === undefined || this.takesTunnel) return null;
    return this.#members().body(this.incoming);
  }

  get signal(): AbortSignal {
    return this.#members().signal(this.#gone);
  }

  #members(): FetchMembers {
    this.#fetch ??= new FetchMembers();
    return this.#fetch;
  }

  get remoteAddress(): string {
    return this.below.remoteAddress;
  }

  get remotePort(): number {
    return this.below.remotePort;
  }

  get localAddress(): string {
    return this.below.localAddress;
  }

  get localPort(): number {
    return this.below.localPort;
  }

  get tls(): ClientTlsFacts | undefined {
    return this.below.tls;
  }

  get texts(): ClientTexts | undefined {
    return this.#requests.texts;
  }

  set texts(texts: ClientTexts | undefined) {
    this.#requests.texts = texts;
  }

  /** The client gave the request up, or broke its rules. */
  get gone(): boolean {
    return this.#gone;
  }

  inform(status: number, headers: HeadersLike): void {
    if (this.answered || this.#gone) return;
    if (status === 100) this.#continued = true;
    this.connection.sendHeaders(this, encodeStatus(status) + encodeLines(headers), false);
  }

  headersArrived(last: boolean): void {
    const trailers = last && !this.remoteClosed ? trailerLines(this.connection.fields) : undefined;
    if (trailers === undefined) this.#requests.breakStream(this, PROTOCOL_ERROR);
    else this.#bodyEnded(trailers.lineCount > 0 ? trailers : undefined);
  }

  protected bodyArrived(bytes: Uint8Array, last: boolean): void {
    const { incoming } = this;
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
    this.incoming?.end(trailers);
    if (this.localClosed && this.pending === 0) this.connection.forget(this);
  }

  /** The client does not keep to its Content-Length (RFC 9113 §8.1.1). */
  #requestFailed(text: string): void {
    this.connection.reset(this.id, PROTOCOL_ERROR);
    this.#leave(new Failure("request-body", "client", "never", text), "request-cut");
  }

  resetArrived(_code: number): void {
    this.#leave(clientGone(), "client-gone");
  }

  #leave(failure: Failure, end: ExchangeEnd): void {
    if (this.#gone) return;
    this.#gone = true;
    this.remoteClosed = true;
    this.abandon();
    if (!this.finished) {
      this.observer?.aborted("client-gone");
      this.#fetch?.abort();
    }
    this.incoming?.fail(failure);
    this.clientLeft(failure, end);
  }

  /** What is left of the request is not wanted any more. */
  protected dropRequest(): void {
    this.remoteClosed = true;
    if (this.incoming !== undefined && !this.incoming.complete) this.incoming.fail(clientGone());
  }

  bodyWanted(): void {
    if (!this.#expectContinue || this.#continued || this.answered || this.#gone) return;
    this.#continued = true;
    this.connection.sendHeaders(this, encodeStatus(100), false);
  }

  bodyConsumed(bytes: number): void {
    this.consumed(bytes);
  }

  bodyCancelled(): void {}
}
