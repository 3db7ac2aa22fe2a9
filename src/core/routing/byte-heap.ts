/** Bytes of a unit, which places are counted in, and units of a segment (both powers of two). */
const unit = 16;
const unitBits = 14;
const units = 1 << unitBits;

/** Texts longer than this together (characters) are not taken. */
export const longestRecord = 4096;

/**
 * Texts as bytes, one byte per character, where no garbage collector looks at them. What is freed is used again for
 * records of as many units; segments but the first are given back when nothing is left in any of them.
 */
export class ByteHeap {
  #segments: Uint8Array[] = [];
  /** Units used of the last segment. */
  #used = units;
  /** Places that are free, by their number of units. */
  #free: number[][] = [];
  #records = 0;

  /**
   * Puts texts side by side, of `longestRecord` characters at most, with room for so many bytes behind them; the place of
   * the first, -1: one has wide characters.
   */
  put(first: string, second: string, third: string, room = 0): number {
    const length = first.length + second.length + third.length + room;
    const place = this.#take(unitsOf(length));
    const segment = this.#segments[place >> unitBits]!;
    let at = (place & (units - 1)) * unit;
    const written = write(segment, at, first);
    at += first.length;
    if (written && write(segment, at, second) && write(segment, at + second.length, third)) return place;
    this.free(place, length);
    return -1;
  }

  /** The same for two texts and one that is bytes already: the first `length` of these. */
  putBytes(first: string, second: string, third: Uint8Array, length: number): number {
    const start = first.length + second.length;
    const place = this.put(first, second, "", length);
    if (place < 0) return -1;
    const segment = this.#segments[place >> unitBits]!;
    const at = (place & (units - 1)) * unit + start;
    for (let i = 0; i < length; i++) segment[at + i] = third[i]!;
    return place;
  }

  /** The place is free again; `length` is that of all texts together. */
  free(place: number, length: number): void {
    const size = unitsOf(length);
    this.#records--;
    if (this.#records === 0) {
      // One stays: where the only record comes and goes, each time would take another.
      this.#segments.length = 1;
      this.#used = 0;
      this.#free = [];
      return;
    }
    this.#free[size] ??= [];
    this.#free[size].push(place);
  }

  /** The text of `length` characters that stands `from` characters behind a place. */
  text(place: number, from: number, length: number): string {
    if (length === 0) return "";
    const start = (place & (units - 1)) * unit + from;
    const bytes = this.#segments[place >> unitBits]!.subarray(start, start + length);
    return String.fromCharCode.apply(undefined, bytes as unknown as number[]);
  }

  /** Whether the text at a place begins with this one. */
  startsWith(place: number, text: string): boolean {
    const segment = this.#segments[place >> unitBits]!;
    const start = (place & (units - 1)) * unit;
    for (let i = 0; i < text.length; i++) if (segment[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  #take(size: number): number {
    this.#records++;
    const freed = this.#free[size];
    if (freed !== undefined && freed.length > 0) return freed.pop()!;
    if (this.#used + size > units) {
      this.#leaveRest();
      this.#segments.push(new Uint8Array(units * unit));
      this.#used = 0;
    }
    const place = ((this.#segments.length - 1) << unitBits) | this.#used;
    this.#used += size;
    return place;
  }

  /** What a full segment has left serves a small record. */
  #leaveRest(): void {
    const size = units - this.#used;
    if (size === 0) return;
    this.#free[size] ??= [];
    this.#free[size].push(((this.#segments.length - 1) << unitBits) | this.#used);
  }
}

function unitsOf(length: number): number {
  return Math.max(1, (length + unit - 1) >> 4);
}

function write(segment: Uint8Array, at: number, text: string): boolean {
  let wide = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    wide |= code;
    segment[at + i] = code;
  }
  return wide < 256;
}
