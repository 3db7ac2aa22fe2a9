/**
 * Several texts as one, which takes a third of the memory and of the work of as many texts of their own. In front
 * stand their lengths, one character each: a length, or the number of one of the first texts, of which this one is a
 * repetition. When a text is longer than that can say, each length takes two characters and nothing is a repetition.
 *
 * The characters for lengths are Latin-1, so that engines keep the whole in a byte per character, and none that JSON has
 * to escape: workers are told of endpoints in these words.
 */

/** The first texts, of which later ones may be repetitions: `#` to `&` stand for them. */
export const repeatable = 4;
export const reference = 0x23;
/** Stands for an empty text; from the backslash on, which is left out, a character says one less. */
const zero = reference + repeatable;
const backslash = 0x5c;
/** Longer texts need two characters to say how long they are. */
export const longest = 0xff - zero - 1;
/** What each length takes one character of begins with this. */
export const narrow = 0x6e;
const wide = 0x77;

/** The length that a character stands for. */
const lengthOf = (code: number): number => (code < backslash ? code - zero : code - zero - 1);
/** The character that stands for a length of `longest` at most. */
export const codeOf = (length: number): number => (length + zero < backslash ? length + zero : length + zero + 1);
/** Characters made in one call: an engine's stack holds them all. */
const chunk = 4096;

/** Packs texts; the whole is a flat copy that holds on to none of them. */
export function packTexts(texts: readonly string[]): string {
  const codes = [narrow];
  const parts = [""];
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i] as string;
    const { length } = text;
    if (length > longest) return packWide(texts);
    const first = length === 0 || i === 0 ? -1 : repetitionOf(texts, text, i);
    codes.push(first < 0 ? codeOf(length) : reference + first);
    if (first < 0 && length > 0) parts.push(text);
  }
  parts[0] = characters(codes);
  return parts.join("");
}

function repetitionOf(texts: readonly string[], text: string, end: number): number {
  const last = end < repeatable ? end : repeatable;
  for (let i = 0; i < last; i++) if (texts[i] === text) return i;
  return -1;
}

function packWide(texts: readonly string[]): string {
  const codes = [wide];
  for (const { length } of texts) codes.push(length >>> 15, length & 0x7fff);
  return [characters(codes), ...texts].join("");
}

function characters(codes: readonly number[]): string {
  if (codes.length <= chunk) return String.fromCharCode.apply(undefined, codes as number[]);
  let text = "";
  for (let i = 0; i < codes.length; i += chunk) text += String.fromCharCode(...codes.slice(i, i + chunk));
  return text;
}

/** Text number `index` of `count` that were packed. */
export function unpackText(packed: string, count: number, index: number): string {
  if (packed.charCodeAt(0) !== narrow) return unpackWide(packed, count, index, index + 1)[0] as string;
  let code = packed.charCodeAt(1 + index);
  let which = index;
  if (code < zero) {
    which = code - reference;
    code = packed.charCodeAt(1 + which);
  }
  let at = 1 + count;
  for (let i = 1; i <= which; i++) {
    const before = packed.charCodeAt(i);
    if (before >= zero) at += lengthOf(before);
  }
  return code === zero ? "" : packed.slice(at, at + lengthOf(code));
}

/** Texts number `from` and later of `count` that were packed. */
export function unpackTexts(packed: string, count: number, from: number): string[] {
  if (packed.charCodeAt(0) !== narrow) return unpackWide(packed, count, from, count);
  const texts: string[] = [];
  let at = 1 + count;
  for (let i = 0; i < count; i++) {
    const code = packed.charCodeAt(1 + i);
    const end = code < zero ? at : at + lengthOf(code);
    if (i >= from) texts.push(code < zero ? unpackText(packed, count, i) : packed.slice(at, end));
    at = end;
  }
  return texts;
}

/** Whether the first of the packed texts is this one. */
export function firstTextIs(packed: string, count: number, text: string): boolean {
  if (packed.charCodeAt(0) !== narrow) return unpackText(packed, count, 0) === text;
  return lengthOf(packed.charCodeAt(1)) === text.length && packed.startsWith(text, 1 + count);
}

function unpackWide(packed: string, count: number, from: number, to: number): string[] {
  const texts: string[] = [];
  let at = 1 + 2 * count;
  for (let i = 0; i < to; i++) {
    const end = at + (packed.charCodeAt(1 + 2 * i) << 15) + packed.charCodeAt(2 + 2 * i);
    if (i >= from) texts.push(packed.slice(at, end));
    at = end;
  }
  return texts;
}
