/**
 * `npm run bench:workers`: what a request costs with two workers beside one (issue 9, acceptance 3).
 *
 *   npm run bench:workers -- [--rounds 5] [--seconds 3] [--connections 64] [--only bun,node] [--write FILE]
 *
 * All processes of a router run on CPU 0, load and backend on CPU 1: so the load is never the limit of what is compared, the
 * CPU time per request of the router with all its processes. Two workers serve twice as much on two cores when it is the same.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { startBackend } from "./rig/backend.ts";
import { keepRegistered, startBus } from "./rig/bus.ts";
import { appHost } from "./rig/contender.ts";
import { load } from "./rig/load.ts";
import { answersSoon } from "./rig/probe.ts";
import { cpuTime, freePorts, Processes } from "./rig/processes.ts";
import { median, replaceSection, shown, table } from "./rig/report.ts";
import { routers, runtimeFolder } from "./rig/routers.ts";
import { scenarios } from "./rig/scenarios.ts";
import { machineFacts } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "64" },
    only: { type: "string" },
    write: { type: "string" },
  },
});
const [rounds, seconds, connections] = [Number(values.rounds), Number(values.seconds), Number(values.connections)];
const ways: readonly (readonly [name: string, settings: object])[] = [
  ["1 worker", { workers: 1 }],
  ["2 workers", { workers: 2 }],
  ["1 worker, max_conns", { workers: 1, backends: { max_attempts: 3, max_conns: 500 } }],
  ["2 workers, max_conns", { workers: 2, backends: { max_attempts: 3, max_conns: 500 } }],
];

const processes = new Processes();
const [backendPort = 0] = await freePorts(1);
const natsPort = await startBus();
const certificate = issue(makeAuthority(), { names: [appHost], ips: ["127.0.0.1"] });
startBackend(processes, backendPort);
await keepRegistered(natsPort, backendPort, 1);
const small = scenarios.get("small")!;

interface Measured {
  readonly cpu: number[];
  failed: number;
}
const figures = new Map<string, Measured>();
const runtimes = new Set<string>();

// One runtime after the other: the routers that rest would take their share of the core.
const first = await routers({ folder: processes.folder, backendPort, certificate }, natsPort, []);
for (const { name: runtime } of first) {
  if (values.only !== undefined && !values.only.split(",").includes(runtime)) continue;
  runtimes.add(runtime);
  const contenders = await Promise.all(
    ways.map(async ([way, settings], index) => {
      const folder = join(processes.folder, `${runtime}-${index}`);
      mkdirSync(folder);
      const all = await routers({ folder, backendPort, certificate }, natsPort, [], settings);
      const contender = all.find(({ name }) => name === runtime)!;
      const pid = processes.start(`${runtime}-${index}`, 0, contender.command, contender.env);
      if (!(await answersSoon(contender, "http", 60_000)))
        throw new Error(`${runtime}, ${way}: does not lead to the app`);
      return { way, contender, pid };
    }),
  );
  // Round 0 warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const { way, contender, pid } of contenders) {
      const before = cpuTime(pid);
      const { requests, failed } = await load(contender, small, seconds, connections, processes.folder);
      const after = cpuTime(pid);
      const key = `${runtime} ${way}`;
      const own = figures.get(key) ?? { cpu: [], failed: 0 };
      figures.set(key, own);
      own.failed += failed;
      if (round > 0) own.cpu.push((after.user + after.system - before.user - before.system) / requests);
    }
  }
  for (const { pid } of contenders) process.kill(pid, "SIGTERM");
}

const rows = [...runtimes].flatMap((runtime) =>
  ways.map(([way], index) => {
    const cpu = (at: number): number => median(figures.get(`${runtime} ${ways[at]![0]}`)!.cpu);
    const ratio = index % 2 === 0 ? "-" : shown(cpu(index) / cpu(index - 1), 2);
    return [`${runtime}, ${way}`, shown(cpu(index)), ratio, String(figures.get(`${runtime} ${way}`)!.failed)];
  }),
);
const report = [
  ...machineFacts(runtimeFolder),
  `- Run: ${rounds} rounds of ${seconds} s, ${connections} connections, GET with a 1 KB answer`,
  "",
  table(["", "CPU µs/request", "/ 1 worker", "failed"], rows),
].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:workers", report);
process.exit(0);
