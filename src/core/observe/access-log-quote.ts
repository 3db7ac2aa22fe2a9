import { escapeCodePoint, isPrintable } from "../go-quote.ts";

const backslash = 0x5c;
const doubleQuote = 0x22;
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** Length of the well-formed UTF-8 sequence (RFC 3629 §4) at `index`, or 0. */
export function sequenceLength(bytes: string, index: number): number {
  const lead = bytes.charCodeAt(index);
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (index + length > bytes.length) return 0;
  const second = bytes.charCodeAt(index + 1);
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) {
    const next = bytes.charCodeAt(index + i);
    if (next < 0x80 || next > 0xbf) return 0;
  }
  return length;
}

/** Code point of the well-formed sequence of `length` bytes (2 to 4) at `index`. */
export function codePointAt(bytes: string, index: number, length: number): number {
  let code = bytes.charCodeAt(index) & (0x7f >> length);
  for (let i = 1; i < length; i++) code = (code << 6) | (bytes.charCodeAt(index + i) & 0x3f);
  return code;
}

function escapeFrom(bytes: string, first: number): string {
  let out = bytes.slice(0, first);
  for (let i = first; i < bytes.length; ) {
    const code = bytes.charCodeAt(i);
    if (code < 0x80) {
      out +=
        code >= 0x20 && code < 0x7f && code !== doubleQuote && code !== backslash ? bytes[i] : escapeCodePoint(code);
      i += 1;
      continue;
    }
    const length = sequenceLength(bytes, i);
    if (length === 0) {
      out += `\\x${hex(code & 0xff, 2)}`;
      i += 1;
      continue;
    }
    const point = codePointAt(bytes, i, length);
    out += isPrintable(String.fromCodePoint(point)) ? bytes.slice(i, i + length) : escapeCodePoint(point);
    i += length;
  }
  return out;
}

/**
 * Escapes a value of the access log as Go's `strconv.Quote` does, without the quotes (data-plane §9.2). Text in and
 * out is one character per byte; printable UTF-8 stays, invalid bytes become `\xff`. Clean text is returned as it is.
 */
export function escapeLogValue(bytes: string): string {
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === doubleQuote || code === backslash) return escapeFrom(bytes, i);
  }
  return bytes;
}

const encoder = new TextEncoder();

/** Text as its UTF-8 bytes, one character each; ASCII is returned as it is. For what came from the routing table. */
export function utf8Bytes(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) {
      let out = "";
      for (const byte of encoder.encode(text)) out += String.fromCharCode(byte);
      return out;
    }
  }
  return text;
}
