import { spawn } from "node:child_process";
import process from "node:process";
import type { Readable } from "node:stream";
import type { CommandEnd, SupervisorLink, WorkerListener, WorkerProcess } from "../interface.ts";

/** Set in the environment of worker processes. */
const mark = "CAUSEWAY_WORKER";

/** Arguments with which the program's own executable runs the program; a runtime may need others before them. */
export const scriptCommand: readonly string[] = process.argv.slice(1, 2);

/** Tells a stream's text by whole lines, as much of it together as has come. */
function tellLines(stream: Readable, tell: (text: string) => void): void {
  let rest = "";
  stream.setEncoding("latin1");
  stream.on("error", () => {});
  stream.on("data", (text: string) => {
    const end = text.lastIndexOf("\n") + 1;
    if (end === 0) {
      rest += text;
      return;
    }
    tell(rest + text.slice(0, end));
    rest = text.slice(end);
  });
  stream.on("end", () => {
    if (rest !== "") tell(`${rest}\n`);
  });
}

/** `Runtime.spawnWorker` by the channel of `node:child_process`, which all runtimes have. `args`: before the program's own. */
export function spawnWorker(args: readonly string[], listener: WorkerListener): Promise<WorkerProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, [mark]: "1" },
    });
    child.once("error", reject);
    tellLines(child.stdout!, (text) => listener.output(text));
    tellLines(child.stderr!, (text) => listener.error(text));
    child.on("message", (message) => listener.message(String(message)));
    const ended = new Promise<CommandEnd>((done) => {
      child.once("close", (code, signal) => done(signal === null ? { code: code ?? 0 } : { signal }));
    });
    child.once("spawn", () => {
      child.off("error", reject);
      child.on("error", () => {});
      resolve({
        processId: child.pid!,
        ended,
        send(text) {
          if (child.connected) child.send(text, () => {});
        },
        kill: () => void child.kill("SIGKILL"),
      });
    });
  });
}

/** `Runtime.supervisor`. */
export function supervisor(): SupervisorLink | undefined {
  if (process.env[mark] === undefined || process.send === undefined) return undefined;
  return {
    send(text) {
      if (process.connected) process.send!(text, () => {});
    },
    listen(message, closed) {
      process.on("message", (text) => message(String(text)));
      process.once("disconnect", closed);
    },
  };
}
