/**
 * `npm test`: every suite on every runtime, and one closing line.
 *
 *   node test/run.ts [--all] [--only unit|property|contract|conformance|fault|soak] [--runtime bun|deno|node|binary]
 *                    [--times] [--jobs N] [FILE…]
 *
 * `--all` adds what is slow or needs more programs (`test/packages.txt`). Unit, property and contract tests run *under*
 * each runtime; conformance and fault tests run under Node and start the program as a process under each runtime;
 * conformance tests also start the binary, which is built for them (`npm run build`). `--times` prints the slowest files.
 * Several files are at work at a time, as most of them wait for something; `--jobs` says how many.
 */
import { execFile } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { boundCompileCache } from "./fixtures/compile-cache.ts";
import { doJobs, type Job } from "./runner/pool.ts";
import { runSuite, type SuiteOptions, type SuiteRun, type TestRuntime } from "./runner/suite.ts";
import { ensureTools } from "./runner/tools.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: "boolean", default: false },
    only: { type: "string" },
    runtime: { type: "string" },
    times: { type: "boolean", default: false },
    jobs: { type: "string" },
  },
});
const runtimes: TestRuntime[] = (["bun", "deno", "node"] as const).filter(
  (name) => !values.runtime || values.runtime === name,
);
const programs = ["bun", "deno", "node", "binary"].filter((name) => !values.runtime || values.runtime === name);
const wanted = (group: string): boolean => !values.only || values.only === group;

/** Packs, and installs from the registry, once per runtime; waits for minutes. */
const slow = [
  "test/conformance/package.test.ts",
  "test/conformance/route-registrar-outage.test.ts",
  "test/conformance/routing-api-databases-mariadb.test.ts",
  "test/conformance/routing-api-databases-postgres.test.ts",
];

/**
 * The binary is Bun with another way in, so `npm test` runs on it what touches that way (arguments, names, files, TLS,
 * start, signals, the embedded bus, the native listener) and the golden table; `--all` runs everything.
 */
const ofBinary =
  /(bus|command-line|drain|golden|life-cycle|native|package|register-messages|route-registrar|routing|routing-api|routing-api-embedded|start|tls)\.test\.ts$/;

/** Files that take ten seconds and more: they do not come last. */
const long =
  /(golden|start-failures|routing-api-client(-start)?|route-registrar|tcp|envelopes|syslog|drain|status)\.test\.ts$/;

function filesOf(group: string, program = ""): string[] {
  const found = globSync(`test/${group}/**/*.test.ts`).sort();
  const files = values.all
    ? found
    : found.filter((file) => !slow.includes(file) && (program !== "binary" || ofBinary.test(file)));
  return positionals.length === 0 ? files : files.filter((file) => positionals.some((part) => file.includes(part)));
}

ensureTools(values.all);
boundCompileCache();
// Properties are tried more often, then.
if (values.all) process.env["CAUSEWAY_ALL"] = "1";
/** Runs that may fail beside others on a busy machine, and are then tried once more. */
const triedAgain = 3;
const gapFile = join(mkdtempSync(join(tmpdir(), "causeway-gaps-")), "gaps");

/** A group of test files on one runtime or program; its files may run in several processes. */
interface Suite {
  readonly title: string;
  readonly runs: SuiteRun[];
  /** Index of `runs` to what ran. */
  readonly options: SuiteOptions[];
  left: number;
}
const suites: Suite[] = [];

const count = ({ runs }: Suite, outcome: string): number =>
  runs.reduce((sum, run) => sum + run.cases.filter((one) => one.outcome === outcome).length, 0);

function report(suite: Suite): void {
  const { title, runs } = suite;
  const took = runs.reduce((sum, run) => sum + run.took, 0).toFixed(1);
  const cost = runs.reduce((sum, run) => sum + run.busy, 0).toFixed(1);
  console.log(
    `${title}: ${count(suite, "passed")} passed, ${count(suite, "failed")} failed, ${count(suite, "skipped")} skipped (${took} s, ${cost} s of processor time)`,
  );
  for (const { cases, broken } of runs) {
    for (const one of cases)
      if (one.outcome === "failed") console.log(`\nFAILED ${title}: ${one.name}\n${one.detail}\n`);
    if (broken !== undefined) console.log(`\nBROKEN ${title}: ${broken}\n`);
  }
}

