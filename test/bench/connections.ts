/**
 * `npm run bench:connections`: what connections cost that do nothing: memory of each, and how fast they are accepted;
 * keep-alive connections after a request, and WebSockets, each with a connection to the app.
 *
 *   npm run bench:connections -- [--idle 20000] [--sockets 10000] [--only bun,node] [--write FILE]
 *
 * The router runs on CPU 0, clients and app on CPU 1.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { keepRegistered, startBus } from "./rig/bus.ts";
import { appHost, type Contender } from "./rig/contender.ts";
import { answersSoon } from "./rig/probe.ts";
import { cpuTime, freePorts, Processes, residentMiB } from "./rig/processes.ts";
import { replaceSection, shown, table } from "./rig/report.ts";
import { launchers, routers, runtimeFolder } from "./rig/routers.ts";
import { machineFacts } from "./rig/tools.ts";

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
/** The router takes half as many clients as it has descriptors; those that warmed up may still be closing. */
const room = (descriptors >> 1) - 1000;
const [idle, sockets] = [Math.min(Number(values.idle), room), Math.min(Number(values.sockets), room)];
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
const processes = new Processes();
const [backendPort = 0] = await freePorts(1);
const natsPort = await startBus();
processes.start("backend", 1, unlimited([`${runtimeFolder}/node`, program("upgrade-backend.ts"), String(backendPort)]));
await keepRegistered(natsPort, backendPort, 1);
const certificate = issue(makeAuthority(), { names: [appHost] });
const contenders = await routers({ folder, backendPort, certificate }, natsPort, []);
const names = launchers
  .map(([name]) => name)
  .filter((name) => values.only?.split(",").includes(name) ?? name !== "binary");

/** Opens so many connections of a kind on a router of its own. */
async function measure({ name, command, ...contender }: Contender, count: number, upgrade: boolean): Promise<string[]> {
  const kind = upgrade ? "WebSockets" : "keep-alive";
  const pid = processes.start(`${name}-${kind}`, 0, unlimited(command));
  if (!(await answersSoon({ name, command, ...contender }, "http", 30_000))) throw new Error(`${name} leads nowhere`);
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
    row = [`${name}, ${open} ${kind}`, ...figures];
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
  const order = JSON.stringify({ port, count, host: appHost, upgrade });
  const words = ["taskset", "-c", "1", ...unlimited([`${runtimeFolder}/node`, program("idle-clients.ts"), order])];
  const clients = spawn(words[0]!, words.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
  const facts = await new Promise<Opened>((resolve, reject) => {
    clients.stdout.once("data", (bytes) => resolve(JSON.parse(String(bytes)) as Opened));
    clients.once("exit", () => reject(new Error(`cannot open ${count} connections`)));
  });
  await work(facts);
  const ended = new Promise((resolve) => clients.once("close", resolve));
  clients.stdin.end();
  await ended;
}

const rows: string[][] = [];
for (const [count, upgrade] of [
  [idle, false],
  [sockets, true],
] as const) {
  for (const contender of contenders.filter(({ name }) => names.includes(name))) {
    rows.push(await measure(contender, count, upgrade));
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
