const rotateLeft = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

function roundFunction(step: number, b: number, c: number, d: number): number {
  if (step < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (step < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (step < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

/** Message and padding (FIPS 180-4 §5.1.1) as big-endian 32-bit words. */
function paddedWords(text: string): Int32Array {
  const length = text.length;
  const words = new Int32Array((((length + 8) >>> 6) + 1) * 16);
  for (let i = 0; i < length; i++) {
    words[i >> 2] = words[i >> 2]! | ((text.charCodeAt(i) & 0xff) << (24 - (i & 3) * 8));
  }
  words[length >> 2] = words[length >> 2]! | (0x80 << (24 - (length & 3) * 8));
  words[words.length - 2] = Math.floor(length / 0x20000000);
  words[words.length - 1] = length << 3;
  return words;
}

/**
 * SHA-1 (FIPS 180-4) of text, one byte per character, as 40 lower-case hex digits. Only for the redacted query of the
 * access log (data-plane §9.4): the platform's digest is asynchronous.
 */
export function sha1Hex(text: string): string {
  const words = paddedWords(text);
  const schedule = new Int32Array(80);
  const state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
  for (let block = 0; block < words.length; block += 16) {
    for (let t = 0; t < 80; t++) {
      schedule[t] =
        t < 16
          ? words[block + t]!
          : rotateLeft(schedule[t - 3]! ^ schedule[t - 8]! ^ schedule[t - 14]! ^ schedule[t - 16]!, 1);
    }
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    let e = state[4]!;
    for (let t = 0; t < 80; t++) {
      const next = (rotateLeft(a, 5) + roundFunction(t, b, c, d) + e + schedule[t]!) | 0;
      e = d;
      d = c;
      c = rotateLeft(b, 30);
      b = a;
      a = next;
    }
    state[0] = state[0]! + a;
    state[1] = state[1]! + b;
    state[2] = state[2]! + c;
    state[3] = state[3]! + d;
    state[4] = state[4]! + e;
  }
  let hex = "";
  for (const word of state) hex += (word >>> 0).toString(16).padStart(8, "0");
  return hex;
}
