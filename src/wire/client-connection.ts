import { addressText } from "../core/address-text.ts";
import { Failure } from "../core/forwarding/failure.ts";
import type { ByteStream, ByteStreamHandler } from "../runtime/interface/byte-stream.ts";
import type { StreamError } from "../runtime/interface/stream-error.ts";
import { ChunkedDecoder, chunkPrefix } from "./chunked.ts";
import { type BodyOrigin, ResponseBody } from "./client-body.ts";
import type { Carrier, ClientExchange } from "./client-exchange.ts";
import { badChunkFailure, cutFailure, type LostConnection, lostFailure } from "./client-failures.ts";
import { ClientResponse } from "./client-response.ts";
import { upgradeFailure } from "./client-upgrade.ts";
import type { ConnectionPool, Poolable } from "./connection-pool.ts";
import type { ExchangeDeadline } from "./exchange-deadline.ts";
import type { HeadLimits, Latin1 } from "./head-scan.ts";
import type { RequestOutput } from "./request-writer.ts";
import { requestHead } from "./request-writer-head.ts";
import { type ResponseHead, ResponseHeadParser } from "./response-head.ts";
import { Deadline, type TimerWheel } from "./timer-wheel.ts";
import { ByteTunnel } from "./tunnel.ts";

/** Longest chunk-size line and trailer section of a response, in bytes. */
const chunkLimits = { maxLineBytes: 4096, maxTrailerBytes: 65_536 };

const nothing = new Uint8Array(0);

/** What all connections of a transport share. */
export interface ConnectionParts {
  readonly wheel: TimerWheel;
  readonly latin1: Latin1;
  readonly headLimits: HeadLimits;
  /** False: each connection serves one request (`disable_keep_alives`). */
  readonly keepAlive: boolean;
  /** Milliseconds that a connection may be idle. */
  readonly idleTimeoutMs: number;
  /** Sends the exchange on a new connection. */
  redial(exchange: ClientExchange): void;
}

