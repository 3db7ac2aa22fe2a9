import { CLASSES, DIGIT, HTAB, SP, sameWord, skipBlanks, trimEnd } from "./octets.ts";

/** What the Content-Length lines of a head say. */
type LengthProblem = "none" | "not-a-number" | "differing";

/**
 * The header fields that decide about the message itself and its connection (RFC 9112 §6, §9.3; RFC 9110 §7.6.1,
 * §7.8, §10.1.1), read from the marks of `HeaderLines`. One object serves one head after the other.
 */
export class MessageFacts {
  /** Content-Length; -1: none. */
  contentLength = -1;
  lengthProblem: LengthProblem = "none";
  /** There was more than one Content-Length line, all equal; only the first was kept. */
  lengthRepeated = false;
  /** Number of Transfer-Encoding lines. */
  transferEncodings = 0;
  /** There is one Transfer-Encoding line, and it says `chunked`. */
  chunked = false;
  /** Connection has these tokens. */
  close = false;
  keepAlive = false;
  upgradeToken = false;
  /** There is an Upgrade line. */
  upgradeLine = false;
  /** Number of Host lines, and the index of the last one in the marks. */
  hosts = 0;
  hostAt = 0;
  /** There is an Expect line that says `100-continue`, and one that says something else. */
  expectContinue = false;
  expectOther = false;

  /** Reads all lines. Of equal Content-Length lines all but the first are marked as removed. */
  read(text: string, marks: number[]): void {
    this.contentLength = -1;
    this.lengthProblem = "none";
    this.lengthRepeated = false;
    this.transferEncodings = 0;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgradeToken = false;
    this.upgradeLine = false;
    this.hosts = 0;
    this.expectContinue = false;
    this.expectOther = false;
    let lengthLine = 0;
    for (let at = 0; at < marks.length - 1; at += 2) {
      const start = marks[at]!;
      switch (marks[at + 1]! - start) {
        case 4:
          if (sameWord(text, start, "host")) {
            this.hosts++;
            this.hostAt = at;
          }
          break;
        case 6:
          if (sameWord(text, start, "expect")) this.readExpect(text, marks, at);
          break;
        case 7:
          if (sameWord(text, start, "upgrade")) this.upgradeLine = true;
          break;
        case 10:
          if (sameWord(text, start, "connection")) this.readConnection(text, marks[at + 1]! + 1, marks[at + 2]! - 2);
          break;
        case 14:
          if (sameWord(text, start, "content-length")) lengthLine = this.readLength(text, marks, at, lengthLine);
          break;
        case 17:
          if (sameWord(text, start, "transfer-encoding")) {
            this.transferEncodings++;
            this.chunked = this.transferEncodings === 1 && valueIs(text, marks, at, "chunked");
          }
          break;
      }
    }
  }

  private readExpect(text: string, marks: number[], at: number): void {
    if (valueIs(text, marks, at, "100-continue")) this.expectContinue = true;
    else if (!valueIs(text, marks, at, "")) this.expectOther = true;
  }

  private readConnection(text: string, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const code = text.charCodeAt(at);
      if (code === 0x2c || code === SP || code === HTAB) {
        at++;
        continue;
      }
      let comma = at;
      while (comma < to && text.charCodeAt(comma) !== 0x2c) comma++;
      switch (trimEnd(text, at, comma) - at) {
        case 5:
          if (sameWord(text, at, "close")) this.close = true;
          break;
        case 7:
          if (sameWord(text, at, "upgrade")) this.upgradeToken = true;
          break;
        case 10:
          if (sameWord(text, at, "keep-alive")) this.keepAlive = true;
          break;
      }
      at = comma;
    }
  }

  /** Returns how many characters the (first) length has: equal numbers of equal length are equal texts. */
  private readLength(text: string, marks: number[], at: number, firstDigits: number): number {
    const to = marks[at + 2]! - 2;
    const from = skipBlanks(text, marks[at + 1]! + 1, to);
    const end = trimEnd(text, from, to);
    let length = end > from ? 0 : -1;
    for (let i = from; i < end && length >= 0; i++) {
      const code = text.charCodeAt(i);
      length = (CLASSES[code]! & DIGIT) !== 0 ? length * 10 + (code - 0x30) : -1;
      if (length > Number.MAX_SAFE_INTEGER) length = -1;
    }
    if (length === -1) {
      if (this.lengthProblem === "none") this.lengthProblem = "not-a-number";
    } else if (firstDigits === 0) {
      this.contentLength = length;
    } else if (length !== this.contentLength || end - from !== firstDigits) {
      if (this.lengthProblem === "none") this.lengthProblem = "differing";
    } else {
      this.lengthRepeated = true;
      marks[at + 1] = -1;
    }
    return firstDigits === 0 ? end - from : firstDigits;
  }
}

/** True when the value of the line at `at` is `word`, in any case. */
function valueIs(text: string, marks: number[], at: number, word: string): boolean {
  const to = marks[at + 2]! - 2;
  const from = skipBlanks(text, marks[at + 1]! + 1, to);
  return trimEnd(text, from, to) - from === word.length && sameWord(text, from, word);
}
