import { createHash } from "node:crypto";

const block = new Uint8Array(65536);
for (let at = 0; at < block.length; at++) block[at] = (at * 31 + (at >> 8)) & 255;

/** `length` bytes that differ from place to place, in pieces of 64 KiB. */
export function* patternChunks(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= block.length) yield left < block.length ? block.subarray(0, left) : block;
}

/** Length and SHA-256 of the pattern, as the backend's `/digest` tells it. */
export function patternDigest(length: number): string {
  const hash = createHash("sha256");
  for (const chunk of patternChunks(length)) hash.update(chunk);
  return `${length} ${hash.digest("hex")}`;
}
