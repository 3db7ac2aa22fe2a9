/**
 * `npm run bench:register`: what the routing table costs: memory per route, CPU time per route that is new and per
 * register message that changes nothing (a heartbeat), the NATS client's share included, how long requests wait while
 * a storm of registrations is applied and while the table is pruned, and what a request costs beside a large table, at rest
 * and with heartbeats, compared with itself before it had one.
 *
 *   npm run bench:register -- [--routes 100000] [--rounds 2] [--storm 200000] [--only bun,node] [--write FILE]
 *                             [--tables 100000,1000000] [--parts table,prune,hop] [--windows 5] [--sets 5]
 *                             [--warm 100000] [--kinds plain,half,full] [--settle 8]
 *
 * What is not asked for takes half an hour; `--parts workers` is what a table costs with one worker and with two.
 *
 * The router runs on CPU 0, everything else on the others. A message counts as applied when a route registered behind
 * it is found. Memory is looked at once it has not fallen for `--settle` seconds. The routers of a hop have served `--warm`
 * requests, or 40 s, before, those of the table as many messages, at most 20 000.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { writeConfig } from "../conformance/harness/router.ts";
import { startBackend } from "./rig/backend.ts";
import { clientShare } from "./rig/client-share.ts";
import { hopColumns, hopRow } from "./rig/hop-beside-table.ts";
import { longestWait } from "./rig/prober.ts";
import { freePorts, Processes } from "./rig/processes.ts";
import { startPublishedBus } from "./rig/published-bus.ts";
import { hostOf, type MessageKind, messagesOf, registerMessage } from "./rig/register-messages.ts";
import { median, replaceSection, shown, table } from "./rig/report.ts";
import { launchers, runtimeFolder } from "./rig/routers.ts";
import { pause, Subject } from "./rig/subject.ts";
import { machineFacts } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    routes: { type: "string", default: "100000" },
    rounds: { type: "string", default: "2" },
    storm: { type: "string", default: "200000" },
    tables: { type: "string", default: "100000,1000000" },
    parts: { type: "string", default: "table,prune,hop" },
    windows: { type: "string", default: "5" },
    sets: { type: "string", default: "5" },
    warm: { type: "string", default: "100000" },
    kinds: { type: "string", default: "plain,half,full" },
    settle: { type: "string", default: "8" },
    only: { type: "string" },
    write: { type: "string" },
  },
});
const [routes, rounds, storm] = [Number(values.routes), Number(values.rounds), Number(values.storm)];
const settleMs = Number(values.settle) * 1000;
const tables = values.tables.split(",").map(Number);
const wanted = launchers.filter(([name]) => values.only?.split(",").includes(name) ?? name !== "binary");
const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
const processes = new Processes();

/** Messages that change one route again and again: what a table needs of code is compiled, and it stays empty. */
const warmUp = (kind: MessageKind): string[] =>
  messagesOf(kind, Math.min(20_000, Number(values.warm))).map((text) =>
    JSON.stringify({ ...(JSON.parse(text) as object), host: "10.0.0.1", uris: ["warm-up.example.com"] }),
  );

/** Numbers from here on are those of routes that only the storm brings. */
const stormNumbers = 10_000_000;

async function startSubject(command: string, name: string, settings: object): Promise<[Subject, () => Promise<void>]> {
  const bus = await startPublishedBus();
  const [port = 0] = await freePorts(1);
  const config = writeConfig(folder, bus.port, { port, logging: { level: "error" }, ...settings });
  const pid = processes.start(name, 0, [...command.split(" "), "router", "-c", config]);
  const subject = new Subject(pid, port, bus.client);
  await subject.up();
  const stop = async (): Promise<void> => {
    processes.end(pid);
    await bus.stop();
  };
  return [subject, stop];
}

/** Memory and CPU time of a table of one kind of routes, and what requests feel of a storm. */
async function tableRow(name: string, command: string, kind: MessageKind): Promise<string[]> {
  const settings = { prune_stale_droplets_interval: "1h", droplet_stale_threshold: "2h" };
  const [subject, stop] = await startSubject(command, `${name}-${kind}`, settings);
  await subject.apply(warmUp(kind));
  const before = await subject.settledMemory(settleMs);
  const messages = messagesOf(kind, routes);
  const beforeFirst = subject.cpu;
  await subject.apply(messages);
  const first = (subject.cpu - beforeFirst) / routes;
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const cpu = subject.cpu;
    await subject.apply(messages);
    costs.push((subject.cpu - cpu) / routes);
  }
  const memory = ((await subject.settledMemory(settleMs)) - before) * (2 ** 20 / 1000 / routes);
  // New routes are the hardest storm: half of it is new, half known.
  const stormy = [...messagesOf(kind, storm >> 1, stormNumbers), ...messages.slice(0, storm >> 1)];
  const wait = await longestWait(subject, () => subject.apply(stormy));
  await stop();
  const runner = command.split(" ").slice(0, -1);
  const share = runner.length === 0 ? Number.NaN : await clientShare(processes, runner, kind, routes, rounds);
  const figures = [memory, first, median(costs), share, wait.busy, wait.wall];
  return [`${name}, ${kind}`, ...figures.map((figure) => shown(figure)), String(Math.round(before))];
}

