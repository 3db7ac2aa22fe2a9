import type { Client, ClientTexts, ClientTlsFacts, ExchangeObserver } from "../core/client.ts";
import type { HeadersLike, RequestLike } from "../core/message.ts";
import type { ByteStream } from "../runtime/interface/byte-stream.ts";
import type { BodySource, HasSource } from "./body.ts";
import { FetchMembers } from "./fetch-members.ts";
import type { HeaderLines } from "./header-lines.ts";
import type { RequestHead } from "./request-head.ts";
import { noBody, type RequestBody } from "./server-request-body.ts";
import type { AnswerTo } from "./server-response-head.ts";

/** Sends interim responses for a request, as long as it is the one being served and has no final answer yet. */
export interface Informer {
  /** What the core keeps of the client for the requests to come. */
  texts: ClientTexts | undefined;
  inform(request: ServerRequest, status: number, headers: HeadersLike): void;
}

/**
 * One request on a connection of ours: the request, and the client it came from. Everything that is not on the
 * way of a proxied request (`url`, `body`, `signal`) comes into being when somebody asks for it.
 */
export class ServerRequest implements RequestLike, Client, HasSource, AnswerTo {
  observer: ExchangeObserver | undefined = undefined;
  readonly head: RequestHead;
  /** The request's body on its way in; undefined when it has none. */
  readonly incoming: RequestBody | undefined;
  readonly #stream: ByteStream;
  #informer: Informer | undefined;
  /** The client has gone away (data-plane §4.9). */
  #gone = false;
  #fetch: FetchMembers | undefined;

  constructor(head: RequestHead, incoming: RequestBody | undefined, stream: ByteStream, informer: Informer) {
    this.head = head;
    this.incoming = incoming;
    this.#stream = stream;
    this.#informer = informer;
  }

  get method(): string {
    return this.head.method;
  }

  get headers(): HeaderLines {
    return this.head.headers;
  }

  get expectsContinue(): boolean {
    return this.head.expectContinue;
  }

  get target(): string {
    return this.head.target;
  }

  get protocol(): string {
    return this.head.protocol;
  }

  get persistent(): boolean {
    return this.head.persistent;
  }

  get old(): boolean {
    return this.head.protocol === "HTTP/1.0";
  }

  get source(): BodySource {
    return this.incoming ?? noBody;
  }

  /** The target as an absolute URL, as Fetch wants it; not checked and not normalised. */
  get url(): string {
    const { target } = this.head;
    const first = target.charCodeAt(0);
    if (first !== 0x2f && target !== "*" && target.includes("://")) return target;
    const authority = this.head.headers.first("host");
    return this.#members().url(this.#stream.tls !== undefined, authority, first === 0x2f ? target : "/");
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.incoming === undefined) return null;
    return this.#members().body(this.incoming);
  }

  get signal(): AbortSignal {
    return this.#members().signal(this.#gone);
  }

  get remoteAddress(): string {
    return this.#stream.remoteAddress;
  }

  get remotePort(): number {
    return this.#stream.remotePort;
  }

  get localAddress(): string {
    return this.#stream.localAddress;
  }

  get localPort(): number {
    return this.#stream.localPort;
  }

  get tls(): ClientTlsFacts | undefined {
    return this.#stream.tls;
  }

  get texts(): ClientTexts | undefined {
    return this.#informer?.texts;
  }

  set texts(texts: ClientTexts | undefined) {
    if (this.#informer !== undefined) this.#informer.texts = texts;
  }

  get takesTunnel(): boolean {
    return true;
  }

  inform(status: number, headers: HeadersLike): void {
    this.#informer?.inform(this, status, headers);
  }

  /** It became a tunnel: what served it is not needed any more, and is not to be held for as long as that lasts. */
  switched(): void {
    this.#informer = undefined;
  }

  /** The client went away. True the first time. */
  leave(): boolean {
    if (this.#gone) return false;
    this.#gone = true;
    this.observer?.aborted("client-gone");
    this.#fetch?.abort();
    return true;
  }

  /** True once `leave` was called. */
  get gone(): boolean {
    return this.#gone;
  }

  #members(): FetchMembers {
    this.#fetch ??= new FetchMembers();
    return this.#fetch;
  }
}
