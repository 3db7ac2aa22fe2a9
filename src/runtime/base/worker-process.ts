import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import type { CommandEnd, SupervisorLink, WorkerListener, WorkerProcess } from "../interface/processes.ts";

/** In the environment of worker processes: the path of the socket by which their supervisor is reached. */
const mark = "CAUSEWAY_WORKER";
/** Beside it: the supervisor's process id. */
const parentMark = "CAUSEWAY_SUPERVISOR";
/** Between two looks whether the supervisor is still there, in milliseconds. */
const lookMs = 1000;
/** How long, in milliseconds, output may still come after a process has ended: Deno does not always tell of its end. */
const outputGraceMs = 300;

/** Arguments with which the program's own executable runs the program; a runtime may need others before them. */
export const scriptCommand: readonly string[] = process.argv.slice(1, 2);

/** Tells a stream's text by whole lines, as much of it together as has come. */
function tellLines(stream: Readable, tell: (text: string) => void): void {
  let rest: string[] = [];
  stream.on("error", () => {});
  stream.on("data", (text: string) => {
    const end = text.lastIndexOf("\n") + 1;
    if (end > 0) {
      tell(rest.join("") + text.slice(0, end));
      rest = [];
    }
    if (end < text.length) rest.push(text.slice(end));
  });
  stream.on("end", () => {
    if (rest.length > 0) tell(`${rest.join("")}\n`);
  });
}

/** A text is a line; one that could not be, or that looks as if it were such, is quoted as JSON. */
function lineOf(text: string): string {
  const asItIs = text !== "" && !text.startsWith('"') && !text.includes("\n") && text.isWellFormed();
  return `${asItIs ? text : JSON.stringify(text)}\n`;
}

const textOf = (line: string): string => (line.startsWith('"') ? (JSON.parse(line) as string) : line);

function tellTexts(socket: Socket, tell: (text: string) => void): void {
  tellLines(socket.setEncoding("utf8"), (lines) => {
    for (const line of lines.split("\n")) if (line !== "") tell(textOf(line));
  });
}

/**
 * Where one worker will connect: in a folder that nobody else may look into, and gone as soon as it has. (The channels of
 * `node:child_process` will not do: Deno throws what nobody can catch when a process is gone that is written to.)
 */
class Rendezvous {
  readonly path: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "causeway-worker-"));
  readonly #server: Server;
  readonly #tell: (text: string) => void;
  /** Texts from before the worker came. */
  #waiting: string[] = [];
  #socket: Socket | undefined;

  constructor(tell: (text: string) => void) {
    this.path = join(this.#folder, "socket");
    this.#tell = tell;
    this.#server = createServer((socket) => this.#met(socket));
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.path, resolve);
    });
  }

  #met(socket: Socket): void {
    if (this.#socket !== undefined) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    tellTexts(socket, this.#tell);
    for (const text of this.#waiting.splice(0)) socket.write(lineOf(text));
    this.#close();
  }

  #close(): void {
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  send(text: string): void {
    if (this.#socket === undefined) this.#waiting.push(text);
    else if (this.#socket.writable) this.#socket.write(lineOf(text));
  }

  end(): void {
    this.#socket?.destroy();
    this.#close();
  }
}

/** `Runtime.spawnWorker`. `args`: what the program's own executable is to run; `more`: environment beside our own. */
export async function spawnWorker(
  args: readonly string[],
  listener: WorkerListener,
  more: Readonly<Record<string, string>> = {},
): Promise<WorkerProcess> {
  const rendezvous = new Rendezvous((text) => listener.message(text));
  await rendezvous.open();
  const child = spawn(process.execPath, [...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...more, [mark]: rendezvous.path, [parentMark]: String(process.pid) },
  });
  tellLines(child.stdout.setEncoding("latin1"), (text) => listener.output(text));
  tellLines(child.stderr.setEncoding("latin1"), (text) => listener.error(text));
  const ended = new Promise<CommandEnd>((done) => {
    child.once("exit", (code, signal) => {
      const end = signal === null ? { code: code ?? 0 } : { signal };
      const timer = setTimeout(() => done(end), outputGraceMs);
      child.once("close", () => {
        clearTimeout(timer);
        done(end);
      });
    });
  });
  void ended.then(() => rendezvous.end());
  return await new Promise((resolve, reject) => {
    child.once("error", (error) => {
      rendezvous.end();
      reject(error);
    });
    child.once("spawn", () => {
      child.on("error", () => {});
      resolve({
        processId: child.pid!,
        ended,
        send: (text) => rendezvous.send(text),
        kill: () => void child.kill("SIGKILL"),
      });
    });
  });
}

/** `Runtime.supervisor`. */
export function supervisor(): SupervisorLink | undefined {
  const path = process.env[mark];
  if (path === undefined) return undefined;
  const socket = connect(path);
  return {
    send(text) {
      if (socket.writable) socket.write(lineOf(text));
    },
    listen(message, closed) {
      tellTexts(socket, message);
      socket.once("close", closed);
      // Deno hands listening sockets on to children: a connection that nobody will ever accept does not break.
      const parent = Number(process.env[parentMark]);
      const timer = setInterval(() => {
        if (process.ppid === parent) return;
        clearInterval(timer);
        socket.destroy();
      }, lookMs);
    },
  };
}
