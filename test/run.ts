/**
 * `npm test`: every suite on every runtime, one after the other, and one closing line.
 *
 *   node test/run.ts [--all] [--only unit|property|contract|conformance|fault] [--runtime bun|deno|node|binary] [FILE…]
 *
 * `--all` adds what is slow or needs more programs (`test/packages.txt`). Unit, property and contract tests run *under*
 * each runtime; conformance and fault tests run under Node and start the program as a process under each runtime;
 * conformance tests also start the binary, which is built for them (`npm run build`).
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runSuite, type SuiteResult, type TestRuntime } from "./runner/suite.ts";
import { ensureTools } from "./runner/tools.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: "boolean", default: false }, only: { type: "string" }, runtime: { type: "string" } },
});
const runtimes: TestRuntime[] = (["bun", "deno", "node"] as const).filter(
  (name) => !values.runtime || values.runtime === name,
);
const programs = ["bun", "deno", "node", "binary"].filter((name) => !values.runtime || values.runtime === name);
const inside = ["unit", "property", "contract"];
const outside = ["conformance", "fault", ...(values.all ? ["soak"] : [])];
const wanted = (group: string): boolean => !values.only || values.only === group;

/** Packs, and installs from the registry, once per runtime; waits for minutes. */
const slow = [
  "test/conformance/package.test.ts",
  "test/conformance/route-registrar-outage.test.ts",
  "test/conformance/routing-api-databases.test.ts",
];

/**
 * The binary is Bun with another way in, so `npm test` runs on it what touches that way (arguments, names, files, TLS,
 * start, signals, the embedded bus, the native listener) and the golden table; `--all` runs everything.
 */
const ofBinary =
  /(bus|command-line|drain|golden|life-cycle|native|package|register-messages|route-registrar|routing|routing-api|routing-api-embedded|start|tls)\.test\.ts$/;

function filesOf(group: string, program = ""): string[] {
  const found = globSync(`test/${group}/**/*.test.ts`).sort();
  const files = values.all
    ? found
    : found.filter((file) => !slow.includes(file) && (program !== "binary" || ofBinary.test(file)));
  return positionals.length === 0 ? files : files.filter((file) => positionals.some((part) => file.includes(part)));
}

ensureTools(values.all);
// Properties are tried more often, then.
if (values.all) process.env["CAUSEWAY_ALL"] = "1";
const gapFile = join(mkdtempSync(join(tmpdir(), "causeway-gaps-")), "gaps");
const results: SuiteResult[] = [];

async function suite(title: string, under: TestRuntime, files: string[], env: Record<string, string>): Promise<void> {
  if (files.length === 0) return;
  const result = await runSuite(title, under, files, { ...env, CAUSEWAY_GAPS: gapFile });
  results.push(result);
  const count = (outcome: string): number => result.cases.filter((one) => one.outcome === outcome).length;
  console.log(
    `${title}: ${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped (${result.took.toFixed(1)} s)`,
  );
  for (const one of result.cases)
    if (one.outcome === "failed") console.log(`\nFAILED ${title}: ${one.name}\n${one.detail}\n`);
  if (result.broken !== undefined) console.log(`\nBROKEN ${title}: ${result.broken}\n`);
}

// Two at a time: contract tests mostly wait. The long ones first.
const jobs = inside
  .filter(wanted)
  .reverse()
  .flatMap((group) => runtimes.map((runtime) => () => suite(`${group} on ${runtime}`, runtime, filesOf(group), {})));
const lane = async (): Promise<void> => {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job();
};
await Promise.all([lane(), lane()]);

for (const program of programs) {
  // The binary is Bun with another way in: what a fault test proves of one, it proves of the other.
  const groups = (program === "binary" ? ["conformance"] : outside).filter(wanted);
  if (program === "binary" && groups.length > 0)
    execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
  for (const group of groups)
    await suite(`${group} of ${program}`, "node", filesOf(group, program), { CAUSEWAY_UNDER_TEST: program });
}

if (existsSync(gapFile)) {
  const gaps = [...new Set(readFileSync(gapFile, "utf8").trim().split("\n"))].sort();
  console.log(`\n${gaps.length} gaps of the runtimes (tests left out, with the reason):`);
  for (const gap of gaps) console.log(`  ${gap}`);
}
rmSync(join(gapFile, ".."), { recursive: true, force: true });

const total = (outcome: string): number =>
  results.reduce((sum, result) => sum + result.cases.filter((one) => one.outcome === outcome).length, 0);
const broken = results.filter((result) => result.broken !== undefined).length;
const failed = total("failed") + broken;
console.log(`\n${total("passed")} passed, ${failed} failed, ${total("skipped")} skipped`);
process.exitCode = failed > 0 || results.length === 0 ? 1 : 0;
