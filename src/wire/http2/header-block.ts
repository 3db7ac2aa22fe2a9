import { ConnectionError, ENHANCE_YOUR_CALM } from "./protocol.ts";

/** Bytes of a block above the bound of its fields that are read before the connection is cut: enough for a 431. */
const longestSlack = 256 * 1024;
/** Frames that one block may come in, besides its first. */
const maxContinuations = 256;

/** A header block that comes in several frames, HEADERS and CONTINUATION (RFC 9113 §4.3). */
export class HeaderBlock {
  /** The stream it is for; 0 while no block is open. */
  stream = 0;
  /** Its HEADERS had END_STREAM. */
  last = false;
  readonly #limit: number;
  #pieces: Uint8Array[] = [];
  #length = 0;

  /** `maxHeaderList`: bytes that the fields of a block may have. */
  constructor(maxHeaderList: number) {
    this.#limit = maxHeaderList + longestSlack;
  }

  begin(stream: number, last: boolean): void {
    this.stream = stream;
    this.last = last;
  }

  /** @throws ConnectionError when it has no end. */
  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length > this.#limit || this.#pieces.length > maxContinuations) {
      throw new ConnectionError(ENHANCE_YOUR_CALM, "a header block without end");
    }
  }

  /** All of it; no block is open any more. */
  take(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.drop();
    return whole;
  }

  /** What has come of it is not wanted. */
  drop(): void {
    this.#pieces = [];
    this.#length = 0;
    this.stream = 0;
  }
}
