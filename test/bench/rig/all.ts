import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));

/**
 * Runs every bench of docs/performance.md, in the page's order: each of its sections stands between `<!-- npm run NAME -->`
 * and `<!-- end of npm run NAME -->`, so a bench is added by its section. `further` arguments go to each (`--write FILE`). A
 * bench that fails does not keep the others from running. Gives the exit status: 1 when one failed.
 */
export function runAll(further: readonly string[]): number {
  const names = [...readFileSync(page, "utf8").matchAll(/^<!-- npm run (\S+) -->$/gm)].map((match) => match[1]!);
  const failed: string[] = [];
  for (const name of names) {
    console.log(`\n## npm run ${[name, "--", ...further].join(" ")}\n`);
    const { status } = spawnSync("npm", ["run", "--silent", name, "--", ...further], { stdio: "inherit" });
    if (status !== 0) failed.push(name);
  }
  if (failed.length > 0) console.error(`failed: ${failed.join(", ")}`);
  return failed.length > 0 || names.length === 0 ? 1 : 0;
}
