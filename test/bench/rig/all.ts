import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));

const short = ["--rounds", "1", "--seconds", "1"];
/**
 * Least work of each bench, to see that all of it runs, in a minute each on a busy machine; such figures mean nothing. All
 * runtimes are started by some of them, and one is enough for those that start many routers or wait between them.
 */
const quickly: Readonly<Record<string, readonly string[]>> = {
  bench: [...short, "--only", "nginx,bun"],
  "bench:handshake": [...short, "--clients", "2", "--only", "nginx,bun"],
  // Its client yields to everything else: on a busy machine it takes ten seconds for one.
  "bench:latency": [...short, "--rate", "200", "--connections", "4", "--only", "nginx,bun"],
  "bench:start": ["--rounds", "1", "--only", "bun"],
  "bench:workers": [...short, "--warm", "1000", "--only", "bun"],
  "bench:register": [
    ...["--only", "bun", "--routes", "500", "--rounds", "1", "--storm", "1000", "--tables", "500"],
    ...["--windows", "2", "--sets", "1", "--warm", "1000", "--settle", "1", "--kinds", "plain"],
  ],
  "bench:connections": ["--idle", "200", "--sockets", "100", "--only", "node"],
  "bench:route-service": [...short, "--only", "deno"],
  "bench:registrar": ["--seconds", "5", "--interval", "1s", "--only", "bun,node"],
  "bench:routing-api": ["--routes", "2000", "--rate", "200", "--seconds", "2", "--streams", "20", "--only", "bun,deno"],
};

/** The file that `--write` names, as it is now; undefined without one. */
function written(further: readonly string[]): string | undefined {
  const at = further.indexOf("--write");
  return at < 0 ? undefined : readFileSync(further[at + 1] ?? "", "utf8");
}

/**
 * Runs every bench of docs/performance.md, in the page's order: each of its sections stands between `<!-- npm run NAME -->`
 * and `<!-- end of npm run NAME -->`, so a bench is added by its section. `further` arguments go to each (`--write FILE`);
 * with `--quick` each does as little as it can. A bench that fails, or writes nothing, does not keep the others from
 * running. Gives the exit status: 1 when there was one.
 */
export function runAll(further: readonly string[]): number {
  const quick = further.includes("--quick");
  const common = further.filter((word) => word !== "--quick");
  const names = [...readFileSync(page, "utf8").matchAll(/^<!-- npm run (\S+) -->$/gm)].map((match) => match[1]!);
  const failed: string[] = [];
  for (const name of names) {
    const words = ["run", "--silent", name, "--", ...(quick ? (quickly[name] ?? []) : []), ...common];
    console.log(`\n## npm ${words.join(" ")}\n`);
    const before = written(common);
    const began = performance.now();
    const { status } = spawnSync("npm", words, { stdio: "inherit" });
    console.log(`\n${name} took ${((performance.now() - began) / 1000).toFixed(0)} s`);
    if (status !== 0) failed.push(`${name} (exit status ${status})`);
    else if (before !== undefined && written(common) === before) failed.push(`${name} (wrote nothing)`);
  }
  if (failed.length > 0) console.error(`failed: ${failed.join(", ")}`);
  return failed.length > 0 || names.length === 0 ? 1 : 0;
}
