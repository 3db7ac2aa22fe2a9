import type { ClientTexts } from "../../core/client.ts";
import type { ResponseLike } from "../../core/message.ts";
import type { ByteStream } from "../../runtime/interface/byte-stream.ts";
import type { StreamError } from "../../runtime/interface/stream-error.ts";
import { HeaderLines } from "../header-lines.ts";
import type { ConnectionHost, Counted, HostedConnection } from "../server-options.ts";
import type { WebSocketSplice } from "../web-socket-splice.ts";
import { Http2Connection, type Http2Limits } from "./connection.ts";
import { FrameBudget } from "./frame-budget.ts";
import { goAwayFrame, pingFrame } from "./frame-text.ts";
import {
  ENABLE_CONNECT_PROTOCOL,
  ENHANCE_YOUR_CALM,
  INITIAL_WINDOW_SIZE,
  largestWindow,
  MAX_CONCURRENT_STREAMS,
  MAX_FRAME_SIZE,
  MAX_HEADER_LIST_SIZE,
  NO_ERROR,
  PROTOCOL_ERROR,
  preface,
  REFUSED_STREAM,
  STREAM_CLOSED,
} from "./protocol.ts";
import { RequestFields } from "./request-fields.ts";
import { Http2ServerStream, type ServerStreamOwner } from "./server-stream.ts";
import type { Http2Stream } from "./stream.ts";

/** Streams of a client at a time, bytes of a frame, a stream's window and a field section (data-plane §10.1). */
const maxStreams = 250;
const megabyte = 1_048_576;
const maxHeaderList = megabyte + 320;

const limits: Http2Limits = {
  settings: [
    [MAX_CONCURRENT_STREAMS, maxStreams],
    [INITIAL_WINDOW_SIZE, megabyte],
    [MAX_FRAME_SIZE, megabyte],
    [MAX_HEADER_LIST_SIZE, maxHeaderList],
    [ENABLE_CONNECT_PROTOCOL, 1],
  ],
  streamWindow: megabyte,
  connectionWindow: 4 * megabyte,
  independentStreams: false,
  maxFrame: megabyte,
  maxHeaderList,
};

/** Milliseconds that a client may take for its preface and settings. */
const prefaceMs = 10_000;
/** Milliseconds that clients have to notice that the connection is given up before no new stream is taken. */
const graceMs = 1000;
/** How long a connection that we have ended may stay open, in milliseconds, while the client takes what is pending. */
const lingerMs = 2000;

// A field section is read in one go, so one serves all connections.
const requestFields = new RequestFields();

/** What the deadline is armed for. */
type Waiting = "preface" | "idle" | "grace" | "closing";

/** A client's HTTP/2 connection (RFC 9113, data-plane §10.1): its streams are requests for the server's handler. */
export class Http2ServerConnection extends Http2Connection implements HostedConnection, ServerStreamOwner {
  place = -1;
  protected lastStream = 0;
  readonly host: ConnectionHost;
  texts: ClientTexts | undefined = undefined;
  /** Those of `streams` that carry a tunnel. */
  readonly #tunnels = new Map<number, Http2ServerStream>();
  /** Bytes of the preface that have come. */
  #prefaced = 0;
  #waiting: Waiting = "preface";
  #counted: Counted = "none";
  /** GOAWAY is out: when the last stream ends, the connection does. */
  #leaving = false;
  /** Streams begun after it are not served. */
  #final = false;
  /**
   * Requests that a client gave up itself: each may have cost a connection to a backend ("rapid reset"). One that it let
   * us answer makes up for one that it did not.
   */
  readonly #resets = new FrameBudget(500, 100);

  constructor(byteStream: ByteStream, host: ConnectionHost) {
    super(byteStream, host, limits, "");
    this.host = host;
    this.#wait("preface", prefaceMs);
  }

