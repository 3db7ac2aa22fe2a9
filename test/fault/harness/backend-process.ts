import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("./backend-script.ts", import.meta.url));

/** A running backend process. */
export interface BackendProcess {
  readonly port: number;
  /** SIGKILL: connections end without a word. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts a backend (`backend-script.ts`) on a free port of 127.0.0.1. */
export async function startBackend(): Promise<BackendProcess> {
  const child: ChildProcess = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the backend ended with ${code}`)));
    child.stdout!.once("data", (text) => resolve(Number(String(text).trim())));
  });
  return {
    port,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}
