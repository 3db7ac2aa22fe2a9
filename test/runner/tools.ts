import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A program the tests start, and the Debian package that has it. */
interface Tool {
  readonly program: string;
  readonly debianPackage: string;
}

const needed: readonly Tool[] = [
  { program: "nats-server", debianPackage: "nats-server" },
  { program: "curl", debianPackage: "curl" },
  { program: "openssl", debianPackage: "openssl" },
];

const present = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

/** `test/packages.txt`: a line `package program`; what `npm run test:all` needs beyond the ordinary tests. */
function extraTools(): Tool[] {
  return readFileSync(new URL("../packages.txt", import.meta.url), "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim().split(/\s+/))
    .filter(([debianPackage]) => debianPackage)
    .map(([debianPackage, program]) => ({ debianPackage: debianPackage!, program: program ?? debianPackage! }));
}

/** Installs missing programs when that is possible; otherwise throws an error that says what to install. */
export function ensureTools(all: boolean): void {
  const missing = [...needed, ...(all ? extraTools() : [])].filter((tool) => !present(tool.program));
  if (missing.length === 0) return;
  const packages = missing.map((tool) => tool.debianPackage);
  const hint = `Cannot run the tests: ${missing.map((tool) => tool.program).join(", ")} not found; install the Debian packages: apt-get install ${packages.join(" ")}`;
  if (process.getuid?.() !== 0 || !present("apt-get")) throw new Error(hint);
  console.log(`installing ${packages.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [
    ["update", "-q"],
    ["install", "-y", "-q", "--no-install-recommends", ...packages],
  ]) {
    const run = spawnSync("apt-get", args, { env, encoding: "utf8" });
    if (run.status !== 0) throw new Error(`${hint}\n${run.stderr}`);
  }
}
