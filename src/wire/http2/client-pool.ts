import type { Failure } from "../../core/forwarding/failure.ts";
import type { Endpoint } from "../../core/routing/endpoint.ts";
import type { ByteStream, ByteStreamHandler } from "../../runtime/interface/byte-stream.ts";
import type { StreamError } from "../../runtime/interface/stream-error.ts";
import type { ClientExchange } from "../client-exchange.ts";
import { Http2ClientConnection, type Http2ClientOwner, type Http2ClientParts } from "./client-connection.ts";

/** How connections come about, and what becomes of those that speak HTTP/1.1. */
export interface Http2Dialler {
  readonly http2: Http2ClientParts;
  /** Backends without TLS are spoken to in HTTP/2 as well (RFC 9113 §3.3). */
  readonly priorKnowledge: boolean;
  /** Dials, offering `h2` and `http/1.1` by ALPN. The exchange's attempt gets the times. */
  dial(exchange: ClientExchange, handler: ByteStreamHandler): Promise<ByteStream>;
  dialFailed(endpoint: Endpoint, error: unknown): Failure;
  /** Sends the exchange in HTTP/1.1 on a connection that was dialled for it; gives its handler. */
  carryHttp1(exchange: ClientExchange, stream: ByteStream): ByteStreamHandler;
}

/** Keeps what a stream says between its dial and its first owner. */
class Arrival implements ByteStreamHandler {
  readonly #early: Uint8Array[] = [];
  #ended = false;
  #closed: { readonly cause: StreamError | undefined } | undefined;

  data(bytes: Uint8Array): void {
    this.#early.push(bytes);
  }

  drained(): void {}

  ended(): void {
    this.#ended = true;
  }

  closed(cause: StreamError | undefined): void {
    this.#closed = { cause };
  }

  /** Tells the owner what came before it. */
  passTo(owner: ByteStreamHandler): void {
    for (const bytes of this.#early) owner.data(bytes);
    if (this.#ended) owner.ended();
    if (this.#closed !== undefined) owner.closed(this.#closed.cause);
  }
}

/**
 * The HTTP/2 connections of one endpoint. Requests that come while the first is being dialled wait for it, as they will
 * share it; behind a backend that turned out to speak HTTP/1.1 only, each dials for itself.
 */
export class Http2ClientPool implements Http2ClientOwner {
  readonly #dialler: Http2Dialler;
  readonly #endpoint: Endpoint;
  readonly #open: Http2ClientConnection[] = [];
  #waiting: ClientExchange[] = [];
  #dialling = false;
  /** The last connection spoke HTTP/1.1. */
  old = false;
  #closed = false;

  constructor(dialler: Http2Dialler, endpoint: Endpoint) {
    this.#dialler = dialler;
    this.#endpoint = endpoint;
  }

  /** Sends a request on a connection that has room, or on a new one. */
  carry(exchange: ClientExchange): void {
    if (this.#dialler.http2.idleTimeoutMs === 0 || this.old) {
      void this.#dial(exchange, false);
      return;
    }
    const connection = this.#open.find(({ available }) => available);
    if (connection !== undefined) {
      connection.carry(exchange);
      return;
    }
    this.#waiting.push(exchange);
    if (this.#dialling) return;
    this.#dialling = true;
    void this.#dial(exchange, true);
  }

  again(exchange: ClientExchange): void {
    this.carry(exchange);
  }

  /** Connections end behind what they carry; nothing is kept from now on. */
  close(): void {
    this.#closed = true;
    for (const connection of [...this.#open]) connection.close();
  }

  leaving(connection: Http2ClientConnection): void {
    const at = this.#open.indexOf(connection);
    if (at >= 0) this.#open.splice(at, 1);
  }

  roomier(): void {
    if (this.#waiting.length > 0) this.#serveWaiting();
  }

  #serveWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const exchange of waiting) if (!exchange.over) this.carry(exchange);
  }

  /** Dials for a request; `shared`: for all that wait when the dial is done. */
  async #dial(exchange: ClientExchange, shared: boolean): Promise<void> {
    const arrival = new Arrival();
    let stream: ByteStream;
    try {
      stream = await this.#dialler.dial(exchange, arrival);
    } catch (error) {
      const failure = this.#dialler.dialFailed(this.#endpoint, error);
      for (const one of shared ? this.#take() : [exchange]) one.fail(failure);
      return;
    }
    const exchanges = shared ? this.#take() : [exchange];
    const { tls } = stream;
    const speaksHttp2 = tls === undefined ? this.#dialler.priorKnowledge : tls.alpn === "h2";
    this.old = !speaksHttp2;
    if (speaksHttp2) this.#opened(stream, arrival, exchanges);
    else this.#openedOld(stream, arrival, exchanges);
  }

  /** Those that still wait: while the dial was under way others came, and some went on connections that had room again. */
  #take(): readonly ClientExchange[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#dialling = false;
    return waiting;
  }

  #opened(stream: ByteStream, arrival: Arrival, exchanges: readonly ClientExchange[]): void {
    const connection = new Http2ClientConnection(stream, this.#dialler.http2, this);
    stream.handler = connection;
    if (!this.#closed && this.#dialler.http2.idleTimeoutMs > 0) this.#open.push(connection);
    for (const exchange of exchanges) {
      if (exchange.over) continue;
      if (connection.available) connection.carry(exchange);
      else this.carry(exchange);
    }
    arrival.passTo(connection);
    if (this.#closed || !connection.used) connection.close();
  }

  #openedOld(stream: ByteStream, arrival: Arrival, exchanges: readonly ClientExchange[]): void {
    const [first, ...others] = exchanges.filter((exchange) => !exchange.over);
    if (first === undefined) {
      stream.destroy();
      return;
    }
    const handler = this.#dialler.carryHttp1(first, stream);
    stream.handler = handler;
    arrival.passTo(handler);
    for (const exchange of others) this.carry(exchange);
  }
}
