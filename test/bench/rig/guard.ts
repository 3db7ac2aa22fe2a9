import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { floorsOf } from "./floors.ts";
import { median, type Sample, shown, table } from "./report.ts";
import { present } from "./tools.ts";

const page = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));

/** CPU time per request, the median of the rounds, in microseconds. */
function cost(samples: readonly Sample[], scenario: string, name: string): number {
  const own = samples.filter((one) => one.scenario === scenario && one.name === name);
  return median(own.map(({ user, system }) => user + system));
}

/**
 * Measures a hop on each runtime beside nginx for a few minutes, and compares the ratios with those of docs/performance.md. Gives the exit
 * status: 1 when one is broken, when a request failed, or when it cannot be measured here.
 */
export function runGuard(): number {
  const missing = ["nginx", "wrk", "h2load"].filter((program) => !present(program));
  if (missing.length > 0) {
    console.error(
      `cannot guard: the floors are ratios to nginx under wrk and h2load; not found: ${missing.join(", ")}`,
    );
    return 1;
  }
  const floors = floorsOf(readFileSync(page, "utf8"));
  const folder = mkdtempSync(join(tmpdir(), "causeway-guard-"));
  try {
    const file = join(folder, "samples.json");
    const names = ["bun", "deno", "node"];
    const options = ["--rounds", "5", "--seconds", "1", "--scenarios", [...floors.keys()].join(","), "--json", file];
    const hop = fileURLToPath(new URL("../hop.ts", import.meta.url));
    const words = [hop, ...options, "--only", ["nginx", ...names].join(",")];
    if (spawnSync(process.execPath, words, { stdio: "inherit" }).status !== 0) return 1;
    const { samples } = JSON.parse(readFileSync(file, "utf8")) as { samples: Sample[] };
    const compared = [...floors].flatMap(([scenario, floorOf]) =>
      [...floorOf].map(([name, floor]) => {
        const ratio = cost(samples, scenario, name) / cost(samples, scenario, "nginx");
        return { scenario, name, floor, ratio, holds: ratio <= floor };
      }),
    );
    const rows = compared.map(({ scenario, name, floor, ratio, holds }) => [
      `${scenario}, ${name}`,
      shown(ratio, 2),
      shown(floor, 2),
      holds ? "holds" : "BROKEN",
    ]);
    console.log(`\n${table(["CPU per request", "/ nginx", "at most", ""], rows)}`);
    const failed = samples.reduce((total, one) => total + one.failed, 0);
    if (failed > 0) console.error(`${failed} requests failed`);
    const broken = compared.filter(({ holds }) => !holds);
    for (const { scenario, name, floor, ratio } of broken)
      console.error(
        `${scenario} on ${name} costs ${shown(ratio, 2)} times nginx; at most ${shown(floor, 2)} (docs/performance.md and a fifth)`,
      );
    return broken.length > 0 || failed > 0 ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
