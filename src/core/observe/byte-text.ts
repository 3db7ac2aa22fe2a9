import { codePointAt, sequenceLength } from "./access-log-quote.ts";

/**
 * Text of bytes that are given one per character, as headers and targets are, for log lines: UTF-8 is read, and each byte
 * that is none becomes a lone surrogate, which they write as `\ufffd` (control-plane §6.1).
 */
export function byteText(bytes: string): string {
  for (let at = 0; at < bytes.length; at++) if (bytes.charCodeAt(at) > 0x7f) return textFrom(bytes, at);
  return bytes;
}

function textFrom(bytes: string, first: number): string {
  let text = bytes.slice(0, first);
  for (let at = first; at < bytes.length; ) {
    const length = bytes.charCodeAt(at) < 0x80 ? 1 : sequenceLength(bytes, at);
    if (length === 0) text += "\udc00";
    else text += length === 1 ? bytes[at] : String.fromCodePoint(codePointAt(bytes, at, length));
    at += Math.max(length, 1);
  }
  return text;
}
