import { Buffer } from "node:buffer";
import { DescriptorWriter } from "./descriptor-writer.ts";

// A closed or full standard output is no reason to fail: there is nobody left to tell.
const ignored = (): void => {};
// One writer, so that text of both encodings keeps its order.
const out = new DescriptorWriter(1, "latin1", ignored);
const err = new DescriptorWriter(2, "utf8", ignored);

/** `Runtime.writeOut`. */
export function writeOut(text: string, latin1 = false): void {
  out.write(latin1 ? text : Buffer.from(text, "utf8").toString("latin1"));
}

/** `Runtime.writeError`. */
export function writeError(text: string): void {
  err.write(text);
}

/** `Runtime.flushOutput`. */
export async function flushOutput(): Promise<void> {
  await out.flushed();
  await err.flushed();
}
