import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { condition } from "./condition.ts";
import type { Program } from "./program.ts";

/** Process ids of the workers that the log has told of so far, by place; of several at one place the latest. */
export function knownWorkers({ logLines }: Program): number[] {
  const ids: number[] = [];
  for (const { message, data } of logLines) {
    if (message === "worker-started") ids[data!["worker"] as number] = data!["pid"] as number;
  }
  return ids;
}

/** The same of the two workers of a router, once the log has told of both. */
export async function workerIds(program: Program): Promise<[number, number]> {
  return await program.waitFor("both workers", () => {
    const [one, two] = knownWorkers(program);
    return one === undefined || two === undefined ? undefined : [one, two];
  });
}

/** A process is there, and no mere entry that waits for its parent. */
export function isAlive(id: number): boolean {
  if (!existsSync(`/proc/${id}/stat`)) return false;
  try {
    return !readFileSync(`/proc/${id}/stat`, "latin1").includes(") Z ");
  } catch {
    return false;
  }
}

/** Ports of the clients whose connections to `port` a process has (Linux). */
export function clientPorts(id: number, port: number): Set<number> {
  const inodes = new Set<string>();
  for (const descriptor of readdirSync(`/proc/${id}/fd`)) {
    try {
      inodes.add(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${id}/fd/${descriptor}`))?.[1] ?? "");
    } catch {
      // Closed meanwhile.
    }
  }
  const hex = (text: string): number => Number.parseInt(text.split(":")[1]!, 16);
  const ports = new Set<number>();
  // A machine may have tens of thousands of connections: those of other ports are not looked at further.
  const mark = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
  for (const line of readFileSync("/proc/net/tcp", "latin1").split("\n")) {
    if (!line.includes(mark)) continue;
    const [, local = "", remote = "", state, , , , , , inode = ""] = line.trim().split(/\s+/);
    if (state === "01" && inodes.has(inode) && hex(local) === port) ports.add(hex(remote));
  }
  return ports;
}

/** Resolves when none of the processes is there. */
export async function allGone(ids: readonly number[]): Promise<void> {
  await condition("the end of the workers", () => !ids.some(isAlive) || undefined);
}
