import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** A bench: its script in `test/bench`, and the arguments that docs/performance.md was made with. */
interface Bench {
  readonly script: string;
  readonly arguments: readonly string[];
}

/** All that docs/performance.md holds, in its order. Each takes `--write FILE` and replaces its own section there. */
const benches: readonly Bench[] = [
  { script: "hop.ts", arguments: ["--rounds", "5"] },
  { script: "latency.ts", arguments: [] },
  { script: "handshake.ts", arguments: [] },
  { script: "start.ts", arguments: [] },
  { script: "workers.ts", arguments: [] },
  { script: "register.ts", arguments: [] },
  { script: "connections.ts", arguments: [] },
  { script: "registrar.ts", arguments: [] },
  { script: "route-service.ts", arguments: [] },
];

/**
 * Runs every bench with its arguments and `further` ones. A bench that fails does not keep the others from running.
 * Gives the exit status: 1 when one failed.
 */
export function runAll(further: readonly string[]): number {
  const failed: string[] = [];
  for (const { script, arguments: own } of benches) {
    console.log(`\n## ${script} ${[...own, ...further].join(" ")}\n`);
    const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
    const { status } = spawnSync(process.execPath, [path, ...own, ...further], { stdio: "inherit" });
    if (status !== 0) failed.push(script);
  }
  if (failed.length > 0) console.error(`failed: ${failed.join(", ")}`);
  return failed.length > 0 ? 1 : 0;
}
