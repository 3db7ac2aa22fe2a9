import { spawn } from "node:child_process";
import process from "node:process";
import type { Readable } from "node:stream";
import type { CommandEnd, CommandOptions, GroupedCommand } from "../interface/processes.ts";

/** Keeps the first `limit` bytes of a stream and reads the rest into nothing. */
class Capture {
  #chunks: Uint8Array[] = [];
  #room: number;

  constructor(stream: Readable, limit: number) {
    this.#room = limit;
    stream.on("error", () => {});
    stream.on("data", (chunk: Uint8Array) => {
      if (this.#room === 0) return;
      const kept = chunk.subarray(0, this.#room);
      this.#room -= kept.length;
      this.#chunks.push(kept);
    });
  }

  text(): string {
    return new TextDecoder().decode(Buffer.concat(this.#chunks));
  }
}

/** SIGKILL to every member of a process group. False when it has none. */
function killGroup(leader: number): boolean {
  try {
    process.kill(-leader, "SIGKILL");
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ESRCH") return false;
    throw error;
  }
}

/** `Runtime.spawnGroup`: `detached` makes the child the leader of a session and group of its own, on all runtimes. */
export function spawnGroup({ command, args, outputLimit }: CommandOptions): Promise<GroupedCommand> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
    child.once("error", reject);
    const out = new Capture(child.stdout, outputLimit);
    const error = new Capture(child.stderr, outputLimit);
    const ended = new Promise<CommandEnd>((done) => {
      child.once("exit", (code, signal) => done(signal === null ? { code: code ?? 0 } : { signal }));
    });
    const closed = new Promise<void>((done) => child.once("close", () => done()));
    child.once("spawn", () => {
      child.off("error", reject);
      child.on("error", () => {});
      const leader = child.pid!;
      resolve({
        processId: leader,
        ended,
        closed,
        output: () => ({ stdout: out.text(), stderr: error.text() }),
        killGroup: () => killGroup(leader),
      });
    });
  });
}
