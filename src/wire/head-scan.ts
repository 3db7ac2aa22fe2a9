import { CLASSES, COLON, CR, FIELD, HTAB, LF, SP, TOKEN } from "./octets.ts";

/** Latin-1 text of `bytes[start, end)`: `Runtime.latin1`. */
export type Latin1 = (bytes: Uint8Array, start: number, end: number) => string;

/** How much of a head is taken. */
export interface HeadLimits {
  /** Start line to closing empty line, line ends included; exactly that many pass. */
  readonly maxBytes: number;
  /** Header lines; 0: unlimited. */
  readonly maxLines: number;
}

/** What can be wrong with the lines of a head, seen at the byte that makes it so. */
export type HeadProblem =
  | "control" // a control byte where text belongs
  | "bare-cr" // CR without LF
  | "bare-lf" // LF without CR (strict)
  | "folding" // a line that starts with a blank: folded (strict), or the first one
  | "blank-in-name" // SP within or behind a field name (strict)
  | "name" // an empty field name, or one with a byte that no token has
  | "no-colon"
  | "too-large"
  | "too-many-lines";

/** `push` needs more bytes. */
export const MORE = -1;
/** `push` found a `HeadProblem`. */
export const PROBLEM = -2;

/** Where the scan stands between two bytes. */
const START_LINE = 0;
const LINE_START = 1;
const NAME = 2;
const BLANK_IN_NAME = 3;
const VALUE = 4;
const LINE_FEED = 5;
const LAST_LINE_FEED = 6;

const NOTHING = new Uint8Array(0);
const NO_MARKS: number[] = [];

/**
 * Finds the lines of a head (RFC 9112 §2.1, §5) in one pass over bytes that arrive in any pieces. Nothing is copied
 * when the head comes in one piece; else its pieces are put together, at linear cost. What the lines mean is for
 * `request-head.ts`, `response-head.ts` and `chunked.ts`.
 *
 * Lenient scans take LF line ends, folded lines and SP in field names too (architecture §8, data-plane §5.5); they
 * set `irregular`, and `marks` then describe lines of any line end, folded ones in one.
 */
export class HeadScan {
  /** Marks of `HeaderLines`: start and colon of each line (-1: SP in the name), at last the end of the lines. */
  marks: number[] = NO_MARKS;
  /** End of the start line, without its line end. */
  startLineEnd = 0;
  /** The start line is complete. */
  startLineDone = false;
  /** A byte of the head has arrived and its end has not. */
  started = false;
  irregular = false;
  problem: HeadProblem = "control";

  private readonly latin1: Latin1;
  private readonly limits: HeadLimits;
  private readonly lenient: boolean;
  private readonly firstState: number;
  private state: number;
  /** Pieces of the head that arrived before the last one. */
  private held: Uint8Array = NOTHING;
  private heldLength = 0;
  /** The last piece. */
  private piece: Uint8Array = NOTHING;
  /** Bytes of the last piece that belong to the head, or that were looked at when a problem was found. */
  private pieceLength = 0;

  /** `fieldsOnly`: no start line, as in a trailer section. */
  constructor(latin1: Latin1, limits: HeadLimits, lenient: boolean, fieldsOnly: boolean) {
    this.latin1 = latin1;
    this.limits = limits;
    this.lenient = lenient;
    this.firstState = fieldsOnly ? LINE_START : START_LINE;
    this.state = this.firstState;
  }

  /**
   * Takes the next bytes. The number of them that belong to the head when it is complete (the next `push` begins a
   * new one); `MORE`; or `PROBLEM`, after which only `problem` and the texts may be read.
   */
  push(bytes: Uint8Array): number {
    if (!this.started) {
      if (bytes.length === 0) return MORE;
      this.begin();
    }
    const end = this.scan(bytes);
    this.piece = bytes;
    if (end >= 0) {
      this.pieceLength = end;
      this.started = false;
    } else if (end === MORE) {
      this.hold(bytes, bytes.length);
      this.piece = NOTHING;
      this.pieceLength = 0;
    }
    return end;
  }

  /** Text of the complete head, after `push` gave its length; once, since it lets go of the bytes. */
  takeText(): string {
    const text = this.text();
    this.held = NOTHING;
    this.piece = NOTHING;
    return text;
  }

