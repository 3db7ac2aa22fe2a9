import {
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { SharedNumbers } from "../interface/processes.ts";

const bytesEach = 4;

/** In memory where the system has such a place, else on disk, where it stays in the cache. */
const places = ["/dev/shm", tmpdir()];

/** A file that was not touched for so long, in milliseconds, and whose process is gone, is left over. */
const leftOverMs = 10_000;

const isAlive = (id: number): boolean => {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
};

/** Removes files whose processes were killed, all of them, before one could. A process elsewhere may not be seen from here. */
function tidyUp(folder: string): void {
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch {
    // A place where files can be put, but not looked for.
  }
  for (const name of names) {
    const id = /^causeway-(\d+)-[\da-f-]{36}$/.exec(name)?.[1];
    if (id === undefined || isAlive(Number(id))) continue;
    const path = join(folder, name);
    try {
      if (Date.now() - statSync(path).mtimeMs > leftOverMs) unlinkSync(path);
    } catch {
      // Somebody else's.
    }
  }
}

function create(length: number, folders: readonly string[]): { readonly path: string; readonly descriptor: number } {
  const name = `causeway-${process.pid}-${crypto.randomUUID()}`;
  let failure: unknown;
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      const descriptor = openSync(path, "wx+", 0o600);
      ftruncateSync(descriptor, length * bytesEach);
      tidyUp(folder);
      return { path, descriptor };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** The file of `Runtime.sharedNumbers`, open. It is as long as all numbers and takes the room of those in use. */
export function openNumbers(
  length: number,
  path?: string,
  folders: readonly string[] = places,
): { readonly path: string; readonly descriptor: number } {
  return path === undefined ? create(length, folders) : { path, descriptor: openSync(path, "r+") };
}

/** `SharedNumbers.touch`. */
export function touchNumbers(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Whoever removed it knows why.
  }
}

/** Removes the file behind shared numbers. */
export function removeNumbers(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody has tidied up.
  }
}

/**
 * `Runtime.sharedNumbers` by reads and writes at places of a file. The kernel takes each as a whole, so that of two processes
 * that both store and then load at least one sees the other's number. A new file is put into the first of `folders` that
 * takes one.
 */
export function sharedNumbers(length: number, path?: string, folders?: readonly string[]): SharedNumbers {
  const file = openNumbers(length, path, folders);
  const one = new Int32Array(1);
  const oneBytes = new Uint8Array(one.buffer);
  let many = new Int32Array(64);
  let manyBytes = new Uint8Array(many.buffer);
  return {
    path: file.path,
    length,
    load(index) {
      one[0] = 0;
      readSync(file.descriptor, oneBytes, 0, bytesEach, index * bytesEach);
      return one[0]!;
    },
    store(index, value) {
      one[0] = value;
      writeSync(file.descriptor, oneBytes, 0, bytesEach, index * bytesEach);
    },
    sum(from, count) {
      if (count > many.length) {
        many = new Int32Array(count);
        manyBytes = new Uint8Array(many.buffer);
      }
      const read = readSync(file.descriptor, manyBytes, 0, count * bytesEach, from * bytesEach);
      let total = 0;
      for (let i = 0; i < read / bytesEach; i++) total += many[i]!;
      return total;
    },
    touch: () => touchNumbers(file.path),
    remove() {
      closeSync(file.descriptor);
      removeNumbers(file.path);
    },
  };
}
