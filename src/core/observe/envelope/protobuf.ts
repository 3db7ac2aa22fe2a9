/**
 * The little of Protocol Buffers that envelopes need (encoding specification, "Message Structure"). Bytes are text of
 * one character per byte: concatenation is what engines do best.
 */

/** An unsigned number below 2^53 as a varint. */
export function varint(value: number): string {
  let rest = value;
  let text = "";
  while (rest > 0x7f) {
    text += String.fromCharCode((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return text + String.fromCharCode(rest);
}

/** A 64-bit number, given as its upper and lower half, as a varint. */
export function varint64(high: number, low: number): string {
  let upper = high >>> 0;
  let lower = low >>> 0;
  let text = "";
  while (upper > 0 || lower > 0x7f) {
    text += String.fromCharCode((lower & 0x7f) | 0x80);
    lower = ((lower >>> 7) | (upper << 25)) >>> 0;
    upper >>>= 7;
  }
  return text + String.fromCharCode(lower);
}

/** A whole number between -2^31 and 2^53 as an int32 or int64: negative ones take ten bytes. */
export function signed(value: number): string {
  return value < 0 ? varint64(-1, value) : varint(value);
}

/** Key of a field: its number and how its value is written (0 varint, 1 eight bytes, 2 with its length before it). */
export function key(field: number, wireType: 0 | 1 | 2): string {
  return varint(field * 8 + wireType);
}

/** Bytes, a string or a message as a field. */
export function lengthDelimited(field: number, bytes: string): string {
  return key(field, 2) + varint(bytes.length) + bytes;
}

const view = new DataView(new ArrayBuffer(8));

/** Eight bytes, least significant first. */
export function double(value: number): string {
  view.setFloat64(0, value, true);
  const low = view.getUint32(0, true);
  const high = view.getUint32(4, true);
  return String.fromCharCode(
    low & 0xff,
    (low >>> 8) & 0xff,
    (low >>> 16) & 0xff,
    low >>> 24,
    high & 0xff,
    (high >>> 8) & 0xff,
    (high >>> 16) & 0xff,
    high >>> 24,
  );
}

/**
 * A time as nanoseconds since 1970, as a varint. A number cannot hold them exactly, so they are split: 10^9 is
 * 2^9 times 1953125.
 *
 * @param milliseconds since 1970, with a fraction.
 */
export function nanoseconds(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const rest = Math.min(999_999_999, Math.round((milliseconds - seconds * 1000) * 1e6));
  const of512 = seconds * 1_953_125 + Math.floor(rest / 512);
  const high = Math.floor(of512 / 2 ** 23);
  return varint64(high, (of512 - high * 2 ** 23) * 512 + (rest % 512));
}
