import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

// File descriptors are counted per process: accepted and dialled streams together. Running into the limit is worse
// than staying below it (Deno's listener never accepts again after EMFILE: runtimes.md §1).

let open = 0;
let limit = 0;

function fromProc(): number {
  for (const line of readFileSync("/proc/self/limits", "latin1").split("\n")) {
    if (!line.startsWith("Max open files")) continue;
    const soft = line.slice(14).trim().split(" ")[0];
    return soft === "unlimited" ? Infinity : Number(soft);
  }
  return Infinity;
}

function fromShell(): number {
  const asked = spawnSync("sh", ["-c", "ulimit -n"], { encoding: "latin1" }).stdout?.trim();
  const soft = Number(asked);
  return soft > 0 ? soft : Infinity;
}

/** Soft limit of open file descriptors of this process; Infinity when unknown. Asked once. */
export function descriptorLimit(): number {
  if (limit === 0) {
    try {
      limit = fromProc();
    } catch {
      // No /proc, or no permission to read it (Deno): a child process has the same limit.
      try {
        limit = fromShell();
      } catch {
        limit = Infinity;
      }
    }
  }
  return limit;
}

/** What a runtime holds open for itself, clients that are being turned away included (Deno at rest: 25). */
const runtimeOwn = 40;

/** Descriptors kept free for the runtime itself, log files, name look-ups and clients that are being turned away. */
function reserve(): number {
  return Math.min(1024, Math.max(runtimeOwn, descriptorLimit() / 8));
}

/** Whether another stream may be dialled. */
export function roomToDial(): boolean {
  return open < descriptorLimit() - reserve();
}

/** Whether another client may be accepted: an eighth of the room is left to dial backends for those that are in. */
export function roomToAccept(): boolean {
  return open < (descriptorLimit() - reserve()) * (7 / 8);
}

/**
 * How many connections may wait in a listener's backlog so that accepting all of them at once stays below the limit, for
 * runtimes that accept them all before the first is turned away; `wanted` when that is less.
 */
export function safeBacklog(wanted = 511): number {
  return Math.min(wanted, Math.max(4, reserve() - runtimeOwn));
}

/** A stream's descriptor came into being. */
export function descriptorOpened(): void {
  open++;
}

/** A stream's descriptor was closed. */
export function descriptorClosed(): void {
  open--;
}

/** Streams that are open. */
export function openStreams(): number {
  return open;
}
