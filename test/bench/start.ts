/**
 * `npm run bench:start`: how soon the router serves after it was started, what it holds in memory then, and how large
 * the binary is.
 *
 *   npm run bench:start -- [--rounds 9] [--write FILE]
 *
 * Rounds interleave the ways to run it; the table gives medians. Build the binary first: npm run build.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { readStartBlock, writeConfig } from "../conformance/harness/router.ts";
import { cpuTime, residentMiB } from "./rig/processes.ts";
import { median, replaceSection, shown, table } from "./rig/report.ts";
import { launchers, runtimeFolder } from "./rig/routers.ts";
import { machineFacts } from "./rig/tools.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "9" }, write: { type: "string" } },
});

/** One start. Times in milliseconds. */
interface Start {
  readonly name: string;
  /** From starting the process to the line that says where it listens, with its own bus ready. */
  readonly serving: number;
  /** CPU time until then. */
  readonly cpu: number;
  readonly rss: number;
}

async function start(name: string, command: string, folder: string): Promise<Start> {
  const config = writeConfig(folder, "embedded");
  const [program, ...args] = [...command.split(" "), "router", "-c", config];
  const began = performance.now();
  const child = spawn(program!, args, { stdio: ["ignore", "ignore", "pipe"] });
  try {
    let said = "";
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`${name} ended by itself (${code}):\n${said}`)));
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (readStartBlock(said) === undefined) return;
        const serving = performance.now() - began;
        const { user, system } = cpuTime(child.pid!);
        resolve({ name, serving, cpu: (user + system) / 1000, rss: residentMiB(child.pid!) });
      });
    });
  } finally {
    child.removeAllListeners("exit");
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.kill("SIGTERM")) await ended;
  }
}

const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
const starts: Start[] = [];
try {
  // Round 0 fills the caches of files.
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const [name, command] of launchers) {
      const one = await start(name, command, folder);
      if (round > 0) starts.push(one);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const rows = launchers.map(([name, command]) => {
  const own = starts.filter((one) => one.name === name);
  const size = name === "binary" ? statSync(command).size / 2 ** 20 : Number.NaN;
  const middle = (key: "serving" | "cpu" | "rss"): string => shown(median(own.map((one) => one[key])), 0);
  return [name, middle("serving"), middle("cpu"), middle("rss"), shown(size, 0)];
});
const report = [
  ...machineFacts(runtimeFolder),
  `- Run: ${values.rounds} rounds`,
  "",
  table(["", "serves after ms", "CPU ms until then", "RSS MB then", "size of the file MB"], rows),
].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:start", report);
process.exit(0);
