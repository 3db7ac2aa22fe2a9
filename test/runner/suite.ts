import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJunit, type TestCase } from "./junit.ts";

/** A runtime that test files run under. */
export type TestRuntime = "bun" | "deno" | "node";

/** What became of one group of test files under one runtime. */
export interface SuiteResult {
  readonly title: string;
  readonly cases: readonly TestCase[];
  /** Seconds. */
  readonly took: number;
  /** Set when the runtime's run failed as a whole: its exit status with no failing case to show for it. */
  readonly broken: string | undefined;
}

function command(runtime: TestRuntime, files: readonly string[], junit: string): string[] {
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
    case "node":
      return [
        "node",
        "--test",
        // Fault and soak tests measure; conformance tests mostly wait, so three of them fill two cores.
        `--test-concurrency=${files.some((file) => /\/(fault|soak)\//.test(file)) ? 1 : 3}`,
        // An outage of three minutes and what is around it.
        `--test-timeout=${files.some((file) => file.includes("-outage")) ? 400_000 : 180_000}`,
        "--test-reporter=junit",
        `--test-reporter-destination=${junit}`,
        ...files,
      ];
  }
}

/** Runs test files under one runtime and reads back what happened, case by case. */
export async function runSuite(
  title: string,
  runtime: TestRuntime,
  files: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<SuiteResult> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-junit-"));
  const junit = join(folder, "junit.xml");
  const [program, ...args] = command(runtime, files, junit);
  const began = performance.now();
  const output: Buffer[] = [];
  const status = await new Promise<number>((resolve, reject) => {
    const child = spawn(program!, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env, NO_COLOR: "1", FORCE_COLOR: "0" },
    });
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
  const took = (performance.now() - began) / 1000;
  let cases: TestCase[] = [];
  try {
    cases = readJunit(readFileSync(junit, "utf8"));
  } catch {
    // No report at all: the run itself is broken, which the caller is told below.
  }
  rmSync(folder, { recursive: true, force: true });
  const failed = cases.some((one) => one.outcome === "failed");
  const broken =
    (status !== 0 && !failed) || cases.length === 0
      ? `exit status ${status}\n${Buffer.concat(output).toString().slice(-6000)}`
      : undefined;
  return { title, cases, took, broken };
}
