import { type JsonSyntaxError, leadByte, quoteByte } from "../core/json-syntax-error.ts";
import { byteText } from "../core/observe/byte-text.ts";

/** Keeps what looks like a byte order mark, as it is no JSON. */
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text of a payload for log lines; each byte that is no UTF-8 becomes a lone surrogate, which they write as `\ufffd`. */
export function payloadText(payload: Uint8Array): string {
  const text = utf8.decode(payload);
  return text.includes("\ufffd") ? byteByByte(payload) : text;
}

/** Text of a payload as Go reads it: U+FFFD for each byte that is no UTF-8. (Decoders have one for several.) */
export function utf8Text(payload: Uint8Array): string {
  const text = utf8.decode(payload);
  return text.includes("\ufffd") ? byteByByte(payload).toWellFormed() : text;
}

function byteByByte(payload: Uint8Array): string {
  let bytes = "";
  for (const byte of payload) bytes += String.fromCharCode(byte);
  return byteText(bytes);
}

/**
 * The byte behind a syntax error at `position` of the decoded text. Outside of strings a character beyond ASCII is
 * wrong at once, so the one in question is the first of its run, and ASCII bytes are never lost in decoding.
 */
function byteAt(payload: Uint8Array, decoded: string, position: number): number {
  let ascii = 0;
  for (let i = 0; i < position; i++) if (decoded.charCodeAt(i) < 0x80) ascii++;
  let at = 0;
  for (let seen = 0; seen < ascii; at++) if (payload[at]! < 0x80) seen++;
  return payload[at]!;
}

/** The text of a syntax error with the byte that Go names in it, which decoding may have lost. */
export function goSyntaxText(error: JsonSyntaxError, payload: Uint8Array, decoded: string): string {
  const shown = leadByte(decoded, error.position);
  if (error.position < 0 || shown < 0x80) return error.message;
  return error.message.replace(quoteByte(shown), quoteByte(byteAt(payload, decoded, error.position)));
}
