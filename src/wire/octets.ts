/**
 * Tables over the 256 byte values for the grammar of RFC 9110 §5.6 and RFC 9112. They are read with a byte or, in
 * text that holds one byte per character, with a character code.
 */

/** Bytes of a token: methods, field names (RFC 9110 §5.6.2). */
export const TOKEN = 1;
/** Bytes of a field value and of a start line: HTAB, SP, 0x21-0x7E and everything from 0x80 (RFC 9110 §5.5). */
export const FIELD = 2;
/** Bytes of a request target: 0x21-0x7E and everything from 0x80 (architecture §8). */
export const TARGET = 4;
/** Bytes of a Host value: RFC 3986 unreserved, sub-delims, `%`, `:`, `[`, `]` (data-plane §1.2). */
export const HOST = 8;
/** Hexadecimal digits. */
export const HEX = 16;
/** Letters. */
export const ALPHA = 32;
/** Decimal digits. */
export const DIGIT = 64;
/** Bytes that may follow the first letter of a URI scheme (RFC 3986 §3.1). */
export const SCHEME = 128;

function classify(): Uint8Array {
  const classes = new Uint8Array(256);
  const mark = (bytes: string, kinds: number): void => {
    for (let i = 0; i < bytes.length; i++) classes[bytes.charCodeAt(i)]! |= kinds;
  };
  for (let byte = 0x20; byte < 0x7f; byte++) classes[byte] = FIELD | TARGET;
  for (let byte = 0x80; byte < 0x100; byte++) classes[byte] = FIELD | TARGET;
  classes[0x09] = FIELD;
  classes[0x20] = FIELD;
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", TOKEN | HOST | ALPHA | SCHEME);
  mark("0123456789", TOKEN | HOST | HEX | DIGIT | SCHEME);
  mark("ABCDEFabcdef", HEX);
  mark("!#$%&'*+-.^_`|~", TOKEN);
  mark("-._~!$&'()*+,;=%:[]", HOST);
  mark("+-.", SCHEME);
  return classes;
}

function lowerCases(): Uint8Array {
  const lower = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) lower[byte] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
  return lower;
}

/** The kinds above that a byte belongs to, or-ed. */
export const CLASSES: Uint8Array = classify();

/** ASCII letters in lower case, everything else itself. */
export const LOWER: Uint8Array = lowerCases();

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;

/** True when `HTTP/1.` stands at `at`; Bun calls out of compiled code for `startsWith`. */
export function saysHttp1(text: string, at: number): boolean {
  return (
    text.charCodeAt(at) === 0x48 &&
    text.charCodeAt(at + 1) === 0x54 &&
    text.charCodeAt(at + 2) === 0x54 &&
    text.charCodeAt(at + 3) === 0x50 &&
    text.charCodeAt(at + 4) === 0x2f &&
    text.charCodeAt(at + 5) === 0x31 &&
    text.charCodeAt(at + 6) === 0x2e
  );
}

/** True when `text` has `word` at `start`, ASCII letters compared without regard to case. */
export function sameWord(text: string, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    if (LOWER[text.charCodeAt(start + i)] !== LOWER[word.charCodeAt(i)]) return false;
  }
  return true;
}

/** Index of the first character at or after `from`, but before `to`, that is no blank (RFC 9110 §5.6.3 OWS). */
export function skipBlanks(text: string, from: number, to: number): number {
  let at = from;
  while (at < to) {
    const code = text.charCodeAt(at);
    if (code !== SP && code !== HTAB) break;
    at++;
  }
  return at;
}

/** The end of `text[from, to)` without its trailing blanks. */
export function trimEnd(text: string, from: number, to: number): number {
  let at = to;
  while (at > from) {
    const code = text.charCodeAt(at - 1);
    if (code !== SP && code !== HTAB) break;
    at--;
  }
  return at;
}

/** The number that `text[from, to)` says; -1 unless it is 1 to 15 digits. */
export function decimal(text: string, from: number, to: number): number {
  if (to === from || to - from > 15) return -1;
  let number = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}