  override data(bytes: Uint8Array): void {
    let at = 0;
    while (this.#prefaced < preface.length && at < bytes.length) {
      if (bytes[at++] !== preface.charCodeAt(this.#prefaced++)) {
        this.fail(PROTOCOL_ERROR);
        return;
      }
    }
    if (at < bytes.length) super.data(at === 0 ? bytes : bytes.subarray(at));
  }

  /** The value of a Date line. */
  date(): string {
    return this.host.date.text();
  }

  handlerFailed(error: unknown): void {
    this.host.options.onError?.(error);
  }

  /** The server drains: no new streams; what is under way ends first (RFC 9113 §6.8). */
  drain(): void {
    if (this.over || this.#leaving) return;
    this.#leaving = true;
    if (this.streams.size === 0) {
      this.#goodbye();
      return;
    }
    // What the client sends before it has read this is still served; its answer to the PING says that it has.
    this.write(goAwayFrame(largestWindow, NO_ERROR) + pingFrame("draining", false));
    this.#wait("grace", graceMs);
  }

  destroy(): void {
    this.over = true;
    this.byteStream.destroy();
  }

  /** The stream is over for its request and its answer. */
  streamOver(stream: Http2ServerStream): void {
    if (!stream.gone) this.#resets.earn();
    this.forget(stream);
    if (this.over) return;
    if (this.streams.size > 0) this.#countBusy();
    else if (this.#leaving) this.#goodbye();
    else this.#rest();
  }

  streamSwitched(stream: Http2ServerStream): void {
    if (!this.streams.has(stream.id)) return;
    this.#tunnels.set(stream.id, stream);
    this.#countBusy();
  }

  webSockets(): readonly WebSocketSplice[] {
    return [...this.#tunnels.values()].flatMap(({ webSocket }) => webSocket ?? []);
  }

  override reset(stream: number, code: number): void {
    this.#tunnels.delete(stream);
    super.reset(stream, code);
  }

  override forget(stream: Http2Stream): void {
    this.#tunnels.delete(stream.id);
    super.forget(stream);
  }

  override expired(): void {
    switch (this.#waiting) {
      case "preface":
        this.fail(PROTOCOL_ERROR);
        return;
      case "idle":
        if (this.streams.size === 0 && !this.over) this.#goodbye();
        return;
      case "grace":
        this.pingAcknowledged();
        return;
      case "closing":
        this.byteStream.destroy();
    }
  }

  protected headersArrived(id: number, last: boolean): void {
    const open = this.streams.get(id);
    if (open !== undefined) {
      open.headersArrived(last);
      return;
    }
    if (id % 2 === 0) {
      this.fail(PROTOCOL_ERROR);
      return;
    }
    if (id <= this.lastStream) {
      this.reset(id, STREAM_CLOSED);
      return;
    }
    if (this.#final) return;
    this.lastStream = id;
    if (this.streams.size >= maxStreams) {
      this.reset(id, REFUSED_STREAM);
      this.#countReset();
      return;
    }
    this.#begin(id, last);
  }

  #begin(id: number, last: boolean): void {
    const fields = requestFields;
    const { fieldsTooLarge } = this;
    if (!fields.read(this.fields) && !fieldsTooLarge) {
      this.reset(id, PROTOCOL_ERROR);
      this.#countReset();
      return;
    }
    if (last && fields.contentLength > 0) {
      this.reset(id, PROTOCOL_ERROR);
      return;
    }
    if (fields.protocol !== "" && !this.#extend(fields)) {
      this.reset(id, PROTOCOL_ERROR);
      return;
    }
    const stream = new Http2ServerStream(id, this, this.byteStream, fields, last);
    if (this.streams.size === 0 && this.#waiting === "preface") this.#wait("idle", this.host.options.idleTimeoutMs);
    this.#count("active");
    this.streams.add(stream);
    if (fieldsTooLarge) stream.refuse(tooLarge());
    else if (fields.refusal !== "") stream.refuse(badRequest(fields.refusal));
    else stream.serve(this.host.handler);
  }

  /** Makes a WebSocket's extended CONNECT (RFC 8441 §5) the upgrade that it is in HTTP/1.1. False: another protocol. */
  #extend(fields: RequestFields): boolean {
    if (fields.protocol !== "websocket") return false;
    fields.add("Connection", "Upgrade");
    fields.add("Upgrade", "websocket");
    fields.add("Sec-Websocket-Key", btoa(String.fromCharCode(...this.host.runtime.randomBytes(16))));
    return true;
  }

  protected isIdle(stream: number): boolean {
    return stream % 2 === 0 || stream > this.lastStream;
  }

  protected resetArrived(stream: Http2Stream, code: number): void {
    this.forget(stream);
    stream.resetArrived(code);
    this.#countReset();
  }

  protected settingsArrived(): void {
    if (this.#waiting !== "preface") return;
    this.#rest();
    if (this.host.draining) this.drain();
  }

  protected goAwayArrived(): void {}

  /** The client has read our GOAWAY: nothing that it sent before is on its way any more. */
  protected pingAcknowledged(): void {
    if (!this.#leaving || this.#final || this.over) return;
    this.#final = true;
    if (this.streams.size === 0) this.#goodbye();
    else this.write(goAwayFrame(this.lastStream, NO_ERROR));
  }

  protected closedBy(_cause: StreamError | undefined): void {
    const streams = this.streams.all();
    this.streams.clear();
    this.#tunnels.clear();
    for (const stream of streams) stream.resetArrived(NO_ERROR);
    this.#count("none");
  }

  protected lingering(): void {
    // What the client has not taken yet keeps a draining server (control-plane §8.4).
    if (this.host.draining && this.byteStream.pending > 0) this.#count("active");
    this.#wait("closing", lingerMs);
  }

  override closed(cause: StreamError | undefined): void {
    super.closed(cause);
    this.host.removed(this);
  }

  #countReset(): void {
    if (!this.#resets.take(this.wheel.now())) this.fail(ENHANCE_YOUR_CALM);
  }

  #rest(): void {
    this.#count("idle");
    this.#wait("idle", this.host.options.idleTimeoutMs);
  }

  /** Ends an idle connection; what is pending goes out before. */
  #goodbye(): void {
    this.fail(NO_ERROR);
  }

  #wait(waiting: Waiting, ms: number): void {
    this.#waiting = waiting;
    if (ms > 0) this.wheel.armRoughly(this, ms);
    else this.wheel.disarm(this);
  }

  /** Tunnels alone do not make a connection active (control-plane §8.4). */
  #countBusy(): void {
    this.#count(this.streams.size > this.#tunnels.size ? "active" : "none");
  }

  #count(as: Counted): void {
    if (as === this.#counted) return;
    const before = this.#counted;
    this.#counted = as;
    this.host.count(before, as);
  }
}

/** An answer that the connection gives itself, with the fields that upstream's library gives it (data-plane §10.1). */
function answer(status: number, content: string, lines: readonly (readonly [string, string])[]): ResponseLike {
  const headers = new HeaderLines();
  for (const [name, value] of lines) headers.append(name, value);
  return { status, statusText: "", headers, body: null, content };
}

function badRequest(text: string): ResponseLike {
  return answer(400, `${text}\n`, [
    ["Content-Type", "text/plain; charset=utf-8"],
    ["X-Content-Type-Options", "nosniff"],
  ]);
}

function tooLarge(): ResponseLike {
  const content = "<h1>HTTP Error 431</h1><p>Request Header Field(s) Too Large</p>";
  return answer(431, content, [["Content-Type", "text/html; charset=utf-8"]]);
}