/** What a table costs with so many workers, each of which has one: memory and CPU time of all processes together. */
async function workersRow(name: string, command: string, kind: MessageKind, workers: number): Promise<string[]> {
  const settings = { prune_stale_droplets_interval: "1h", droplet_stale_threshold: "2h", workers };
  const [subject, stop] = await startSubject(command, `${name}-${kind}-${workers}`, settings);
  await subject.apply(warmUp(kind));
  const before = await subject.settledMemory(settleMs);
  const messages = messagesOf(kind, routes);
  const cost = async (): Promise<number> => {
    const cpu = subject.cpu;
    await subject.apply(messages);
    // The other workers may have something left to do.
    await pause(500);
    return (subject.cpu - cpu) / routes;
  };
  const first = await cost();
  const heartbeats: number[] = [];
  for (let round = 0; round < rounds; round++) heartbeats.push(await cost());
  const memory = ((await subject.settledMemory(settleMs)) - before) * (2 ** 20 / 1000 / routes);
  await stop();
  return [`${name}, ${kind}, ${workers}`, ...[memory, first, median(heartbeats)].map((figure) => shown(figure))];
}

/** How long requests wait while a sweep finds nothing, and while one takes everything out. */
async function pruneRow(name: string, command: string, count: number): Promise<string[]> {
  const settings = { prune_stale_droplets_interval: "5s", droplet_stale_threshold: "2h" };
  const [subject, stop] = await startSubject(command, `${name}-prune`, settings);
  await subject.apply(messagesOf("plain", count));
  // Two sweeps, of which the first may have begun while routes were registered.
  const idle = await longestWait(subject, () => pause(11_000));
  await subject.apply(Array.from({ length: count }, (_, number) => registerMessage("plain", number, 1)));
  const full = await longestWait(subject, async () => {
    for (const number of [0, count >> 1, count - 1]) await subject.gone(hostOf(number));
    await pause(2000);
  });
  await stop();
  return [`${name}, ${count}`, ...[idle.busy, idle.wall, full.busy, full.wall].map((figure) => shown(figure))];
}

/** Rows, each of them shown as soon as it is there. */
async function rowsOf(cases: readonly (() => Promise<string[]>)[]): Promise<string[][]> {
  const rows: string[][] = [];
  for (const each of cases) {
    rows.push(await each());
    console.log(rows.at(-1)?.join("  "));
  }
  return rows;
}

const parts = values.parts.split(",");
const sections = [
  ...machineFacts(runtimeFolder),
  `- Run: ${routes} routes, ${rounds} rounds; storm of ${storm} messages, half of them of new routes`,
];
if (parts.includes("table")) {
  const kinds = (["plain", "half", "full"] satisfies MessageKind[]).filter((kind) =>
    values.kinds.split(",").includes(kind),
  );
  const columns = ["", "KB per route", "CPU µs per new route", "per heartbeat", "of which the NATS client"];
  const waits = ["longest wait in the storm, ms at work", "by the clock", "RSS MB without routes"];
  const cases = wanted.flatMap(([name, command]) => kinds.map((kind) => () => tableRow(name, command, kind)));
  sections.push("", "### The table", "", table([...columns, ...waits], await rowsOf(cases)));
}
if (parts.includes("workers")) {
  const columns = ["runtime, messages, workers", "KB per route", "CPU µs per new route", "per heartbeat"];
  const cases = wanted.flatMap(([name, command]) =>
    [1, 2].map((workers) => () => workersRow(name, command, "plain", workers)),
  );
  sections.push("", "### The table with workers", "", table(columns, await rowsOf(cases)));
}
if (parts.includes("prune")) {
  const columns = [
    "",
    "longest wait, nothing stale, ms at work",
    "by the clock",
    "all stale, ms at work",
    "by the clock",
  ];
  const largest = tables.at(-1) ?? routes;
  const cases = wanted.map(
    ([name, command]) =>
      () =>
        pruneRow(name, command, largest),
  );
  sections.push("", "### Pruning", "", table(columns, await rowsOf(cases)));
}
if (parts.includes("hop")) {
  const [backendPort = 0] = await freePorts(1);
  startBackend(processes, backendPort);
  const plan = {
    processes,
    folder,
    backendPort,
    tables,
    windows: Number(values.windows),
    sets: Number(values.sets),
    warm: Number(values.warm),
    settleMs,
  };
  const cases = wanted.map(
    ([name]) =>
      () =>
        hopRow(name, plan),
  );
  const note = `Median of ${values.sets} sets of processes (quartiles); each with ${values.windows} windows before its table and as many beside it.`;
  sections.push("", "### A hop beside the table", "", note, "", table(hopColumns(tables), await rowsOf(cases)));
}
const report = sections.join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:register", report);
rmSync(folder, { recursive: true, force: true });
process.exit(0);
