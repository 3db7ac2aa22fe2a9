/** Messages longer than this (bytes) have no hash. */
const maxLength = 16 * 1024;

/**
 * Seeded 128-bit hash of a message: four 32-bit hashes side by side, each with a seed and a multiplier of its own, each
 * fed with every word. What one lane cannot tell apart the others do, and without the seeds nobody can work out two
 * messages that hash alike. One object serves one message at a time: the result is in its four fields.
 */
export class MessageHash {
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  readonly #seeds: Int32Array;
  /** Of the input that the last message lay in: a message starts at any byte, and only a view reads words there. */
  #input: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** `seed`: 16 random bytes. */
  constructor(seed: Uint8Array) {
    this.#seeds = new Int32Array(seed.slice(0, 16).buffer);
  }

  /** Hashes the message between two indexes; false, and no result, for one that is too long. */
  of(input: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length > maxLength) return false;
    if (input !== this.#input) {
      this.#input = input;
      this.#view = new DataView(input.buffer, input.byteOffset, input.length);
    }
    const view = this.#view;
    const seeds = this.#seeds;
    const whole = end - (length & 3);
    let a = seeds[0]! ^ length;
    let b = seeds[1]! + length;
    let c = seeds[2]! ^ Math.imul(length, 0x9e3779b1);
    let d = seeds[3]! - length;
    for (let at = start; at < end; at += 4) {
      const word = at < whole ? view.getInt32(at, true) : lastBytes(input, at, end);
      a = Math.imul(a ^ word, 0x85ebca6b);
      b = Math.imul(b ^ word, 0xc2b2ae35);
      c = Math.imul(c ^ word, 0x27d4eb2f);
      d = Math.imul(d ^ word, 0x165667b1);
      // A product's high bits know most of the word, the next product moves only low bits up.
      a ^= a >>> 15;
      b ^= b >>> 13;
      c ^= c >>> 16;
      d ^= d >>> 14;
    }
    this.a = finished(a, d);
    this.b = finished(b, a);
    this.c = finished(c, b);
    this.d = finished(d, c);
    return true;
  }
}

/** The up to three bytes that make no whole word. */
function lastBytes(input: Uint8Array, start: number, end: number): number {
  let word = 0;
  for (let at = end - 1; at >= start; at--) word = (word << 8) | input[at]!;
  return word;
}

function finished(lane: number, other: number): number {
  let mixed = Math.imul(lane ^ (other >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
