import { Buffer } from "node:buffer";
import { keepRoom, roomyRead } from "./read-rooms.ts";
import { putLatin1 } from "./text.ts";

/** Reads of this many bytes and more are given back as soon as they have been written on; on Node and Deno smaller ones too. */
export const largeRead = 32 * 1024;

/** Views of large reads: nobody outside this program holds them, unlike bytes that a caller made. */
const reads = new WeakSet<Uint8Array>();

/** Notes bytes that a socket of ours has read; worth it from `largeRead` on. */
export function noteRead(bytes: Uint8Array): void {
  reads.add(bytes);
}

/** What is left of `bytes` when the kernel took only some; it stands for the whole when that was a noted read. */
export function restOf(bytes: Uint8Array, taken: number): Uint8Array {
  const rest = bytes.subarray(taken);
  if (reads.has(bytes)) reads.add(rest);
  return rest;
}

/** What is given back when whoever is at work with it has returned. */
const given: ArrayBuffer[] = [];

function free(memory: ArrayBuffer): void {
  if (!keepRoom(memory)) memory.transfer(0);
}

function freeGiven(): void {
  for (const memory of given) free(memory);
  given.length = 0;
}

/**
 * Frees the memory of a noted read that has been written on completely, or has it used again (`read-rooms`); other bytes
 * are left alone. It is free a microtask later: those who passed it on to be written may still ask how long it was. Left to
 * the garbage collector, a large body on its way through leaves as much behind as the collector lets pile up (155 MiB for a
 * download of 1 GiB on Bun, 38 on Deno), although none of it is in use; so it is 3.
 */
export function giveBack(bytes: Uint8Array): void {
  if (!reads.delete(bytes)) return;
  if (given.length === 0) queueMicrotask(freeGiven);
  given.push(bytes.buffer as ArrayBuffer);
}

/** Smaller reads are left to the collector: to free one costs half a microsecond. */
const worthFreeing = 4 * 1024;

/** Frees what was read, at once, where nothing else lies in its memory (`Runtime.giveBack`). */
export function freeRead(bytes: Uint8Array): void {
  const { buffer, length } = bytes;
  if (reads.delete(bytes)) free(buffer as ArrayBuffer);
  else if (length >= worthFreeing && length === buffer.byteLength) (buffer as ArrayBuffer).transfer(0);
}

/** True when `giveBack` would free those bytes. */
export function isNotedRead(bytes: Uint8Array): boolean {
  return bytes.length >= roomyRead && reads.has(bytes);
}

/**
 * Puts text, one byte per character, in front of what a noted read has from `from` on, in its own memory, and gives both as one
 * noted read that stands for the whole. What stood before `from` is lost, and `bytes` is nobody's any more. Undefined: it is no
 * noted read, or there is no room.
 */
export function putBefore(text: string, bytes: Uint8Array, from: number): Uint8Array | undefined {
  const start = bytes.byteOffset + from - text.length;
  if (start < 0 || !reads.delete(bytes)) return undefined;
  const whole = Buffer.from(bytes.buffer as ArrayBuffer, start, text.length + bytes.length - from);
  putLatin1(text, whole, 0);
  reads.add(whole);
  return whole;
}
