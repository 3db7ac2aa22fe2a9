import { Buffer } from "node:buffer";
import { noteRead } from "./large-reads.ts";
import { headroom, longestRead, roomFor, roomyRead } from "./read-rooms.ts";

/**
 * Where all handles read to, one after the other: memory of its own for each read, whose size nobody knows before, costs more
 * than a copy. A message of 64 KiB fits together with its head: the rest would cost a read and a write of its own.
 */
export const incoming = new Uint8Array(longestRead);

/** What was read, for somebody who keeps it; from `roomyRead` bytes on it is a noted read. */
export function copyOfIncoming(length: number): Uint8Array {
  const roomy = length >= roomyRead;
  const bytes = roomy ? new Uint8Array(roomFor(length), headroom, length) : Buffer.allocUnsafe(length);
  bytes.set(length === incoming.length ? incoming : incoming.subarray(0, length));
  if (roomy) noteRead(bytes);
  return bytes;
}
