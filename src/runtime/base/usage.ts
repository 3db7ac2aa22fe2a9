import { readdir } from "node:fs/promises";
import process from "node:process";
import type { ProcessUsage } from "../interface/processes.ts";
import { openStreams } from "./descriptors.ts";

/** `Runtime.usage`. */
export function usage(): ProcessUsage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return {
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    maxResidentBytes: maxRSS * 1024,
    heapBytes: process.memoryUsage().heapUsed,
  };
}

/** `Runtime.openDescriptors`: the process's own table; without it, or the right to read it (Deno), the streams we opened. */
export async function openDescriptors(): Promise<number> {
  try {
    return (await readdir("/proc/self/fd")).length - 1; // the one that reads the folder
  } catch {
    return openStreams();
  }
}
