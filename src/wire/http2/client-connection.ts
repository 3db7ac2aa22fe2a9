import { addressText } from "../../core/address-text.ts";
import type { Failure } from "../../core/forwarding/failure.ts";
import type { ByteStream } from "../../runtime/interface/byte-stream.ts";
import type { StreamError } from "../../runtime/interface/stream-error.ts";
import type { ClientExchange } from "../client-exchange.ts";
import { type LostConnection, lostFailure } from "../client-failures.ts";
import type { Latin1 } from "../head-scan.ts";
import type { TimerWheel } from "../timer-wheel.ts";
import { endedByBackend } from "./client-failures.ts";
import { type ClientStreamOwner, Http2ClientStream } from "./client-stream.ts";
import { Http2Connection, type Http2Limits } from "./connection.ts";
import {
  codeName,
  defaultFrameSize,
  ENABLE_PUSH,
  INITIAL_WINDOW_SIZE,
  largestWindow,
  MAX_HEADER_LIST_SIZE,
  NO_ERROR,
  PROTOCOL_ERROR,
  preface,
} from "./protocol.ts";
import type { Http2Stream } from "./stream.ts";

/** Bytes of a response that may wait for a slow client: a stream's window. */
const streamWindow = 256 * 1024;
const connectionWindow = 16 * 1024 * 1024;
/** Streams at a time before the backend says how many it takes, and when it does not say (RFC 9113 §6.5.2). */
const streamsAtFirst = 100;
const streamsAtMost = 1000;
/** Milliseconds that an ended connection may stay open. */
const lingerMs = 2000;

/** What the connections of a transport share. */
export interface Http2ClientParts {
  readonly wheel: TimerWheel;
  readonly latin1: Latin1;
  /** Bytes of a response's field section, and its lines (0: unlimited). */
  readonly headLimits: { readonly maxBytes: number; readonly maxLines: number };
  /** Milliseconds that a connection without streams is kept; 0: it carries one request. */
  readonly idleTimeoutMs: number;
}

/** The endpoint's set of connections. */
export interface Http2ClientOwner {
  /** The connection takes no more requests; it may have streams yet. */
  leaving(connection: Http2ClientConnection): void;
  /** It can take one more. */
  roomier(): void;
  /** Sends a request that this connection did not send, or its peer did not look at, on another one. */
  again(exchange: ClientExchange): void;
}

/** A connection to a backend that speaks HTTP/2 (data-plane §10.3): many requests at a time. */
export class Http2ClientConnection extends Http2Connection implements ClientStreamOwner, LostConnection {
  readonly remote: string;
  readonly secure: boolean;
  readonly local: string;
  used = false;
  protected readonly lastStream = 0;
  readonly #parts: Http2ClientParts;
  readonly #owner: Http2ClientOwner;
  #next = 1;
  #leaving = false;
  #closing = false;
  /** The backend's GOAWAY. */
  #goAway: { readonly last: number; readonly code: number; readonly debug: string } | undefined;

  constructor(byteStream: ByteStream, parts: Http2ClientParts, owner: Http2ClientOwner) {
    super(byteStream, parts, limitsFor(parts), preface);
    this.#parts = parts;
    this.#owner = owner;
    this.secure = byteStream.tls !== undefined;
    this.local = addressText(byteStream.localAddress, byteStream.localPort);
    this.remote = addressText(byteStream.remoteAddress, byteStream.remotePort);
    this.peerStreams = streamsAtFirst;
  }

  get timers(): TimerWheel {
    return this.wheel;
  }

  get maxLines(): number {
    return this.#parts.headLimits.maxLines;
  }

  get maxHeaderList(): number {
    return this.limits.maxHeaderList;
  }

