import { escapeCodePoint, isPrintable } from "./go-quote.ts";

const [doubleQuote, singleQuote] = [0x22, 0x27];

/** The text is no JSON. The message is Go's decoder's: operators know it and search for it (control-plane §2.4). */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
  /** Index of the offending character in the text; -1 when the text ended too early. */
  readonly position: number;
  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/** A byte as Go quotes it in its syntax errors: the byte taken as a Latin-1 character. */
export function quoteByte(byte: number): string {
  if (byte === doubleQuote) return "'\"'";
  if (byte === singleQuote) return "'\\''";
  const char = String.fromCharCode(byte);
  const stands = char === " " || (char !== "\\" && isPrintable(char));
  return `'${stands ? char : escapeCodePoint(byte)}'`;
}

/** The first byte, in UTF-8, of the character at `position`: what Go names when it is wrong. */
export function leadByte(text: string, position: number): number {
  const code = text.codePointAt(position) ?? 0x20;
  if (code < 0x80) return code;
  if (code < 0x800) return 0xc0 | (code >> 6);
  return code < 0x10000 ? 0xe0 | (code >> 12) : 0xf0 | (code >> 18);
}
