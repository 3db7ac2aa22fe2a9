import type { ByteStream, ByteStreamHandler } from "../../runtime/interface/byte-stream.ts";
import type { StreamError } from "../../runtime/interface/stream-error.ts";
import type { Latin1 } from "../head-scan.ts";
import type { TimerWheel } from "../timer-wheel.ts";
import { FrameBudget } from "./frame-budget.ts";
import { FrameReader, type FrameSink, withoutPadding } from "./frame-reader.ts";
import { FrameSender } from "./frame-sender.ts";
import { goAwayFrame, pingFrame, resetFrame, settingsAck, settingsFrame, windowUpdateFrame } from "./frame-text.ts";
import { HeaderBlock } from "./header-block.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import type { HeaderField } from "./hpack-field.ts";
import { readSettings, uint31, uint32 } from "./payload.ts";
import {
  ACK,
  CONTINUATION,
  ConnectionError,
  DATA,
  defaultWindow,
  END_HEADERS,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  GOAWAY,
  HEADER_TABLE_SIZE,
  HEADERS,
  INITIAL_WINDOW_SIZE,
  MAX_CONCURRENT_STREAMS,
  MAX_FRAME_SIZE,
  NO_ERROR,
  PADDED,
  PING,
  PRIORITY,
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  STREAM_CLOSED,
  WINDOW_UPDATE,
  WITH_PRIORITY,
} from "./protocol.ts";
import type { Http2Stream, StreamConnection } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

/** Bytes that wait in the byte stream when a peer that takes no answers is cut. */
const unreadLimit = 1024 * 1024;

/** What a connection offers its peer. */
export interface Http2Limits {
  /** Settings that are sent first. */
  readonly settings: readonly (readonly [id: number, value: number])[];
  /** Bytes of a stream that may be under way to us; `settings` say the same. */
  readonly streamWindow: number;
  /** The same for all streams together. */
  readonly connectionWindow: number;
  /**
   * Bytes count as gone for the connection as soon as they have come: a stream whose reader is slow holds up no other, and
   * what can wait is bounded by the streams' windows alone.
   */
  readonly independentStreams: boolean;
  /** Longest frame, in bytes; `settings` say the same. */
  readonly maxFrame: number;
  /** Bytes of a header block's fields (RFC 9113 §6.5.2). */
  readonly maxHeaderList: number;
}

/** What a connection of either side takes from its owner. */
export interface Http2Parts {
  readonly wheel: TimerWheel;
  readonly latin1: Latin1;
}

/**
 * An HTTP/2 connection (RFC 9113) on a byte stream: frames, settings, flow control and header compression, the same for
 * both sides. As a deadline it is its subclass's.
 */
export abstract class Http2Connection extends FrameSender implements ByteStreamHandler, FrameSink, StreamConnection {
  /** Window that the peer gives to new streams. */
  peerWindow = defaultWindow;
  /** Streams that the peer takes at a time; and whether it has said so. */
  peerStreams = Number.POSITIVE_INFINITY;
  protected peerSaidStreams = false;
  readonly limits: Http2Limits;
  protected readonly wheel: TimerWheel;
  protected readonly streams = new StreamTable<Http2Stream>();
  /** The peer's SETTINGS have come. */
  protected settled = false;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  /** Frames that must be answered, or that do nothing. */
  readonly #idleFrames = new FrameBudget(1000, 100);
  #receiveWindow: number;
  #consumed = 0;
  /** The header block that is not complete, if there is one. */
  readonly #open: HeaderBlock;

  constructor(byteStream: ByteStream, parts: Http2Parts, limits: Http2Limits, greeting: string) {
    super(byteStream, parts.latin1);
    this.wheel = parts.wheel;
    this.limits = limits;
    this.#reader = new FrameReader(this, limits.maxFrame);
    this.#decoder = new HpackDecoder(parts.latin1, limits.maxHeaderList);
    this.#open = new HeaderBlock(limits.maxHeaderList);
    this.#receiveWindow = limits.connectionWindow;
    this.write(greeting + settingsFrame(limits.settings));
    this.write(windowUpdateFrame(0, limits.connectionWindow - defaultWindow));
  }

  /** Fields of the header block that arrived last; another block's come into the same array. */
  get fields(): readonly HeaderField[] {
    return this.#decoder.fields;
  }

  /** They were more than `maxHeaderList`. */
  get fieldsTooLarge(): boolean {
    return this.#decoder.tooLarge;
  }

  /** A header block arrived for a stream. */
  protected abstract headersArrived(stream: number, last: boolean): void;
  /** True for a stream that was never begun (RFC 9113 §5.1). */
  protected abstract isIdle(stream: number): boolean;
  /** The peer reset a stream that is open. */
  protected abstract resetArrived(stream: Http2Stream, code: number): void;
  /** The peer's settings came. */
  protected abstract settingsArrived(): void;
  protected abstract goAwayArrived(last: number, code: number, debug: string): void;
  protected abstract pingAcknowledged(): void;
  /** The connection is closed; streams have to be ended. */
  protected abstract closedBy(cause: StreamError | undefined): void;
  /** The last stream of the peer's that we have begun to serve. */
  protected abstract readonly lastStream: number;

