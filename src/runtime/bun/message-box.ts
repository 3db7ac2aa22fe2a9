import { Buffer } from "node:buffer";
import { deliver, nothingWaits } from "../base/outbox.ts";
import { putLatin1 } from "../base/text.ts";

/** A message up to this many bytes may wait for the end of the tick (`base/outbox`). */
const smallMessage = 20 * 1024;

/** The bytes of messages that wait. Bun's `write` has copied or sent what it says it took, so they serve again. */
export const box = Buffer.allocUnsafeSlow(256 * 1024);
const { copy } = Buffer.prototype as { copy(this: Uint8Array, target: Buffer, at: number, from: number): number };
let used = 0;

/** Where a message stands in the box. */
export interface Boxed {
  posted: boolean;
  boxFrom: number;
  boxTo: number;
}

/**
 * Puts a text, and behind it `bytes` from `from` on, into the box, behind the message of the same owner that waits
 * there. False: that is no small message, and nothing of the owner waits any more.
 */
export function putInBox(owner: Boxed, text: string, bytes: Uint8Array | undefined, from: number): boolean {
  const size = text.length + (bytes === undefined ? 0 : bytes.length - from);
  const fits = size <= smallMessage;
  if (owner.posted ? !fits || owner.boxTo !== used || used + size > box.length : used + size > box.length) deliver();
  if (nothingWaits()) used = 0;
  // Inside a delivery the box is not begun anew, and may stay full.
  if (!fits || used + size > box.length) return false;
  if (!owner.posted) owner.boxFrom = used;
  if (text !== "") putLatin1(text, box, used);
  // Without a view of `bytes`, which would cost ten times as much.
  if (bytes !== undefined) copy.call(bytes, box, used + text.length, from);
  used += size;
  owner.boxTo = used;
  return true;
}