/** A connection to a backend: one exchange at a time (RFC 9112 §9.3), idle in its pool in between. */
export class ClientConnection
  extends Deadline
  implements ByteStreamHandler, BodyOrigin, Carrier, Poolable, LostConnection, RequestOutput
{
  readonly secure: boolean;
  local = "";
  remote = "";
  readonly #parts: ConnectionParts;
  readonly #pool: ConnectionPool<ClientConnection>;
  readonly #parser: ResponseHeadParser;
  #stream: ByteStream | undefined;
  #exchange: ClientExchange | undefined;
  #body: ResponseBody | undefined;
  /** The connection has carried a request before. */
  #used = false;
  /** An interim response of the current exchange came. */
  #heard = false;
  /** The response allows another request. */
  #persistent = false;
  /** The request's body goes as chunks. */
  #chunked = false;
  #paused = false;
  #idle = false;
  /** The peer ended it, or we did. */
  #over = false;
  #cause: StreamError | undefined;
  #deadline: ExchangeDeadline | undefined;

  /** `secure`: it speaks TLS. */
  constructor(parts: ConnectionParts, pool: ConnectionPool<ClientConnection>, secure: boolean) {
    super();
    this.#parts = parts;
    this.#pool = pool;
    this.secure = secure;
    this.#parser = new ResponseHeadParser(parts.latin1, parts.headLimits);
  }

  /** The deadline of the exchange it carried last: the next one can have it. */
  get deadline(): ExchangeDeadline | undefined {
    return this.#deadline;
  }

  /** The dial succeeded. */
  opened(stream: ByteStream): void {
    this.#stream = stream;
    this.local = addressText(stream.localAddress, stream.localPort);
    this.remote = addressText(stream.remoteAddress, stream.remotePort);
  }

  /** Sends the exchange's request. The connection is new, or fresh from the pool. */
  carry(exchange: ClientExchange): void {
    const stream = this.#stream!;
    const { outgoing, writer } = exchange;
    this.#idle = false;
    this.#heard = false;
    this.#exchange = exchange;
    this.#chunked = exchange.bodyLength < 0;
    this.#deadline = exchange.deadline;
    exchange.carriedBy(this, this.local, this.#used);
    this.#used = true;
    if (this.#over) {
      this.#lost(exchange, this.#cause);
      return;
    }
    const saysClose = !this.#parts.keepAlive && !outgoing.upgrade && outgoing.closes !== true;
    const head = requestHead(outgoing, exchange.bodyLength, saysClose, this.secure);
    if (writer !== undefined) writer.begin(this, head);
    else {
      stream.writeText(head);
      outgoing.attempt.wroteHead = true;
    }
  }

  /** Goes into the pool; closes when that is full. */
  rest(): void {
    if (this.#over || !this.#parts.keepAlive || !this.#pool.give(this)) {
      this.close();
      return;
    }
    this.#idle = true;
    this.#parts.wheel.armRoughly(this, this.#parts.idleTimeoutMs);
  }

  close(): void {
    this.#over = true;
    this.#releaseTimers();
    this.#stream?.destroy();
  }

  #releaseTimers(): void {
    const { wheel } = this.#parts;
    wheel.disarm(this);
    if (this.#deadline !== undefined) wheel.disarm(this.#deadline);
  }

  drop(): void {
    this.#exchange = undefined;
    this.#body = undefined;
    this.close();
  }

  /** Idle for too long. Left armed while it is in use, as arming again is all that the next rest needs. */
  override expired(): void {
    if (this.#idle) this.#leave();
  }

  data(bytes: Uint8Array): void {
    if (this.#body !== undefined) this.#bodyBytes(this.#body, bytes, 0);
    else if (this.#exchange !== undefined) this.#headBytes(this.#exchange, bytes);
    else this.#leave();
  }

  drained(): void {
    this.#exchange?.writer?.drained();
  }

  ended(): void {
    this.#ended(undefined);
  }

  closed(cause: StreamError | undefined): void {
    this.#ended(cause);
  }

  writeHead(head: string, first: Uint8Array | undefined, from: number, last: boolean): boolean {
    const ends = last && this.#chunked;
    if (first === undefined) return this.#stream!.writeText(ends ? `${head}0\r\n\r\n` : head);
    return this.#piece(head, first, from, ends ? "\r\n0\r\n\r\n" : "\r\n");
  }

  writeBody(bytes: Uint8Array): boolean {
    return this.#piece("", bytes, 0, "\r\n");
  }

  /** Trailers are lost, as upstream (data-plane §5.4). */
  writeEnd(): void {
    if (this.#chunked) this.#stream!.writeText("0\r\n\r\n");
  }

  #piece(before: string, bytes: Uint8Array, from: number, after: string): boolean {
    const stream = this.#stream!;
    if (!this.#chunked) return before === "" ? stream.write(bytes) : stream.writeText(before, bytes, from);
    stream.writeText(before + chunkPrefix(bytes.length - from), bytes, from);
    return stream.writeText(after);
  }

  bodyResumed(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#stream!.resume();
  }

  bodyCancelled(): void {
    const exchange = this.#exchange;
    this.drop();
    exchange?.complete();
  }

  /** Something came that an idle connection must not say: it is no good any more. */
  #leave(): void {
    if (this.#idle) this.#pool.remove(this);
    this.#idle = false;
    this.close();
  }

  #headBytes(exchange: ClientExchange, bytes: Uint8Array): void {
    let from = 0;
    do {
      let head: ResponseHead | undefined;
      try {
        head = this.#parser.push(bytes, from);
      } catch (failure) {
        exchange.fail(failure as Failure);
        return;
      }
      if (head === undefined) return;
      from = this.#parser.end;
      if (head.status >= 200) {
        this.#answer(exchange, head, bytes, from);
        return;
      }
      if (head.status === 101) {
        this.#switch(exchange, head, from === bytes.length ? nothing : bytes.subarray(from));
        return;
      }
      this.#heard = true;
      exchange.interim(head.status, head.headers);
    } while (from < bytes.length && this.#exchange === exchange);
  }

  /** `bytes[from]` is the first byte behind the head. */
  #answer(exchange: ClientExchange, head: ResponseHead, bytes: Uint8Array, from: number): void {
    const { status } = head;
    const bodiless = status === 204 || status === 304 || exchange.outgoing.method === "HEAD";
    const chunked = head.chunked && !bodiless;
    const decoder = chunked ? new ChunkedDecoder(this.#parts.latin1, chunkLimits) : undefined;
    const body = new ResponseBody(bodiless ? 0 : chunked ? -1 : head.contentLength, decoder, this);
    this.#persistent = head.persistent && !head.irregular && exchange.outgoing.closes !== true;
    this.#body = body;
    exchange.answered(new ClientResponse(status, head, head.headers, body), body);
    if (from < bytes.length || body.length === 0) this.#bodyBytes(body, bytes, from);
    // A final answer ends the wait for a 100: a backend that goes on listening gets the body (data-plane §5.7).
    if (this.#persistent && this.#exchange === exchange) exchange.writer?.proceed();
  }

  #bodyBytes(body: ResponseBody, bytes: Uint8Array, from: number): void {
    // A sink may give the memory of what it has written on back: the bytes have no length then.
    const { length } = bytes;
    let end: number;
    try {
      end = body.receive(bytes, from);
    } catch (error) {
      this.#exchange?.fail(badChunkFailure(error));
      return;
    }
    if (this.#body !== body) return;
    if (end >= 0) this.#complete(body, end === length);
    else if (body.congested) {
      this.#paused = true;
      this.#stream!.pause();
    }
  }

  /** The response is complete; the connection is free before its reader hears so. `clean`: nothing came behind it. */
  #complete(body: ResponseBody, clean: boolean): void {
    const exchange = this.#exchange!;
    const written = exchange.writer === undefined || exchange.writer.complete;
    this.#exchange = undefined;
    this.#body = undefined;
    exchange.complete();
    if (clean && written && this.#persistent) this.rest();
    else this.close();
    body.finish();
  }

  #switch(exchange: ClientExchange, head: ResponseHead, rest: Uint8Array): void {
    const failure = upgradeFailure(exchange.outgoing, head.headers) ?? unfinishedFailure(exchange);
    if (failure !== undefined) {
      exchange.fail(failure);
      return;
    }
    this.#exchange = undefined;
    this.#releaseTimers();
    this.#stream!.pause();
    exchange.switched(new ByteTunnel(head.status, head.reason, head.headers, this.#stream!, rest));
  }

  #ended(cause: StreamError | undefined): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      if (this.#over) return;
      this.#cause = cause;
      this.#leave();
      return;
    }
    const body = this.#body;
    if (body === undefined) this.#lost(exchange, cause);
    else if (body.untilClose && cause === undefined) {
      this.#persistent = false;
      this.#complete(body, true);
    } else exchange.fail(cutFailure(this, cause));
  }

  /** The connection ended before the response head was there. */
  #lost(exchange: ClientExchange, cause: StreamError | undefined): void {
    const silent = !this.#heard && !this.#parser.started;
    const { replayable } = exchange;
    if (silent && exchange.outgoing.attempt.reused && replayable) {
      // The exchange goes on, and its deadline with it.
      this.#deadline = undefined;
      this.drop();
      exchange.detach();
      this.#parts.redial(exchange);
      return;
    }
    exchange.outgoing.attempt.heard = !silent;
    exchange.fail(
      lostFailure(this, cause, {
        heard: !silent,
        wroteHead: exchange.outgoing.attempt.wroteHead,
        replayable: replayable && exchange.writer === undefined,
        bodyTouched: !exchange.bodyUntouched,
      }),
    );
  }
}

/** A backend may not switch before it has the whole request: the rest of the body would be taken for the new protocol. */
function unfinishedFailure(exchange: ClientExchange): Failure | undefined {
  if (exchange.writer === undefined || exchange.writer.complete) return undefined;
  return new Failure("switching-protocols", "backend", "never", "backend switched protocols before the request ended");
}
