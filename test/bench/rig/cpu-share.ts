import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Microseconds of a period: short, so that latencies stay what they are. */
const period = 10_000;

/** Where control groups for CPU time are made; undefined: this machine lets us make none. */
function root(): { readonly folder: string; readonly version: 1 | 2 } | undefined {
  const probe = `causeway-probe-${process.pid}`;
  for (const [folder, version, file] of [
    ["/sys/fs/cgroup/cpu", 1, "cpu.cfs_quota_us"],
    ["/sys/fs/cgroup", 2, "cpu.max"],
  ] as const) {
    try {
      mkdirSync(join(folder, probe));
      const usable = existsSync(join(folder, probe, file));
      rmdirSync(join(folder, probe));
      if (usable) return { folder, version };
    } catch {
      // The next place, or none.
    }
  }
  return undefined;
}

/**
 * Bounds what a process with all its threads may use of the CPUs, which it may all use then: `share` of one core.
 * Gives what removes the bound once the process has ended; undefined: this machine cannot (Linux with writable control groups).
 */
export function limitCpu(pid: number, share: number): (() => void) | undefined {
  const place = root();
  if (place === undefined) return undefined;
  const group = join(place.folder, `causeway-bench-${pid}`);
  mkdirSync(group);
  const quota = Math.round(share * period);
  // What it may use it gets, whatever else the machine does.
  if (place.version === 2) {
    writeFileSync(join(group, "cpu.max"), `${quota} ${period}`);
    writeFileSync(join(group, "cpu.weight"), "10000");
  } else {
    writeFileSync(join(group, "cpu.shares"), "262144");
    writeFileSync(join(group, "cpu.cfs_period_us"), String(period));
    writeFileSync(join(group, "cpu.cfs_quota_us"), String(quota));
  }
  writeFileSync(join(group, "cgroup.procs"), String(pid));
  execFileSync("taskset", ["-a", "-p", "-c", "0-1", String(pid)], { stdio: "ignore" });
  return () => rmdirSync(group);
}