  /** It can take a request. */
  get available(): boolean {
    if (this.#parts.idleTimeoutMs === 0 && this.used) return false;
    return !this.#leaving && !this.over && this.streams.size < Math.min(this.peerStreams, streamsAtMost);
  }

  /** Sends a request. It is `available`. */
  carry(exchange: ClientExchange): void {
    const stream = new Http2ClientStream(this.#next, this, exchange);
    this.#next += 2;
    if (this.#next > largestWindow) this.#leave();
    this.streams.add(stream);
    stream.begin();
    this.used = true;
  }

  /** Takes no more requests, and ends behind those that it has. */
  close(): void {
    this.#leave();
    if (this.streams.size === 0) this.#goodbye();
  }

  again(exchange: ClientExchange): void {
    this.#owner.again(exchange);
  }

  streamOver(_stream: Http2ClientStream, stuck: boolean): void {
    // A peer that says nothing until a deadline may be gone altogether: the next request had better not wait for it too.
    if (stuck) this.#leave();
    if (this.over) return;
    if (this.streams.size > 0) {
      if (this.available) this.#owner.roomier();
    } else if (this.#leaving || this.#parts.idleTimeoutMs === 0) this.#goodbye();
    else {
      this.wheel.armRoughly(this, this.#parts.idleTimeoutMs);
      this.#owner.roomier();
    }
  }

  /** Idle for too long, or ended for long enough. */
  override expired(): void {
    if (this.#closing) this.byteStream.destroy();
    else if (this.streams.size === 0) this.close();
  }

  resetFailure(stream: number, code: number, answered: boolean): Failure {
    const text = `stream error: stream ID ${stream}; ${codeName(code)}; received from peer`;
    return endedByBackend(text, answered);
  }

  protected headersArrived(id: number, last: boolean): void {
    const stream = this.streams.get(id);
    if (stream !== undefined) stream.headersArrived(last);
    else if (this.isIdle(id)) this.fail(PROTOCOL_ERROR);
  }

  protected isIdle(stream: number): boolean {
    return stream % 2 === 0 || stream >= this.#next;
  }

  protected resetArrived(stream: Http2Stream, code: number): void {
    this.streams.delete(stream.id);
    stream.resetArrived(code);
  }

  protected settingsArrived(): void {
    if (!this.peerSaidStreams) this.peerStreams = streamsAtMost;
    if (this.available) this.#owner.roomier();
  }

  /** No request above `last` was looked at: those go elsewhere if they can; the others end here (RFC 9113 §6.8). */
  protected goAwayArrived(last: number, code: number, debug: string): void {
    this.#goAway = { last, code, debug };
    this.#leave();
    for (const stream of this.streams.all() as Http2ClientStream[]) {
      if (stream.id <= last) continue;
      if (!stream.heard && stream.exchange.refused()) {
        stream.moveAway();
        this.#owner.again(stream.exchange);
      } else stream.lost(this.#goneAway(stream.answered));
    }
    if (this.streams.size === 0) this.#goodbye();
  }

  protected pingAcknowledged(): void {}

  protected closedBy(cause: StreamError | undefined): void {
    this.#leave();
    const streams = this.streams.all() as Http2ClientStream[];
    this.streams.clear();
    for (const stream of streams) this.#lose(stream, cause);
  }

  #lose(stream: Http2ClientStream, cause: StreamError | undefined): void {
    const { exchange } = stream;
    const { attempt } = exchange.outgoing;
    if (this.#goAway !== undefined) {
      stream.lost(this.#goneAway(stream.answered));
    } else if (stream.answered) stream.lost(endedByBackend(cause?.message ?? "unexpected EOF", true));
    else if (!stream.heard && attempt.reused && exchange.replayable) {
      stream.moveAway();
      this.#owner.again(exchange);
    } else {
      const { heard } = stream;
      const replayable = exchange.replayable && exchange.writer === undefined;
      const facts = { heard, wroteHead: attempt.wroteHead, replayable, bodyTouched: !exchange.bodyUntouched };
      stream.lost(lostFailure(this, cause, facts));
    }
  }

  #goneAway(answered: boolean): Failure {
    const { last, code, debug } = this.#goAway!;
    const facts = `LastStreamID=${last}, ErrCode=${codeName(code)}, debug=${JSON.stringify(debug)}`;
    return endedByBackend(`http2: server sent GOAWAY and closed the connection; ${facts}`, answered);
  }

  protected lingering(): void {
    this.#closing = true;
    this.wheel.armRoughly(this, lingerMs);
  }

  #leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#owner.leaving(this);
  }

  #goodbye(): void {
    this.fail(NO_ERROR);
  }
}

function limitsFor(parts: Http2ClientParts): Http2Limits {
  const maxHeaderList = parts.headLimits.maxBytes;
  return {
    settings: [
      [ENABLE_PUSH, 0],
      [INITIAL_WINDOW_SIZE, streamWindow],
      [MAX_HEADER_LIST_SIZE, maxHeaderList],
    ],
    streamWindow,
    connectionWindow,
    independentStreams: true,
    maxFrame: defaultFrameSize,
    maxHeaderList,
  };
}
