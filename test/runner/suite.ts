import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFileTimes, readJunit, type TestCase } from "./junit.ts";

/** A runtime that test files run under. */
export type TestRuntime = "bun" | "deno" | "node";

/** What became of some test files in one run of a runtime. */
export interface SuiteRun {
  readonly cases: readonly TestCase[];
  /** Seconds. */
  readonly took: number;
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
  /** Node runs each file in a process of its own, or all in one. */
  readonly isolated: boolean;
  /** Seconds after which the run is killed. */
  readonly limit: number;
}

function command({ runtime, files, isolated }: SuiteOptions, junit: string): string[] {
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
    case "deno":
      return ["deno", "test", "-A", "--no-check", `--junit-path=${junit}`, ...files];
    case "node": {
      const reporter = ["--test-reporter=junit", `--test-reporter-destination=${junit}`];
      // A file by itself needs no process that watches over it. One that failed may have left something open.
      if (files.length === 1) return ["node", "--test-force-exit", ...reporter, files[0]!];
      const processes = isolated ? "--test-concurrency=2" : "--test-isolation=none";
      return ["node", "--test", processes, ...reporter, ...files];
    }
  }
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
  const [program, ...args] = command(options, junit);
  const began = performance.now();
  const output: Buffer[] = [];
  let late = false;
  const status = await new Promise<number>((resolve, reject) => {
    const child = spawn(program!, args, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, ...options.env, NO_COLOR: "1", FORCE_COLOR: "0" },
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
  try {
    const xml = readFileSync(junit, "utf8");
    cases = readJunit(xml);
    fileTimes = options.files.length === 1 ? new Map([[options.files[0]!, took]]) : readFileTimes(xml);
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
  return { cases, took, fileTimes, broken };
}
