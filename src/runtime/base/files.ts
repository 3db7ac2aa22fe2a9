import { close, open } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import type { AppendFile, AppendOptions, OnWriteError } from "../interface/files.ts";
import { DescriptorWriter } from "./descriptor-writer.ts";

/** `Runtime.readTextFile`: UTF-8. */
export function readTextFile(path: string): Promise<string> {
  return readFile(path, "utf8");
}

/** `Runtime.writeTextFile`. */
export function writeTextFile(path: string, text: string): Promise<void> {
  return writeFile(path, text, { encoding: "utf8", mode: 0o644 });
}

/** `Runtime.listDirectory`. */
export function listDirectory(path: string): Promise<string[]> {
  return readdir(path);
}

/** `Runtime.fileStamp`. */
export async function fileStamp(path: string): Promise<string | undefined> {
  try {
    const facts = await stat(path, { bigint: true });
    // The change time moves with every write and rename, also where a program sets the modification time back.
    return facts.isFile() ? `${facts.ino} ${facts.size} ${facts.mtimeNs} ${facts.ctimeNs}` : undefined;
  } catch {
    return undefined;
  }
}

function openForAppend(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, "a", 0o644, (error, descriptor) => (error ? reject(error) : resolve(descriptor)));
  });
}

function closed(descriptor: number): Promise<void> {
  return new Promise((resolve) => close(descriptor, () => resolve()));
}

/** `Runtime.openAppend`. */
export async function openAppend(
  path: string,
  onError: OnWriteError,
  { latin1 = false, holdMs = 0 }: AppendOptions = {},
): Promise<AppendFile> {
  let descriptor = await openForAppend(path);
  const writer = new DescriptorWriter(descriptor, onError, holdMs);
  return {
    write: (text) => writer.write(text, latin1),
    async reopen() {
      descriptor = await openForAppend(path);
      await closed(await writer.replace(descriptor));
    },
    async close() {
      // One that a write hangs in is left to the end of the process.
      if (await writer.flushedOrStuck()) await closed(descriptor);
    },
  };
}
