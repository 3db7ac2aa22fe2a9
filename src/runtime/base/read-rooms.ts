import { Buffer } from "node:buffer";

/** Reads of this many bytes and more go to memory that was made for them. */
export const roomyRead = 4 * 1024;

/** Bytes kept free before a read, so that the head of a message fits in front of its body. */
export const headroom = 2 * 1024;

/** Bytes of the longest read. */
export const longestRead = 128 * 1024;

/** How long a read may be for each size of memory: the usual sizes of a message, each with a head behind which it came. */
const lengths = [9 * 1024, 17 * 1024, 33 * 1024, 66 * 1024, longestRead];

/** So many bytes of each size wait for the next reads: new memory comes as pages that the kernel must clear. */
const mostSpare = 1024 * 1024;

const spare: ArrayBuffer[][] = lengths.map(() => []);

/** Memory for a read of `length` bytes, from `headroom` on. */
export function roomFor(length: number): ArrayBuffer {
  let size = 0;
  while (lengths[size]! < length) size++;
  return spare[size]!.pop() ?? (Buffer.allocUnsafeSlow(lengths[size]! + headroom).buffer as ArrayBuffer);
}

/** Keeps memory for a later read; false: it is none of `roomFor`, by its size, or enough is kept. */
export function keepRoom(memory: ArrayBuffer): boolean {
  const size = lengths.indexOf(memory.byteLength - headroom);
  if (size < 0) return false;
  const kept = spare[size]!;
  if (kept.length * memory.byteLength >= mostSpare) return false;
  kept.push(memory);
  return true;
}
