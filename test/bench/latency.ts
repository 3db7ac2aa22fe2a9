/**
 * `npm run bench:latency`: what a hop adds to a request's latency at a fixed rate (issue 9, acceptance 2), beside nginx
 * and HAProxy.
 *
 *   npm run bench:latency -- [--rate 2000] [--rounds 5] [--seconds 4] [--connections 64] [--only bun,nginx]
 *                            [--router 'name=command with {config}'] [--write FILE]
 *
 * Every contender runs on CPU 0; load and backend share CPU 1. `direct` is the backend without a hop: what a hop adds is
 * the difference to it in the same round. Rounds interleave the contenders, and the table gives medians.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import type { OpenLoadResult } from "./open-load.ts";
import { startBackend } from "./rig/backend.ts";
import { keepRegistered, startBus } from "./rig/bus.ts";
import { appHost, type Contender } from "./rig/contender.ts";
import { answersSoon } from "./rig/probe.ts";
import { freePorts, Processes } from "./rig/processes.ts";
import { median, replaceSection, shown, table } from "./rig/report.ts";
import { rivals } from "./rig/rivals.ts";
import { routers, runtimeFolder } from "./rig/routers.ts";
import { machineFacts, missingTools, present } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "2000" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    connections: { type: "string", default: "64" },
    only: { type: "string" },
    router: { type: "string", multiple: true, default: [] },
    write: { type: "string" },
  },
});
const [rate, rounds, seconds] = [Number(values.rate), Number(values.rounds), Number(values.seconds)];
const connections = Number(values.connections);
const missing = missingTools();
if (missing !== undefined) console.error(`${missing}; measuring the rest`);

const processes = new Processes();
const { folder } = processes;
const [backendPort = 0] = await freePorts(1);
const natsPort = await startBus();
const certificate = issue(makeAuthority(), { names: [appHost], ips: ["127.0.0.1"] });
writeFileSync(join(folder, "cert.pem"), certificate.certificate);
writeFileSync(join(folder, "key.pem"), certificate.key);
writeFileSync(join(folder, "both.pem"), certificate.certificate + certificate.key);
const surroundings = { folder, backendPort, certificate };
const contenders: Contender[] = [
  ...(await rivals(surroundings)),
  ...(await routers(surroundings, natsPort, values.router)),
].filter(
  ({ name, needs }) => (values.only?.split(",").includes(name) ?? true) && (needs === undefined || present(needs)),
);
const backend = startBackend(processes, backendPort);
await keepRegistered(natsPort, backendPort, 1);
for (const contender of contenders) {
  processes.start(contender.name, 0, contender.command, contender.env);
  if (!(await answersSoon(contender, "http"))) throw new Error(`${contender.name} does not lead to the app`);
}

async function measured(port: number, length: number, rate: number): Promise<OpenLoadResult> {
  const script = fileURLToPath(new URL("open-load.ts", import.meta.url));
  const facts = JSON.stringify({ port, rate, seconds: length, connections });
  const child = spawn("taskset", ["-c", "1", `${runtimeFolder}/node`, script, facts], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (bytes) => {
    text += bytes;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`cannot load port ${port}: open-load.ts ended with ${code}`);
  return JSON.parse(text) as OpenLoadResult;
}

const targets = [{ name: "direct", httpPort: backendPort }, ...contenders];
const figures = new Map(
  targets.map(({ name }) => [name, { p50: [], p99: [], added50: [], added99: [], failed: 0 } as Figures]),
);

/** Microseconds, one per round; `added` are differences to `direct` of the same round. */
interface Figures {
  readonly p50: number[];
  readonly p99: number[];
  readonly added50: number[];
  readonly added99: number[];
  failed: number;
}

// Round 0 warms up, at five times the rate: a router that has served for an hour is what is compared.
for (let round = 0; round <= rounds; round++) {
  let direct = { p50: 0, p99: 0 };
  for (const { name, httpPort } of targets) {
    const result = await measured(httpPort, seconds, round === 0 ? 5 * rate : rate);
    if (name === "direct") direct = result;
    const own = figures.get(name)!;
    own.failed += result.failed;
    if (round === 0) continue;
    own.p50.push(result.p50);
    own.p99.push(result.p99);
    own.added50.push(result.p50 - direct.p50);
    own.added99.push(result.p99 - direct.p99);
  }
}

const rows = targets.map(({ name }) => {
  const own = figures.get(name)!;
  const isHop = name !== "direct";
  const added = (key: "added50" | "added99"): string[] => [
    isHop ? shown(median(own[key]), 0) : "-",
    ...["nginx", "haproxy"].map((rival) =>
      isHop ? shown(median(own[key]) / median(figures.get(rival)?.[key] ?? []), 2) : "-",
    ),
  ];
  const all = [shown(median(own.p50), 0), shown(median(own.p99), 0)];
  return [name, ...all, ...added("added50"), ...added("added99"), String(own.failed)];
});
const ratios = ["/ nginx", "/ haproxy"];
const columns = ["", "p50 µs", "p99 µs", "added p50 µs", ...ratios, "added p99 µs", ...ratios, "failed"];
const report = [
  ...machineFacts(runtimeFolder),
  `- Run: ${rate} requests/s, ${rounds} rounds of ${seconds} s, ${connections} connections; backend ${backend}`,
  ...(missing === undefined ? [] : [`- Missing: ${missing}`]),
  "",
  table(columns, rows),
].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:latency", report);
process.exit(0);
