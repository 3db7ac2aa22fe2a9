import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { runtime } from "#runtime";

/** How a child ended. */
interface ChildResult {
  readonly code: number | null;
  readonly out: Buffer;
  readonly error: string;
}

function commandOf(script: string): [string, ...string[]] {
  const prefix = runtime.name === "deno" ? ["run", "-A", "--no-check"] : [];
  return [process.execPath, ...prefix, join(import.meta.dirname, script)];
}

/** Runs a script of this folder whose standard output is the FIFO of that path, which nobody reads. */
export function runUnread(script: string, fifo: string): ChildProcess {
  // Opened for both, it blocks nobody until it is full.
  const line = 'mkfifo "$0"; exec "$@" 1<>"$0"';
  return spawn("sh", ["-c", line, fifo, ...commandOf(script)], { stdio: ["ignore", "ignore", "pipe"] });
}

/**
 * Runs a script of this folder under the runtime that runs the test; with `openFiles` under that descriptor limit.
 */
export function runChild(
  script: string,
  args: readonly string[] = [],
  openFiles?: number,
): { process: ChildProcess; result: Promise<ChildResult> } {
  const command = [...commandOf(script), ...args];
  const limited =
    openFiles === undefined ? command : ["sh", "-c", `ulimit -n ${openFiles}; exec "$@"`, "sh", ...command];
  const child = spawn(limited[0]!, limited.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
  const out: Buffer[] = [];
  let error = "";
  child.stdout!.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr!.on("data", (chunk: Buffer) => {
    error += String(chunk);
  });
  const result = new Promise<ChildResult>((resolve) => {
    child.once("close", (code) => resolve({ code, out: Buffer.concat(out), error }));
  });
  return { process: child, result };
}
