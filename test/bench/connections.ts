/**
 * `npm run bench:connections`: what connections cost that do nothing: memory of each, and how fast they are accepted;
 * keep-alive connections after a request, and WebSockets, each with a connection to the app.
 *
 *   npm run bench:connections -- [--idle 20000] [--sockets 10000] [--only bun,node] [--write FILE]
 *
 * The router runs on CPU 0, clients and app on CPU 1. Where the machine's limit of descriptors per process is less than that
 * many connections take, the router gets several workers, nginx too, and clients several processes.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import type { Order } from "./idle-clients.ts";
import { keepRegistered, startBus } from "./rig/bus.ts";
import { appHost, type Contender } from "./rig/contender.ts";
import { idleNginx } from "./rig/idle-nginx.ts";
import { answersSoon } from "./rig/probe.ts";
import { cpuTime, freePorts, Processes, residentMiB } from "./rig/processes.ts";
import { replaceSection, shown, table } from "./rig/report.ts";
import { launchers, routers, runtimeFolder } from "./rig/routers.ts";
import { machineFacts, present } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    idle: { type: "string", default: "20000" },
    sockets: { type: "string", default: "10000" },
    only: { type: "string" },
    write: { type: "string" },
  },
});

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** A command with as many descriptors as the machine allows. */
const unlimited = (words: readonly string[]): string[] => [
  "sh",
  "-c",
  'ulimit -n "$(ulimit -H -n)"; exec "$@"',
  "sh",
  ...words,
];
const descriptors = Number(spawnSync("sh", ["-c", "ulimit -H -n"], { encoding: "latin1" }).stdout) || 1e6;
/** A worker takes half as many clients as it has descriptors; those that warmed up may still be closing. */
const room = (descriptors >> 1) - 1000;
const mostWorkers = 4;
/** The kernel spreads connections over workers by chance: some get more than others. */
const spread = 1.2;
/** How many connections are opened, and how many workers they take. */
function sized(wanted: string): { readonly count: number; readonly workers: number } {
  const count = Math.min(Number(wanted), Math.floor((room * mostWorkers) / spread));
  return { count, workers: count <= room ? 1 : Math.ceil((count * spread) / room) };
}
/** So many connections of one process of clients. */
const perProcess = Math.min(10_000, descriptors - 500);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
const processes = new Processes();
const [backendPort = 0] = await freePorts(1);
const natsPort = await startBus();
processes.start("backend", 1, unlimited([`${runtimeFolder}/node`, program("upgrade-backend.ts"), String(backendPort)]));
await keepRegistered(natsPort, backendPort, 1);
const certificate = issue(makeAuthority(), { names: [appHost] });
const surroundings = { folder, backendPort, certificate };
const names = ["nginx", ...launchers.map(([name]) => name)].filter(
  (name) => (values.only?.split(",").includes(name) ?? name !== "binary") && (name !== "nginx" || present("nginx")),
);

/** nginx and the routers, each with so many workers. */
async function contenders(workers: number): Promise<Contender[]> {
  const all = [await idleNginx(surroundings, workers), ...(await routers(surroundings, natsPort, [], { workers }))];
  return all.filter(({ name }) => names.includes(name));
}

/** Opens so many connections of a kind on a router of its own. */
async function measure(
  { name, command, ...contender }: Contender,
  { count, workers }: ReturnType<typeof sized>,
  upgrade: boolean,
): Promise<string[]> {
  const kind = upgrade ? "WebSockets" : "keep-alive";
  const pid = processes.start(`${name}-${kind}`, 0, unlimited(command));
  if (!(await answersSoon({ name, command, ...contender }, "http"))) throw new Error(`${name} leads nowhere`);
  // Code is compiled and buffers have their size before the memory is looked at.
  await opened(contender.httpPort, 500, upgrade, async () => {});
  await pause(3000);
  const before = residentMiB(pid);
  const cpu = cpuTime(pid);
  let row: string[] = [];
  await opened(contender.httpPort, count, upgrade, async ({ seconds, open }) => {
    const after = cpuTime(pid);
    const each = (after.user + after.system - cpu.user - cpu.system) / count;
    await pause(5000);
    const perConnection = ((residentMiB(pid) - before) * 1024) / count;
    const figures = [shown(perConnection), shown(each, 0), shown(count / seconds, 0), String(Math.round(before))];
    row = [`${name}, ${open} ${kind}${workers > 1 ? `, ${workers} workers` : ""}`, ...figures];
  });
  processes.end(pid);
  return row;
}

interface Opened {
  readonly seconds: number;
  readonly open: number;
}

/** Keeps connections open while `work` is done. */
async function opened(port: number, count: number, upgrade: boolean, work: (facts: Opened) => Promise<void>) {
  const parts: Promise<Part>[] = [];
  for (let first = 0; first < count; first += perProcess) {
    parts.push(openPart({ port, first, count: Math.min(perProcess, count - first), host: appHost, upgrade }));
  }
  const all = await Promise.all(parts);
  await work({
    seconds: Math.max(...all.map(({ facts }) => facts.seconds)),
    open: all.reduce((sum, { facts }) => sum + facts.open, 0),
  });
  await Promise.all(all.map(({ close }) => close()));
}

/** A process of clients. */
interface Part {
  readonly facts: Opened;
  close(): Promise<unknown>;
}

async function openPart(order: Order): Promise<Part> {
  const words = [`${runtimeFolder}/node`, program("idle-clients.ts"), JSON.stringify(order)];
  const clients = spawn("taskset", ["-c", "1", ...unlimited(words)], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => clients.once("close", resolve));
  const facts = await new Promise<Opened>((resolve, reject) => {
    clients.stdout.once("data", (bytes) => resolve(JSON.parse(String(bytes)) as Opened));
    clients.once("exit", () => reject(new Error(`cannot open ${order.count} connections`)));
  });
  return {
    facts,
    close: () => {
      clients.stdin.end();
      return ended;
    },
  };
}

const rows: string[][] = [];
for (const [size, upgrade] of [
  [sized(values.idle), false],
  [sized(values.sockets), true],
] as const) {
  for (const contender of await contenders(size.workers)) {
    rows.push(await measure(contender, size, upgrade));
    console.log(rows.at(-1)?.join("  "));
  }
}
const columns = ["", "KB per connection", "CPU µs per connection", "opened per second", "RSS MB without"];
const report = [
  ...machineFacts(runtimeFolder),
  `- Run: at most ${descriptors} descriptors per process`,
  "",
  table(columns, rows),
].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:connections", report);
rmSync(folder, { recursive: true, force: true });
process.exit(0);
