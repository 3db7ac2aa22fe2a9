import { close, open } from "node:fs";
import { readFile } from "node:fs/promises";
import type { AppendFile, AppendOptions } from "../interface.ts";
import { DescriptorWriter } from "./descriptor-writer.ts";

/** `Runtime.readTextFile`: UTF-8. */
export function readTextFile(path: string): Promise<string> {
  return readFile(path, "utf8");
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
  onError: (error: Error) => void,
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
      await writer.flushed();
      await closed(descriptor);
    },
  };
}
