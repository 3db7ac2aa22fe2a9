import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";

/** A program that a comparison uses. */
interface Tool {
  readonly program: string;
  readonly debianPackage: string;
  /** Arguments that make it print its version. */
  readonly version: readonly string[];
}

const tools: readonly Tool[] = [
  { program: "nginx", debianPackage: "nginx-light", version: ["-v"] },
  { program: "haproxy", debianPackage: "haproxy", version: ["-v"] },
  { program: "caddy", debianPackage: "caddy", version: ["version"] },
  { program: "wrk", debianPackage: "wrk", version: ["-v"] },
  { program: "h2load", debianPackage: "nghttp2-client", version: ["--version"] },
];

/** Processes that wanted a processor in the minute before: figures of a busy machine say so. */
const loadBefore = loadavg()[0] ?? Number.NaN;

/** Whether the machine has the program. */
export function present(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

/** Says which programs are missing and how to get them; undefined when all are there. */
export function missingTools(): string | undefined {
  const missing = tools.filter(({ program }) => !present(program));
  if (missing.length === 0) return undefined;
  const names = missing.map(({ program }) => program).join(", ");
  return `not found: ${names} (apt-get install ${missing.map((tool) => tool.debianPackage).join(" ")})`;
}

/** First version number in what `command` prints. */
function versionOf(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? "?";
}

/** Lines about the machine and the programs, for the top of a report; `bin` is the folder of the runtimes. */
export function machineFacts(bin: string): string[] {
  const runtimes = ["bun", "deno", "node"].map((name) => `${name} ${versionOf(`${bin}/${name}`, ["--version"])}`);
  const others = tools.filter(({ program }) => present(program));
  const system = /PRETTY_NAME="(.*)"/.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  return [
    `- Machine: ${cpus().length} x ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GB; ${system}, kernel ${release()}`,
    `- Versions: ${[...runtimes, ...others.map((tool) => `${tool.program} ${versionOf(tool.program, tool.version)}`)].join(", ")}`,
    `- Date: ${new Date().toISOString().slice(0, 10)}, commit ${commit()}; load average before the run ${loadBefore.toFixed(1)}`,
  ];
}

function commit(): string {
  const git = (...args: string[]): string => spawnSync("git", args, { encoding: "utf8" }).stdout?.trim() ?? "";
  const changed = git("status", "--porcelain", "--", "src") === "" ? "" : " with changes";
  return (git("rev-parse", "--short", "HEAD") || "unknown") + changed;
}
