import type { ByteStream } from "../../runtime/interface/byte-stream.ts";
import type { Latin1 } from "../head-scan.ts";
import { Deadline } from "../timer-wheel.ts";
import { frameHeader, headersFrames } from "./frame-text.ts";
import { noTable } from "./hpack-encoder.ts";
import { DATA, defaultFrameSize, defaultWindow, END_STREAM, largestWindow } from "./protocol.ts";
import type { Http2Stream } from "./stream.ts";

/** DATA up to this many bytes goes out together with what is around it, in one write. */
const joinLimit = 4096;
/** Longest DATA frame we send, in bytes, whatever the peer allows: others want their turn. */
const longestData = 65_536;

/**
 * The sending half of an HTTP/2 connection: frames of one turn leave in one write, and DATA as far as the windows of
 * connection and stream (RFC 9113 §5.2) and the byte stream allow; streams that have more wait for their turn.
 */
export abstract class FrameSender extends Deadline {
  /** It reads nothing more, and sends nothing. */
  over = false;
  /** The byte stream wants no more DATA for now. */
  blocked = false;
  protected readonly byteStream: ByteStream;
  protected readonly latin1: Latin1;
  /** The longest frame that the peer takes, in bytes. */
  protected peerFrame = defaultFrameSize;
  /** The peer made its header table smaller: the next block has to say that none is used. */
  protected shrunk = false;
  /** HEADERS and DATA frames with content, of either side, since the last frame that moved nothing. */
  protected moved = 0;
  readonly #waiting = new Set<Http2Stream>();
  #sendWindow = defaultWindow;
  #text = "";
  #flushing = false;
  readonly #flushLater = (): void => this.flush();

  constructor(byteStream: ByteStream, latin1: Latin1) {
    super();
    this.byteStream = byteStream;
    this.latin1 = latin1;
  }

  /** Frames that go out with the end of this turn. */
  write(text: string): void {
    this.#text += text;
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(this.#flushLater);
  }

  flush(): void {
    this.#flushing = false;
    const text = this.#text;
    if (text === "") return;
    this.#text = "";
    if (!this.byteStream.writeText(text)) this.blocked = true;
  }

  sendHeaders(stream: Http2Stream, block: string, last: boolean): void {
    let whole = block;
    if (this.shrunk) {
      this.shrunk = false;
      whole = noTable + block;
    }
    this.write(headersFrames(stream.id, whole, last, this.peerFrame));
    this.moved++;
    if (last) stream.localClosed = true;
  }

  /** Sends DATA, as much as windows and byte stream allow; the number of bytes. END_STREAM with the last one when `last`. */
  send(stream: Http2Stream, bytes: Uint8Array, last: boolean): number {
    if (this.over) return bytes.length;
    if (bytes.length === 0) {
      if (last) this.write(frameHeader(0, DATA, END_STREAM, stream.id));
      return 0;
    }
    const allowed = Math.min(bytes.length, this.#sendWindow, stream.sendWindow);
    const frame = Math.min(this.peerFrame, longestData);
    let sent = 0;
    while (sent < allowed && !this.blocked) {
      const length = Math.min(allowed - sent, frame);
      const end = sent + length;
      const flags = last && end === bytes.length ? END_STREAM : 0;
      const header = frameHeader(length, DATA, flags, stream.id);
      if (length <= joinLimit) this.write(header + this.latin1(bytes, sent, end));
      else {
        const text = this.#text + header;
        this.#text = "";
        const piece = length === bytes.length ? bytes : bytes.subarray(sent, end);
        if (!this.byteStream.writeText(text, piece)) this.blocked = true;
      }
      sent = end;
      this.moved++;
    }
    this.#sendWindow -= sent;
    stream.sendWindow -= sent;
    return sent;
  }

  /** The peer takes so many bytes more on the connection; false when that is more than a window can be. */
  protected connectionWindowOpened(bytes: number): boolean {
    this.#sendWindow += bytes;
    if (this.#sendWindow > largestWindow) return false;
    this.#wakeAll();
    return true;
  }

  /** The stream has more to send than it may. */
  await(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  forgetWaiting(stream: Http2Stream): void {
    this.#waiting.delete(stream);
  }

  /** The stream's own window has opened. */
  wake(stream: Http2Stream): void {
    if (this.blocked || this.#sendWindow <= 0 || !this.#waiting.delete(stream)) return;
    stream.continueSending();
  }

  #wakeAll(): void {
    // Those that have to wait on go to the end of the set: each gets its turn.
    for (const stream of [...this.#waiting]) {
      if (this.blocked || this.#sendWindow <= 0) return;
      if (stream.pending > 0 && stream.sendWindow <= 0) continue;
      if (this.#waiting.delete(stream)) stream.continueSending();
    }
  }

  drained(): void {
    this.blocked = false;
    this.#wakeAll();
  }
}