  /** Text of what was looked at so far: up to the bad byte after a problem. */
  text(): string {
    if (this.heldLength === 0) return this.latin1(this.piece, 0, this.pieceLength);
    this.hold(this.piece, this.pieceLength);
    this.piece = NOTHING;
    return this.latin1(this.held, 0, this.heldLength);
  }

  private begin(): void {
    this.started = true;
    this.state = this.firstState;
    this.marks = this.firstState === START_LINE ? [] : [0];
    this.startLineDone = false;
    this.irregular = false;
    this.held = NOTHING;
    this.heldLength = 0;
  }

  private hold(bytes: Uint8Array, length: number): void {
    const needed = this.heldLength + length;
    if (needed > this.held.length) {
      const grown = new Uint8Array(Math.max(needed, Math.min(this.held.length * 2, this.limits.maxBytes)));
      grown.set(this.held.subarray(0, this.heldLength));
      this.held = grown;
    }
    this.held.set(length === bytes.length ? bytes : bytes.subarray(0, length), this.heldLength);
    this.heldLength = needed;
  }

  private refuse(problem: HeadProblem, looked: number): number {
    this.problem = problem;
    this.pieceLength = looked;
    return PROBLEM;
  }

  /** The state machine over the next bytes; looks at each once, and back at none. */
  private scan(bytes: Uint8Array): number {
    const { lenient, marks } = this;
    const offset = this.heldLength;
    const limit = Math.min(bytes.length, this.limits.maxBytes - offset);
    let state = this.state;
    let at = 0;
    while (at < limit) {
      switch (state) {
        case START_LINE:
        case VALUE: {
          while (at < limit && (CLASSES[bytes[at]!]! & FIELD) !== 0) at++;
          if (at === limit) break;
          const byte = bytes[at]!;
          if (byte !== CR && byte !== LF) return this.refuse("control", at + 1);
          if (state === START_LINE) this.startLineEnd = offset + at;
          if (byte === CR) at++;
          else if (lenient) this.irregular = true;
          else return this.refuse("bare-lf", at + 1);
          state = LINE_FEED;
          break;
        }
        case LINE_FEED:
          if (bytes[at] !== LF) return this.refuse("bare-cr", at + 1);
          at++;
          this.startLineDone = true;
          marks.push(offset + at);
          state = LINE_START;
          break;
        case LINE_START: {
          const byte = bytes[at]!;
          if (byte === CR) {
            at++;
            state = LAST_LINE_FEED;
          } else if (byte === LF && lenient) {
            this.irregular = true;
            state = LAST_LINE_FEED;
          } else if (byte === SP || byte === HTAB) {
            if (!lenient || marks.length === 1) return this.refuse("folding", at + 1);
            this.irregular = true;
            marks.pop();
            state = VALUE;
          } else if (this.limits.maxLines > 0 && marks.length > 2 * this.limits.maxLines) {
            return this.refuse("too-many-lines", at + 1);
          } else {
            state = NAME;
          }
          break;
        }
        case NAME:
        case BLANK_IN_NAME: {
          while (at < limit && (CLASSES[bytes[at]!]! & TOKEN) !== 0) at++;
          if (at === limit) break;
          const byte = bytes[at]!;
          if (byte === SP) {
            state = BLANK_IN_NAME;
          } else if (byte !== COLON) {
            return this.refuse(this.problemInName(byte), at + 1);
          } else if (state === NAME) {
            if (offset + at === marks[marks.length - 1]) return this.refuse("name", at + 1);
            marks.push(offset + at);
            state = VALUE;
          } else {
            if (!lenient) return this.refuse("blank-in-name", at + 1);
            this.irregular = true;
            marks.push(-1);
            state = VALUE;
          }
          at++;
          break;
        }
        default:
          if (bytes[at] !== LF) return this.refuse("bare-cr", at + 1);
          return at + 1;
      }
    }
    if (offset + at >= this.limits.maxBytes) return this.refuse("too-large", at);
    this.state = state;
    return MORE;
  }

  private problemInName(byte: number): HeadProblem {
    if (byte === CR || (byte === LF && this.lenient)) return "no-colon";
    return byte === LF ? "bare-lf" : "name";
  }
}
