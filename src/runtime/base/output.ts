import { DescriptorWriter } from "./descriptor-writer.ts";

// A closed or full standard output is no reason to fail: there is nobody left to tell.
const ignored = (): void => {};
const out = new DescriptorWriter(1, ignored);
const err = new DescriptorWriter(2, ignored);

/** `Runtime.writeOut`. */
export function writeOut(text: string, latin1 = false): void {
  out.write(text, latin1);
}

/** `Runtime.writeError`. */
export function writeError(text: string, latin1 = false): void {
  err.write(text, latin1);
}

/** `Runtime.flushOutput`. */
export async function flushOutput(): Promise<void> {
  await out.flushed();
  await err.flushed();
}
