import type { Config } from "../../../core/config/schema.ts";

/**
 * How many workers serve: `workers`, and with `auto` as many as `go_max_procs` says, which is all `cores` when it is -1 or 0.
 */
export function workerCount({ workers, go_max_procs: procs }: Config, cores: number): number {
  if (workers !== "auto") return workers;
  return procs > 0 ? procs : cores;
}