/** The jobs of a suite: one for each element of `parts`. */
function jobsOf(title: string, parts: readonly (Omit<SuiteOptions, "limit"> & Omit<Job, "run">)[]): Job[] {
  const suite: Suite = { title, runs: [], options: [], left: parts.length };
  if (parts.length > 0) suites.push(suite);
  return parts.map(({ lane, long, ...options }) => ({
    ...(lane !== undefined && { lane }),
    ...(long !== undefined && { long }),
    async run() {
      if (options.env["CAUSEWAY_UNDER_TEST"] === "binary") await built();
      const env = { ...options.env, CAUSEWAY_GAPS: gapFile };
      const whole = { ...options, limit: secondsOf(options.files), env };
      const run = await runSuite(whole);
      suite.runs.push(run);
      suite.options.push(whole);
      if (--suite.left === 0) report(suite);
    },
  }));
}

/** How long a process of these files may take, with much to spare: busy machines take five times what they need. */
function secondsOf(files: readonly string[]): number {
  if (files.length > 1) return 900;
  if (files[0]!.includes("/soak/")) return 600 + 60 * Number(process.env["CAUSEWAY_SOAK_MINUTES"] ?? 0);
  return files[0]!.includes("-outage") ? 600 : 300;
}

let building: Promise<void> | undefined;
function built(): Promise<void> {
  building ??= promisify(execFile)("npm", ["run", "--silent", "build"]).then(() => undefined);
  return building;
}

/** Under the runtime itself, all files in one process; but for those that wait, which Node can run several at a time of. */
const under = (group: string): Job[] =>
  runtimes.flatMap((runtime) => {
    const files = filesOf(group);
    const parts =
      files.length === 0 ? [] : [{ runtime, files, env: {}, isolated: group === "contract" && runtime === "node" }];
    return jobsOf(`${group} on ${runtime}`, parts);
  });
/** Against the program, a process for each file; of fault tests, which are busy, one at a time. */
const against = (group: string, program: string): Job[] =>
  jobsOf(
    `${group} of ${program}`,
    filesOf(group, program).map((file) => ({
      runtime: "node",
      files: [file],
      env: { CAUSEWAY_UNDER_TEST: program },
      isolated: true,
      long: long.test(file),
      ...(group === "fault" && { lane: group }),
    })),
  );
/** Conformance files that cannot mean the same with two workers, or mean no router at all, with the reasons. */
const notMeant: readonly (readonly [file: string, reason: string])[] = [
  ["idle-connections", "how many idle connections are kept is a bound of each worker"],
  ["native", "the native listener serves with one worker only"],
  ["workers", "starts routers of two workers itself"],
  ["package", "what is installed is asked whether it starts, with the configuration of its own"],
  ["route-registrar-outage", "about route-registrar"],
  ["routing-api-databases-mariadb", "about the Routing API's databases"],
  ["routing-api-databases-postgres", "about the Routing API's databases"],
];

/** Conformance tests once more, with routers of two workers: a few, with `--all` all for which that means something. */
function withTwoWorkers(program: string): Job[] {
  const few = /(backend-heads|balancing|routing|status-listeners)\.test\.ts$/;
  const meant = (file: string): boolean => !notMeant.some(([name]) => file.endsWith(`/${name}.test.ts`));
  const files = filesOf("conformance", program).filter((file) => (values.all ? meant(file) : few.test(file)));
  return jobsOf(
    `conformance of ${program} with two workers`,
    files.map((file) => ({
      runtime: "node",
      files: [file],
      env: { CAUSEWAY_UNDER_TEST: program, CAUSEWAY_TEST_WORKERS: "2" },
      isolated: true,
    })),
  );
}