  data(bytes: Uint8Array): void {
    if (this.over) return;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.fail(error.code);
    }
  }

  ended(): void {
    // Nothing can follow an HTTP/2 peer's FIN: not even a half-closed stream's other half could be controlled.
    if (this.over) return;
    this.over = true;
    this.closedBy(undefined);
    this.byteStream.destroy();
  }

  closed(cause: StreamError | undefined): void {
    this.over = true;
    this.wheel.disarm(this);
    this.closedBy(cause);
  }

  /** The connection ends by our own fault-finding: GOAWAY with that code, and the end (RFC 9113 §5.4.1). */
  protected fail(code: number): void {
    if (this.over) return;
    this.over = true;
    this.#open.drop();
    this.write(goAwayFrame(this.lastStream, code));
    this.flush();
    this.closedBy(undefined);
    this.byteStream.end();
    // What a peer that broke the rules goes on to send is not worth reading.
    if (code !== NO_ERROR) this.byteStream.pause();
    this.lingering();
  }

  /** The last byte is written: the byte stream is to be destroyed some time. */
  protected abstract lingering(): void;

  /** Resets a stream. It is forgotten. */
  reset(stream: number, code: number): void {
    this.streams.delete(stream);
    if (!this.over) this.write(resetFrame(stream, code));
  }

  forget(stream: Http2Stream): void {
    this.streams.delete(stream.id);
  }

  /** So many received bytes have left us. */
  consumed(bytes: number): void {
    if (!this.limits.independentStreams) this.#creditConnection(bytes);
  }

  #creditConnection(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed * 2 < this.limits.connectionWindow) return;
    this.openWindow(0, this.#consumed);
    this.#receiveWindow += this.#consumed;
    this.#consumed = 0;
  }

  /** Lets the peer send more. */
  openWindow(stream: number, bytes: number): void {
    if (!this.over) this.write(windowUpdateFrame(stream, bytes));
  }

  dataFrame(id: number, bytes: Uint8Array, flow: number, last: boolean): void {
    this.#expectFrame(DATA, id);
    if (id === 0) throw new ConnectionError(PROTOCOL_ERROR, "DATA on the connection itself");
    this.#receiveWindow -= flow;
    if (this.#receiveWindow < 0) throw new ConnectionError(FLOW_CONTROL_ERROR, "more DATA than the connection takes");
    if (this.limits.independentStreams) this.#creditConnection(flow);
    if (flow > 0) this.moved++;
    else if (!last) this.#countIdle();
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw new ConnectionError(PROTOCOL_ERROR, `DATA on stream ${id}, which is idle`);
      this.consumed(flow);
    } else if (stream.remoteClosed) {
      this.consumed(flow);
      this.breakStream(stream, STREAM_CLOSED);
    } else if (!stream.dataArrived(bytes, flow, last)) {
      throw new ConnectionError(FLOW_CONTROL_ERROR, `more DATA than stream ${id} takes`);
    }
  }

  frame(type: number, flags: number, stream: number, payload: Uint8Array): void {
    this.#expectFrame(type, stream);
    switch (type) {
      case HEADERS:
        this.#headers(flags, stream, payload);
        return;
      case CONTINUATION:
        this.#continuation(flags, stream, payload);
        return;
      case SETTINGS:
        this.#settings(flags, stream, payload);
        return;
      case WINDOW_UPDATE:
        this.#windowUpdate(stream, payload);
        return;
      case RST_STREAM:
        this.#resetStream(stream, payload);
        return;
      case PING:
        this.#ping(flags, stream, payload);
        return;
      case GOAWAY:
        if (stream !== 0) throw new ConnectionError(PROTOCOL_ERROR, "GOAWAY on a stream");
        if (payload.length < 8) throw new ConnectionError(FRAME_SIZE_ERROR, "GOAWAY is too short");
        this.goAwayArrived(uint31(payload, 0), uint32(payload, 4), this.latin1(payload, 8, payload.length));
        return;
      case PUSH_PROMISE:
        throw new ConnectionError(PROTOCOL_ERROR, "PUSH_PROMISE was not allowed");
      case PRIORITY:
        if (stream === 0) throw new ConnectionError(PROTOCOL_ERROR, "PRIORITY on the connection itself");
        if (payload.length !== 5) throw new ConnectionError(FRAME_SIZE_ERROR, "PRIORITY has not 5 bytes");
        this.#countIdle();
        return;
      default:
        this.#countIdle();
    }
  }

  /** The order that frames must keep: SETTINGS first, and nothing within a header block (RFC 9113 §3.4, §4.3). */
  #expectFrame(type: number, stream: number): void {
    if (this.#open.stream !== 0) {
      if (type !== CONTINUATION || stream !== this.#open.stream) {
        throw new ConnectionError(PROTOCOL_ERROR, "a frame within a header block");
      }
    } else if (!this.settled && type !== SETTINGS)
      throw new ConnectionError(PROTOCOL_ERROR, "SETTINGS must come first");
  }

  #headers(flags: number, stream: number, payload: Uint8Array): void {
    if (stream === 0) throw new ConnectionError(PROTOCOL_ERROR, "HEADERS on the connection itself");
    let block = (flags & PADDED) === 0 ? payload : withoutPadding(payload);
    if ((flags & WITH_PRIORITY) !== 0) {
      if (block.length < 5) throw new ConnectionError(FRAME_SIZE_ERROR, "HEADERS is too short for its priority");
      block = block.subarray(5);
    }
    const last = (flags & END_STREAM) !== 0;
    this.moved++;
    if ((flags & END_HEADERS) !== 0) {
      this.#block(stream, block, last);
      return;
    }
    this.#open.begin(stream, last);
    this.#open.add(block);
  }

  #continuation(flags: number, stream: number, payload: Uint8Array): void {
    if (this.#open.stream === 0) throw new ConnectionError(PROTOCOL_ERROR, "CONTINUATION without a header block");
    this.#open.add(payload);
    if ((flags & END_HEADERS) !== 0) this.#block(stream, this.#open.take(), this.#open.last);
  }

  #block(stream: number, block: Uint8Array, last: boolean): void {
    this.#decoder.decode(block);
    this.headersArrived(stream, last);
  }

  #settings(flags: number, stream: number, payload: Uint8Array): void {
    if (stream !== 0) throw new ConnectionError(PROTOCOL_ERROR, "SETTINGS on a stream");
    if ((flags & ACK) !== 0) {
      if (payload.length > 0) throw new ConnectionError(FRAME_SIZE_ERROR, "an acknowledgement of SETTINGS has content");
      return;
    }
    const settings = readSettings(payload);
    this.#countIdle();
    this.settled = true;
    for (const [id, value] of settings) this.#setting(id, value);
    this.write(settingsAck);
    this.settingsArrived();
  }

  #setting(id: number, value: number): void {
    switch (id) {
      case HEADER_TABLE_SIZE:
        if (value < 4096) this.shrunk = true;
        return;
      case MAX_CONCURRENT_STREAMS:
        this.peerStreams = value;
        this.peerSaidStreams = true;
        return;
      case MAX_FRAME_SIZE:
        this.peerFrame = value;
        return;
      case INITIAL_WINDOW_SIZE: {
        const change = value - this.peerWindow;
        this.peerWindow = value;
        for (const stream of this.streams.all()) {
          if (!stream.windowOpened(change)) throw new ConnectionError(FLOW_CONTROL_ERROR, "a window grew too large");
        }
      }
    }
  }

  #windowUpdate(id: number, payload: Uint8Array): void {
    if (payload.length !== 4) throw new ConnectionError(FRAME_SIZE_ERROR, "WINDOW_UPDATE has not 4 bytes");
    const bytes = uint31(payload, 0);
    if (id === 0) {
      if (bytes === 0) throw new ConnectionError(PROTOCOL_ERROR, "WINDOW_UPDATE by 0");
      if (!this.connectionWindowOpened(bytes))
        throw new ConnectionError(FLOW_CONTROL_ERROR, "the window grew too large");
      return;
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw new ConnectionError(PROTOCOL_ERROR, `WINDOW_UPDATE on stream ${id}, which is idle`);
      return;
    }
    if (bytes === 0) this.breakStream(stream, PROTOCOL_ERROR);
    else if (!stream.windowOpened(bytes)) this.breakStream(stream, FLOW_CONTROL_ERROR);
  }

  /** The peer broke the rules of one stream: RST_STREAM, and it is over for us too (RFC 9113 §5.4.2). */
  breakStream(stream: Http2Stream, code: number): void {
    this.reset(stream.id, code);
    stream.resetArrived(code);
  }

  #resetStream(id: number, payload: Uint8Array): void {
    if (payload.length !== 4) throw new ConnectionError(FRAME_SIZE_ERROR, "RST_STREAM has not 4 bytes");
    if (id === 0 || this.isIdle(id)) throw new ConnectionError(PROTOCOL_ERROR, "RST_STREAM on an idle stream");
    const stream = this.streams.get(id);
    if (stream === undefined) this.#countIdle();
    else this.resetArrived(stream, uint32(payload, 0));
  }

  #ping(flags: number, stream: number, payload: Uint8Array): void {
    if (stream !== 0) throw new ConnectionError(PROTOCOL_ERROR, "PING on a stream");
    if (payload.length !== 8) throw new ConnectionError(FRAME_SIZE_ERROR, "PING has not 8 bytes");
    if ((flags & ACK) !== 0) {
      this.pingAcknowledged();
      return;
    }
    this.#countIdle();
    this.write(pingFrame(this.latin1(payload, 0, 8), true));
  }

  /**
   * A frame that costs us something and moves nothing: only so many are taken. Those that do move something make up for one
   * each: gRPC libraries send a PING for what they receive, and an empty DATA frame before trailers.
   */
  #countIdle(): void {
    const { moved } = this;
    this.moved = 0;
    if (!this.#idleFrames.take(this.wheel.now(), moved) || this.byteStream.pending > unreadLimit) {
      throw new ConnectionError(ENHANCE_YOUR_CALM, "too many frames that move nothing");
    }
  }
}
