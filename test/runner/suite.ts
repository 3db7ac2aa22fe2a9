import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compileCache } from "../fixtures/compile-cache.ts";
import { readFileTimes, readJunit, type TestCase } from "./junit.ts";

/** A runtime that test files run under. */
export type TestRuntime = "bun" | "deno" | "node";

/** What became of some test files in one run of a runtime. */
export interface SuiteRun {
  readonly cases: readonly TestCase[];
  /** Seconds. */
  readonly took: number;
  /** Seconds of processor time, of the run and of all programs that its tests waited for. */
  readonly busy: number;
  /** Seconds per file. */
  readonly fileTimes: ReadonlyMap<string, number>;
  /** Set when the run failed as a whole: how it ended, with no failing case to show for it. */
  readonly broken: string | undefined;
}

/** How a runtime runs test files. */
export interface SuiteOptions {
  readonly runtime: TestRuntime;
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Node runs each file in a process of its own, Deno in a realm, or all in one. */
  readonly isolated: boolean;
  /** Seconds after which the run is killed. */
  readonly limit: number;
}

/** A module that is all the files: Deno, which loads what each file imports anew, loads it once. */
function asOne(files: readonly string[], folder: string): string {
  const file = join(folder, "all.test.ts");
  writeFileSync(file, files.map((one) => `import ${JSON.stringify(pathToFileURL(one).href)};\n`).join(""));
  return file;
}

function command({ runtime, files, isolated }: SuiteOptions, folder: string, junit: string): string[] {
  switch (runtime) {
    case "bun":
      return [
        "bun",
        "test",
        "--timeout=60000",
        "--reporter=junit",
        `--reporter-outfile=${junit}`,
        ...files.map((file) => `./${file}`),
      ];
    case "deno": {
      const modules = isolated || files.length === 1 ? files : [asOne(files, folder)];
      return ["deno", "test", "-A", "--no-check", "--config=deno.json", `--junit-path=${junit}`, ...modules];
    }
    case "node": {
      const reporter = ["--test-reporter=junit", `--test-reporter-destination=${junit}`];
      // A file by itself needs no process that watches over it. One that failed may have left something open.
      if (files.length === 1) return ["node", "--test-force-exit", ...reporter, files[0]!];
      const processes = isolated ? "--test-concurrency=2" : "--test-isolation=none";
      return ["node", "--test", processes, ...reporter, ...files];
    }
  }
}

/** Runs a command line and then writes to the file named first what it cost. */
const measured = 'file=$1; shift; "$@"; status=$?; times >"$file"; exit $status';

/** Processor seconds of the children, from what a shell's `times` wrote: `0m1.25s 0m0.50s` in the second line. */
function childSeconds(times: string): number {
  const [, children = ""] = times.split("\n");
  return children.split(" ").reduce((sum, part) => {
    const [, minutes = 0, seconds = 0] = /^(\d+)m([\d.]+)s$/.exec(part) ?? [];
    return sum + 60 * Number(minutes) + Number(seconds);
  }, 0);
}

/** Process groups at work: a run, and every program its tests have started. */
const groups = new Set<number>();
function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    for (const leader of groups) killGroup(leader);
    process.exit(130);
  });
}

/** Runs test files under one runtime and reads back what happened, case by case. */
export async function runSuite(options: SuiteOptions): Promise<SuiteRun> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-junit-"));
  const junit = join(folder, "junit.xml");
  const times = join(folder, "times");
  const args = ["-c", measured, "sh", times, ...command(options, folder, junit)];
  const began = performance.now();
  const output: Buffer[] = [];
  let late = false;
  const status = await new Promise<number>((resolve, reject) => {
    const child = spawn("sh", args, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, ...compileCache, ...options.env, NO_COLOR: "1", FORCE_COLOR: "0" },
    });
    const leader = child.pid;
    if (leader !== undefined) groups.add(leader);
    const timer = setTimeout(() => {
      late = true;
      if (leader !== undefined) killGroup(leader);
    }, options.limit * 1000);
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (leader !== undefined) {
        // Programs that a failed test has left behind.
        killGroup(leader);
        groups.delete(leader);
      }
      resolve(code ?? (signal === null ? 1 : 128));
    });
  });
  const took = (performance.now() - began) / 1000;
  let cases: TestCase[] = [];
  let fileTimes = new Map<string, number>();
  let busy = 0;
  try {
    const xml = readFileSync(junit, "utf8");
    cases = readJunit(xml);
    fileTimes = options.files.length === 1 ? new Map([[options.files[0]!, took]]) : readFileTimes(xml);
    busy = childSeconds(readFileSync(times, "utf8"));
  } catch {
    // No report at all: the run itself is broken, which the caller is told below.
  }
  rmSync(folder, { recursive: true, force: true });
  const failed = cases.some((one) => one.outcome === "failed");
  const end = late ? `killed after ${options.limit} s` : `exit status ${status}`;
  const broken =
    (status !== 0 && !failed) || cases.length === 0
      ? `${options.files.length === 1 ? `${options.files[0]}: ` : ""}${end}\n${Buffer.concat(output).toString().slice(-6000)}`
      : undefined;
  return { cases, took, busy, fileTimes, broken };
}
