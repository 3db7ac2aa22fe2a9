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
  readonly #bytes = new Uint8Array(maxLength + 4);
  readonly #words = new Int32Array(this.#bytes.buffer);

  /** `seed`: 16 random bytes. */
  constructor(seed: Uint8Array) {
    this.#seeds = new Int32Array(seed.slice(0, 16).buffer);
  }

  /** Hashes a message; false, and no result, for one that is too long. */
  of(message: Uint8Array): boolean {
    const { length } = message;
    if (length > maxLength) return false;
    // A copy, because a message starts at any byte and only whole words are read fast.
    this.#bytes.set(message);
    this.#bytes.fill(0, length, length + 4);
    const words = this.#words;
    const seeds = this.#seeds;
    const end = (length + 3) >>> 2;
    let a = seeds[0]! ^ length;
    let b = seeds[1]! + length;
    let c = seeds[2]! ^ Math.imul(length, 0x9e3779b1);
    let d = seeds[3]! - length;
    for (let i = 0; i < end; i++) {
      const word = words[i]!;
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

function finished(lane: number, other: number): number {
  let mixed = Math.imul(lane ^ (other >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
