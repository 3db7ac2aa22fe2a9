import { Buffer } from "node:buffer";
import * as crypto from "node:crypto";

/** The quickest way from bytes to text on all three: no view is made. `@types/node` does not know it. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};

/** `Runtime.latin1`. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
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
