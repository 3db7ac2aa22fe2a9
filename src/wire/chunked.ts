import { HeadScan, type Latin1, MORE, PROBLEM } from "./head-scan.ts";
import { HeaderLines } from "./header-lines.ts";
import { CLASSES, CR, FIELD, HEX, LF, LOWER } from "./octets.ts";

/** Takes the data of chunks: views of what was pushed, nothing is copied. */
export interface ChunkSink {
  data(bytes: Uint8Array): void;
}

/** How much around the data is taken. */
interface ChunkLimits {
  /** A chunk's size with its extensions, without the line end. */
  readonly maxLineBytes: number;
  /** The trailer section, closing empty line included. */
  readonly maxTrailerBytes: number;
}

/** A chunked body that is malformed; the message is the text of data-plane §2.3 for it. */
export class ChunkError extends Error {
  override readonly name = "ChunkError";
}

/** What a size line begins with: `1a\r\n`; the data and CRLF follow. `length` is above 0. */
export function chunkPrefix(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** Where the decoder stands between two bytes. */
const SIZE = 0;
const EXTENSION = 1;
const SIZE_LINE_FEED = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LINE_FEED = 5;
const AFTER_LAST = 6;
const END_LINE_FEED = 7;
const TRAILERS = 8;

/**
 * Trailer fields that must not be merged or forwarded: framing, routing, request modifiers, authentication, response
 * control, payload processing (RFC 9110 §6.5.1). `If-` fields and `Proxy-` fields are dropped as well.
 */
const FORBIDDEN_TRAILERS = new Set(
  (
    "age authorization cache-control connection content-encoding content-length content-range content-type cookie " +
    "date expect expires forwarded host keep-alive location max-forwards pragma range realm retry-after set-cookie " +
    "te trailer transfer-encoding upgrade vary www-authenticate x-forwarded-for x-forwarded-host x-forwarded-proto"
  ).split(" "),
);

/** Takes one chunked body apart (RFC 9112 §7.1), strictly, from bytes that arrive in any pieces. */
export class ChunkedDecoder {
  /** Trailer fields without the forbidden ones, when the body is complete; undefined when there are none. */
  trailers: HeaderLines | undefined = undefined;
  private readonly latin1: Latin1;
  private readonly limits: ChunkLimits;
  private trailerScan: HeadScan | undefined = undefined;
  private state = SIZE;
  /** Of the current chunk: its size as far as read, then the bytes of it that have not come yet. */
  private size = 0;
  /** Bytes of the current size line so far. */
  private lineBytes = 0;

  constructor(latin1: Latin1, limits: ChunkLimits) {
    this.latin1 = latin1;
    this.limits = limits;
  }

  /**
   * Takes `bytes` from `start` on; the index of the first byte behind the body, or -1 when more are needed. Throws
   * `ChunkError` at the first bad byte: nothing behind it reaches the sink, and the decoder is of no use then.
   */
  push(bytes: Uint8Array, start: number, sink: ChunkSink): number {
    const end = bytes.length;
    let at = start;
    while (at < end) {
      switch (this.state) {
        case SIZE:
          at = this.readSize(bytes, at);
          break;
        case EXTENSION:
          at = this.skipExtension(bytes, at);
          break;
        case SIZE_LINE_FEED:
          expectByte(bytes[at]!, LF, "invalid byte in chunk length");
          at++;
          this.state = this.size > 0 ? DATA : AFTER_LAST;
          break;
        case DATA: {
          const length = Math.min(this.size, end - at);
          this.size -= length;
          if (this.size === 0) this.state = DATA_CR;
          sink.data(length === bytes.length ? bytes : bytes.subarray(at, at + length));
          at += length;
          break;
        }
        case DATA_CR:
          expectByte(bytes[at]!, CR, "malformed chunked encoding");
          at++;
          this.state = DATA_LINE_FEED;
          break;
        case DATA_LINE_FEED:
          expectByte(bytes[at]!, LF, "malformed chunked encoding");
          at++;
          this.lineBytes = 0;
          this.state = SIZE;
          break;
        case AFTER_LAST:
          if (bytes[at] === CR) {
            at++;
            this.state = END_LINE_FEED;
          } else {
            this.state = TRAILERS;
          }
          break;
        case END_LINE_FEED:
          expectByte(bytes[at]!, LF, "malformed chunked encoding");
          return at + 1;
        default:
          return this.readTrailers(at === 0 ? bytes : bytes.subarray(at), at);
      }
    }
    return -1;
  }

  private readSize(bytes: Uint8Array, start: number): number {
    let at = start;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if ((CLASSES[byte]! & HEX) === 0) {
        if (byte !== CR && byte !== 0x3b) throw new ChunkError("invalid byte in chunk length");
        if (this.lineBytes === 0) throw new ChunkError("empty hex number for chunk length");
        this.state = byte === CR ? SIZE_LINE_FEED : EXTENSION;
        if (byte === CR) return at + 1;
        this.countLineByte();
        return at + 1;
      }
      this.countLineByte();
      const digit = byte <= 0x39 ? byte - 0x30 : LOWER[byte]! - 0x57;
      this.size = this.size * 16 + digit;
      if (this.size > Number.MAX_SAFE_INTEGER) throw new ChunkError("http chunk length too large");
    }
    return at;
  }

  /** Extensions are ignored (RFC 9112 §7.1.1), whatever text they are. */
  private skipExtension(bytes: Uint8Array, start: number): number {
    let at = start;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === CR) {
        this.state = SIZE_LINE_FEED;
        return at + 1;
      }
      if ((CLASSES[byte]! & FIELD) === 0) throw new ChunkError("invalid byte in chunk extension");
      this.countLineByte();
    }
    return at;
  }

  private countLineByte(): void {
    if (++this.lineBytes > this.limits.maxLineBytes) throw new ChunkError("header line too long");
  }

  private readTrailers(bytes: Uint8Array, offset: number): number {
    this.trailerScan ??= new HeadScan(this.latin1, { maxBytes: this.limits.maxTrailerBytes, maxLines: 0 }, false, true);
    const end = this.trailerScan.push(bytes);
    if (end === MORE) return -1;
    if (end === PROBLEM) {
      throw new ChunkError(this.trailerScan.problem === "too-large" ? "trailer too large" : "malformed trailer");
    }
    const lines = HeaderLines.received(this.trailerScan.takeText(), this.trailerScan.marks);
    for (const [name] of [...lines]) if (isForbidden(name.toLowerCase())) lines.delete(name);
    if (lines.lineCount > 0) this.trailers = lines;
    return offset + end;
  }
}

function isForbidden(name: string): boolean {
  return FORBIDDEN_TRAILERS.has(name) || name.startsWith("if-") || name.startsWith("proxy-");
}

function expectByte(byte: number, expected: number, text: string): void {
  if (byte !== expected) throw new ChunkError(text);
}
