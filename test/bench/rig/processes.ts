import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "../../fixtures/free-port.ts";

/** CPU time of a process with all its threads and children, in microseconds. */
interface CpuTime {
  readonly user: number;
  readonly system: number;
}

/** The process and all its descendants, itself first. */
export function processTree(pid: number): number[] {
  const tree = [pid];
  for (const member of tree) {
    try {
      for (const thread of readdirSync(`/proc/${member}/task`)) {
        const children = readFileSync(`/proc/${member}/task/${thread}/children`, "latin1").trim();
        for (const child of children.split(" ").filter(Boolean)) tree.push(Number(child));
      }
    } catch {
      // It ended meanwhile.
    }
  }
  return [...new Set(tree)];
}

/** What `read` makes of a file in /proc of each process of the tree, added up. */
function sum(pid: number, file: string, read: (text: string) => number): number {
  return processTree(pid).reduce((total, member) => {
    try {
      return total + read(readFileSync(`/proc/${member}/${file}`, "latin1"));
    } catch {
      return total;
    }
  }, 0);
}

/** CPU time so far, from /proc/PID/stat (a tick is 10 ms on Linux, whatever the kernel's own is). */
export function cpuTime(pid: number): CpuTime {
  // The fields are counted after the program's name, which may contain spaces.
  const ticks = (field: number) => (text: string) => Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[field]);
  return { user: sum(pid, "stat", ticks(11)) * 1e4, system: sum(pid, "stat", ticks(12)) * 1e4 };
}

/** Nanoseconds that each thread of a process has run so far; a tick of `cpuTime` is too long for short times. */
export function threadTimes(pid: number): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [ran] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ");
      times.set(thread, Number(ran));
    } catch {
      // It ended meanwhile.
    }
  }
  return times;
}

/** Milliseconds that the threads of a process have run since `before`; what those that ended meanwhile ran is not in it. */
export function ranSince(pid: number, before: ReadonlyMap<string, number>): number {
  let nanoseconds = 0;
  for (const [thread, ran] of threadTimes(pid)) nanoseconds += ran - (before.get(thread) ?? 0);
  return nanoseconds / 1e6;
}

/** Resident set size in MiB. */
export function residentMiB(pid: number): number {
  return sum(pid, "status", (text) => Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0)) / 1024;
}

/** `count` ports of 127.0.0.1 that nobody has at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** The programs of a run, each pinned to a CPU, with a folder for their files. Everything is gone when this process is. */
export class Processes {
  readonly folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  #children: ChildProcess[] = [];
  #stopping = false;
  /** Ended because they were told to. */
  readonly #ended = new Set<number>();

  constructor() {
    // nginx started by root serves files as somebody else.
    chmodSync(this.folder, 0o755);
    process.on("exit", () => this.#stop());
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
  }

  /** Starts a program on CPU `cpu`; its output goes to `NAME.log` in the folder. Gives its process id. */
  start(name: string, cpu: number, command: readonly string[], env: Readonly<Record<string, string>> = {}): number {
    const log = join(this.folder, `${name}.log`);
    const output = openSync(log, "w");
    const child = spawn("taskset", ["-c", String(cpu), ...command], {
      stdio: ["ignore", output, output],
      env: { ...process.env, ...env },
    });
    this.#children.push(child);
    child.on("exit", (code, signal) => {
      if (this.#stopping || this.#ended.has(child.pid ?? 0)) return;
      console.error(`${name} ended by itself (${code ?? signal}):\n${readFileSync(log, "utf8").slice(-2000)}`);
    });
    if (child.pid === undefined) throw new Error("cannot start taskset: install the Debian package util-linux");
    return child.pid;
  }

  /** Kills a program that is no longer needed, with what it started. */
  end(pid: number): void {
    this.#ended.add(pid);
    for (const member of processTree(pid)) process.kill(member, "SIGKILL");
  }

  #stop(): void {
    this.#stopping = true;
    for (const { pid } of this.#children) {
      // The parent first: a master would start new workers.
      for (const member of pid === undefined ? [] : processTree(pid)) {
        try {
          process.kill(member, "SIGKILL");
        } catch {
          // It has ended already.
        }
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
