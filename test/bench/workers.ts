/**
 * `npm run bench:workers`: what a request costs with two workers beside one (issue 9, acceptance 3).
 *
 *   npm run bench:workers -- [--rounds 5] [--seconds 3] [--connections 64] [--share 0.3] [--warm 100000]
 *                            [--only bun,node] [--write FILE]
 *
 * CPU time: all processes of a router run on CPU 0, load and backend on CPU 1; what is compared is the CPU time per request
 * of the router with all its processes. The more requests a turn of an event loop finds, the less each costs, and two
 * workers have half the connections each: so one worker is also measured with half of them, and two with twice as many. Throughput: each worker gets a share of a core (a control group), on whichever CPU,
 * so small that load and backend have more than they need; what is compared is requests per second.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { startBackend } from "./rig/backend.ts";
import { keepRegistered, startBus } from "./rig/bus.ts";
import { appHost } from "./rig/contender.ts";
import { limitCpu } from "./rig/cpu-share.ts";
import { load } from "./rig/load.ts";
import { answersSoon } from "./rig/probe.ts";
import { cpuTime, freePorts, Processes, processTree } from "./rig/processes.ts";
import { median, replaceSection, shown, table } from "./rig/report.ts";
import { routers, runtimeFolder } from "./rig/routers.ts";
import { scenarios } from "./rig/scenarios.ts";
import { pause } from "./rig/subject.ts";
import { machineFacts } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "64" },
    share: { type: "string", default: "0.3" },
    warm: { type: "string", default: "100000" },
    only: { type: "string" },
    write: { type: "string" },
  },
});
const [rounds, seconds, connections] = [Number(values.rounds), Number(values.seconds), Number(values.connections)];
const share = Number(values.share);
const ways: readonly (readonly [name: string, settings: object])[] = [
  ["1 worker", { workers: 1 }],
  ["2 workers", { workers: 2 }],
  ["1 worker, max_conns", { workers: 1, backends: { max_attempts: 3, max_conns: 500 } }],
  ["2 workers, max_conns", { workers: 2, backends: { max_attempts: 3, max_conns: 500 } }],
];

/** A way once more, with so many times the connections; what it is compared with is the first way. */
const again: readonly (readonly [name: string, way: number, factor: number])[] = [
  ["1 worker, half the connections", 0, 0.5],
  ["2 workers, twice the connections", 1, 2],
];

/** Requests after which a worker has compiled all that a request needs, and how many loads may serve them. */
const [warm, mostTurns] = [Number(values.warm), 20];

const processes = new Processes();
const [backendPort = 0] = await freePorts(1);
const natsPort = await startBus();
const certificate = issue(makeAuthority(), { names: [appHost], ips: ["127.0.0.1"] });
startBackend(processes, backendPort);
await keepRegistered(natsPort, backendPort, 1);
const small = scenarios.get("small")!;

interface Measured {
  readonly cpu: number[];
  /** Requests per second while each worker has its share of a core. */
  readonly throughput: number[];
  failed: number;
}
/** This machine can bound what a process uses of its CPUs. */
let bounded = true;
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
      if (!(await answersSoon(contender, "http"))) throw new Error(`${runtime}, ${way}: does not lead to the app`);
      return { way, contender, pid };
    }),
  );
  for (const [index, { contender }] of contenders.entries()) {
    // Each worker compiles for itself what it serves by.
    const enough = warm * (index % 2 === 0 ? 1 : 2);
    for (let served = 0, turns = 0; served < enough && turns < mostTurns; turns++)
      served += (await load(contender, small, seconds, connections, processes.folder)).requests;
  }
  const loads = [
    ...contenders.map((one) => ({ ...one, clients: connections })),
    ...again.map(([way, of, factor]) => ({ ...contenders[of]!, way, clients: Math.round(connections * factor) })),
  ];
  for (let round = 1; round <= rounds; round++) {
    for (const { way, contender, pid, clients } of loads) {
      const before = cpuTime(pid);
      const { requests, failed } = await load(contender, small, seconds, clients, processes.folder);
      const after = cpuTime(pid);
      const key = `${runtime} ${way}`;
      const own = figures.get(key) ?? { cpu: [], throughput: [], failed: 0 };
      figures.set(key, own);
      own.failed += failed;
      own.cpu.push((after.user + after.system - before.user - before.system) / requests);
    }
  }
  const limited = contenders.slice(0, 2);
  const removals = limited.map(({ pid }) => {
    const [router = pid, ...workers] = processTree(pid);
    return (workers.length === 0 ? [router] : workers).map((worker) => limitCpu(worker, share));
  });
  bounded &&= removals.flat().every((remove) => remove !== undefined);
  for (let round = 1; bounded && round <= rounds; round++) {
    for (const { way, contender, clients } of loads.filter(({ pid }) => limited.some((one) => one.pid === pid))) {
      const { requestsPerSecond, failed } = await load(contender, small, seconds, clients, processes.folder);
      const own = figures.get(`${runtime} ${way}`)!;
      own.failed += failed;
      own.throughput.push(requestsPerSecond);
    }
  }
  for (const { pid } of contenders) processes.end(pid);
  await pause(500);
  for (const remove of removals.flat()) remove?.();
}

const rows = [...runtimes].flatMap((runtime) => {
  const of = (way: string): Measured => figures.get(`${runtime} ${way}`)!;
  const row = (way: string, beside: string): string[] => {
    const [own, other] = [of(way), of(beside)];
    const ratio = (figure: (of: Measured) => number): string =>
      way === beside ? "-" : shown(figure(own) / figure(other), 2);
    const cpu = (of: Measured): number => median(of.cpu);
    const throughput = (of: Measured): number => median(of.throughput);
    return [
      `${runtime}, ${way}`,
      shown(cpu(own)),
      ratio(cpu),
      shown(throughput(own), 0),
      ratio(throughput),
      String(own.failed),
    ];
  };
  return [
    ...ways.map(([way], index) => row(way, ways[index - (index % 2)]![0])),
    ...again.map(([way]) => row(way, ways[0]![0])),
  ];
});
const report = [
  ...machineFacts(runtimeFolder),
  `- Run: ${rounds} rounds of ${seconds} s, ${connections} connections, GET with a 1 KB answer`,
  ...(bounded ? [] : ["- No throughput: it takes control groups for CPU time that we may make"]),
  "",
  table(
    ["", "CPU µs/request", "/ 1 worker", `requests/s, ${100 * share} % of a core each`, "/ 1 worker", "failed"],
    rows,
  ),
].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:workers", report);
process.exit(0);
