import type { WriteSome } from "../base/descriptor-writer.ts";

/** What is used of Deno's own interface; its types are not among ours. */
interface DenoOutput {
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * `fs.write` of Deno waits in the kernel for a reader who is slow, and all requests with it; its own streams do not.
 * For descriptors 1 and 2.
 */
export const writeSomeDeno: WriteSome = (descriptor, bytes, then) => {
  const { stdout, stderr } = (globalThis as unknown as { Deno: { stdout: DenoOutput; stderr: DenoOutput } }).Deno;
  (descriptor === 1 ? stdout : stderr).write(bytes).then(
    (written) => then(null, written),
    (error: Error) => then(error.name === "WouldBlock" ? Object.assign(error, { code: "EAGAIN" }) : error, 0),
  );
};
