const shortEscapes: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  [0x22]: '\\"',
  [0x5c]: "\\\\",
};

/** What Go's `strconv.IsPrint` lets stand, but for the space, which is the only one of its kind. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;
const plain = /^[^"\\]$/u;
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** Whether Go's `strconv.Quote` leaves a character beyond ASCII as it is. */
export function isPrintable(char: string): boolean {
  return printable.test(char);
}

/** A character that does not stand for itself, as Go's `strconv.Quote` writes it: `\n`, `\"`, `\x01`, `\u200b`. */
export function escapeCodePoint(code: number): string {
  const short = shortEscapes[code];
  if (short !== undefined) return short;
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

/** Text as Go's `%q` shows it in error messages. For messages, not for the hot path. */
export function goQuote(text: string): string {
  let inside = "";
  for (const char of text.toWellFormed())
    inside += char === " " || (plain.test(char) && isPrintable(char)) ? char : escapeCodePoint(char.codePointAt(0)!);
  return `"${inside}"`;
}
