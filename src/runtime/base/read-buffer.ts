import { Buffer } from "node:buffer";
import { largeRead } from "./large-reads.ts";

/**
 * Where all handles read to, one after the other: memory of its own for each read, whose size nobody knows before, costs more
 * than a copy. A message of 64 KiB fits together with its head: the rest would cost a read and a write of its own.
 */
export const incoming = new Uint8Array(128 * 1024);

/** What was read, for somebody who keeps it. */
export function copyOfIncoming(length: number): Uint8Array {
  // What is given back has memory of its own.
  const bytes = length >= largeRead ? Buffer.allocUnsafeSlow(length) : Buffer.allocUnsafe(length);
  bytes.set(length === incoming.length ? incoming : incoming.subarray(0, length));
  return bytes;
}
