import { Buffer } from "node:buffer";
import * as crypto from "node:crypto";

/** The quickest ways on all three: no view is made, no name of an encoding is read. `@types/node` does not know them. */
const { latin1Slice, latin1Write } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, at: number, length: number): number;
};
const encoder = new TextEncoder();
let triesAscii = false;

/** `Runtime.latin1`. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}

/** Puts a text into `target`, one byte per character; there must be room for it. */
export function putLatin1(text: string, target: Uint8Array, at: number): void {
  if (triesAscii && putAscii(text, target, at)) return;
  latin1Write.call(target, text, at, text.length);
}

/** For Deno, whose `latin1Write` is a loop in JavaScript: nearly all texts are ASCII, which its UTF-8 takes five times as fast. */
export function tryAsciiFirst(): void {
  triesAscii = true;
}

/** False: the text is not ASCII, and has to be put again. */
function putAscii(text: string, target: Uint8Array, at: number): boolean {
  const { length } = text;
  // Room for so many bytes only: other characters take more than one.
  const { read, written } = encoder.encodeInto(text, target.subarray(at, at + length));
  return read === length && written === length;
}

/** `Runtime.fromLatin1`. */
export function fromLatin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** `Runtime.uuid`: version 4. */
export function uuid(): string {
  return crypto.randomUUID();
}

/** `Runtime.randomBytes`: fit for secrets. */
export function randomBytes(length: number): Uint8Array {
  return crypto.randomBytes(length);
}
