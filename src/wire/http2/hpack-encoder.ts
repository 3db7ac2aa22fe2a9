import { staticTable } from "./hpack-static.ts";

const indexes = new Map<string, number>();
const nameIndexes = new Map<string, number>();
staticTable.forEach((field, at) => {
  indexes.set(`${field.name}=${field.value}`, at + 1);
  if (!nameIndexes.has(field.name)) nameIndexes.set(field.name, at + 1);
});

/** An integer behind the bits `first` of its first byte, whose prefix has the bits of `mask` (RFC 7541 §5.1). */
function integer(first: number, mask: number, value: number): string {
  if (value < mask) return String.fromCharCode(first | value);
  let text = String.fromCharCode(first | mask);
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) text += String.fromCharCode((rest & 0x7f) | 0x80);
  return text + String.fromCharCode(rest);
}

/** What a field with that name begins with; by names as they are spelled, as the same ones come again and again. */
const prefixes = new Map<string, string>();
const prefixesBound = 1024;

function prefix(name: string): string {
  const known = prefixes.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const index = nameIndexes.get(lower);
  const text = index === undefined ? `\0${integer(0, 0x7f, lower.length)}${lower}` : integer(0, 0x0f, index);
  if (prefixes.size < prefixesBound && name.length <= 64) prefixes.set(name, text);
  return text;
}

/**
 * A field for a header block, one character per byte: a literal that is not indexed (RFC 7541 §6.2.2), its name in
 * lower case. The encoder keeps no table and uses no Huffman code: that costs bytes and saves the time of both, and a
 * block can be made before it is known which connection carries it.
 */
export function encodeField(name: string, value: string): string {
  return prefix(name) + integer(0, 0x7f, value.length) + value;
}

/** The same for fields that may stand in the static table with their value: pseudo-header fields. */
export function encodeStatic(name: string, value: string): string {
  const index = indexes.get(`${name}=${value}`);
  return index === undefined ? encodeField(name, value) : String.fromCharCode(0x80 | index);
}

const statuses: string[] = [];

/** `:status` (RFC 9113 §8.3.2). */
export function encodeStatus(status: number): string {
  statuses[status] ??= encodeStatic(":status", String(status));
  return statuses[status];
}

/** First bytes of a block after the peer shrank its table (RFC 7541 §4.2): none of it is used. */
export const noTable = "\x20";