/**
 * What talks over sockets and failed while others were at work is run once more by itself, when there are few such: a
 * defect fails again, a machine of two cores that stood still for a second does not. Both are printed, so that a race is
 * seen and mended. Unit and property tests depend on nothing but themselves and get no second try.
 */
async function tryAgain(): Promise<string[]> {
  const failures = suites.flatMap((suite) =>
    suite.runs.flatMap((run, index) => (hasFailed(run) ? [{ suite, index, options: suite.options[index]! }] : [])),
  );
  const certain = failures.some(({ suite }) => /^(unit|property)/.test(suite.title));
  if (certain || failures.length > triedAgain) return [];
  const mended: string[] = [];
  for (const { suite, index, options } of failures) {
    const run = await runSuite(options);
    const what = `${suite.title}: ${options.files.length === 1 ? options.files[0] : `${options.files.length} files`}`;
    if (hasFailed(run)) console.log(`\nFAILED AGAIN, alone: ${what}`);
    else mended.push(what);
    if (!hasFailed(run)) suite.runs[index] = run;
  }
  return mended;
}

const hasFailed = ({ cases, broken }: SuiteRun): boolean =>
  broken !== undefined || cases.some(({ outcome }) => outcome === "failed");

// The binary is Bun with another way in: what a fault test proves of one, it proves of the other.
const ofSources = programs.filter((program) => program !== "binary");
const conformance = wanted("conformance")
  ? [...programs.flatMap((program) => against("conformance", program)), ...ofSources.flatMap(withTwoWorkers)]
  : [];
const fault = wanted("fault") ? ofSources.flatMap((program) => against("fault", program)) : [];
const inside = ["contract", "unit", "property"].filter(wanted).flatMap(under);
const soak = values.all && wanted("soak") ? ofSources.flatMap((program) => against("soak", program)) : [];
const atOnce = Number(values.jobs ?? availableParallelism() + 2);
const [first, then] = [true, false].map((which) => conformance.filter((job) => (job.long === true) === which));
await doJobs([...fault, ...inside, ...first!, ...then!], atOnce);
// What measures memory and takes all there is has the machine for itself.
await doJobs(soak, 1);
const busyOnly = await tryAgain();

if (existsSync(gapFile)) {
  const gaps = [...new Set(readFileSync(gapFile, "utf8").trim().split("\n"))].sort();
  console.log(`\n${gaps.length} gaps of the runtimes (tests left out, with the reason):`);
  for (const gap of gaps) console.log(`  ${gap}`);
}
rmSync(join(gapFile, ".."), { recursive: true, force: true });
if (busyOnly.length > 0) {
  console.log(
    `\n${busyOnly.length} failed beside others (see FAILED above) and passed alone; each is a race to be mended:`,
  );
  for (const what of busyOnly) console.log(`  ${what}`);
}

if (values.times) {
  const files = suites.flatMap(({ title, runs }) =>
    runs.flatMap(({ fileTimes, busy }) =>
      [...fileTimes].map(([file, time]) => ({ title, file, time, busy: fileTimes.size === 1 ? busy : 0 })),
    ),
  );
  const seconds = (value: number): string => `${value.toFixed(1).padStart(6)} s`;
  console.log("\nthe slowest files, with their processor time where it is known:");
  for (const { title, file, time, busy } of files.sort((a, b) => b.time - a.time).slice(0, 20))
    console.log(`${seconds(time)} ${busy > 0 ? seconds(busy) : "        "}  ${file} (${title})`);
}

const total = (outcome: string): number => suites.reduce((sum, suite) => sum + count(suite, outcome), 0);
const broken = suites.flatMap(({ runs }) => runs.filter((run) => run.broken !== undefined)).length;
const failed = total("failed") + broken;
console.log(`\n${total("passed")} passed, ${failed} failed, ${total("skipped")} skipped`);
process.exitCode = failed > 0 || suites.length === 0 ? 1 : 0;
