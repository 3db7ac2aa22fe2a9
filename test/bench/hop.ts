/**
 * `npm run bench`: what one proxied hop costs, our router on each runtime beside the proxies people would take instead.
 *
 *   npm run bench -- [--rounds 3] [--seconds 3] [--connections 64] [--scenarios small,64k,1m,post,close,tls,h2]
 *                    [--only bun,nginx] [--routes 1] [--router 'name=command with {config}'] [--json FILE] [--write FILE]
 *                    [--at-once]
 *
 * Every contender runs on CPU 0; the load and the backend share CPU 1. The figure to quote is CPU time per request (user
 * and system, of all threads and children of the contender, from /proc) as a ratio within one run: it does not move
 * when the other core is the bottleneck. Rounds interleave the contenders, and the tables give medians. `--only` also knows
 * `relay-bun`, `relay-deno` and `relay-node`: the streams below the router without a router (`relay.ts`), the bound from below.
 *
 * With `--at-once` all contenders of a round are asked at the same time and share the core: what the machine does besides
 * meets all alike, and a change of 2 % is seen (the same program twice differed by 0 to 2 %, against -15 to +20 % by
 * turns). Latencies and requests per second mean nothing then. Give such rounds seconds: CPU time comes in ticks of 10 ms.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { startBackend } from "./rig/backend.ts";
import { keepRegistered, startBus } from "./rig/bus.ts";
import { appHost, type Contender } from "./rig/contender.ts";
import { load, loadGenerator } from "./rig/load.ts";
import { answersSoon } from "./rig/probe.ts";
import { cpuTime, freePorts, Processes, residentMiB } from "./rig/processes.ts";
import { replaceSection, type Sample, scenarioPairs, scenarioTable } from "./rig/report.ts";
import { rivals } from "./rig/rivals.ts";
import { relays, routers, runtimeFolder } from "./rig/routers.ts";
import { type Scenario, scenarios } from "./rig/scenarios.ts";
import { machineFacts, missingTools, present } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "64" },
    scenarios: { type: "string", default: [...scenarios.keys()].join(",") },
    only: { type: "string" },
    routes: { type: "string", default: "1" },
    router: { type: "string", multiple: true, default: [] },
    json: { type: "string" },
    "at-once": { type: "boolean", default: false },
    write: { type: "string" },
  },
});
const [rounds, seconds, connections] = [Number(values.rounds), Number(values.seconds), Number(values.connections)];
const only = values.only?.split(",");
const wanted = new Map(values.scenarios.split(",").map((name) => [name, scenarioCalled(name)]));

function scenarioCalled(name: string): Scenario {
  const scenario = scenarios.get(name);
  if (scenario === undefined)
    throw new Error(`unknown scenario "${name}": take some of ${[...scenarios.keys()].join(", ")}`);
  return scenario;
}

if (process.platform !== "linux" || availableParallelism() < 2) {
  throw new Error("cannot measure here: this needs Linux (/proc) and two processors");
}
const missing = missingTools();
if (missing !== undefined) console.error(`${missing}; measuring the rest`);

const processes = new Processes();
const [backendPort = 0] = await freePorts(1);
const natsPort = await startBus();
// wrk names the address in its TLS handshake, and Caddy wants a certificate for just that.
const certificate = issue(makeAuthority(), { names: [appHost], ips: ["127.0.0.1"] });
writeFileSync(join(processes.folder, "cert.pem"), certificate.certificate);
writeFileSync(join(processes.folder, "key.pem"), certificate.key);
writeFileSync(join(processes.folder, "both.pem"), certificate.certificate + certificate.key);

const surroundings = { folder: processes.folder, backendPort, certificate };
const contenders = [
  ...(await rivals(surroundings)),
  ...(await relays(surroundings)).filter(({ name }) => only?.includes(name)),
  ...(await routers(surroundings, natsPort, values.router)),
].filter(({ name, needs }) => (only?.includes(name) ?? true) && (needs === undefined || present(needs)));
if (contenders.length === 0) throw new Error(`nothing to measure: --only ${values.only} leaves no contender`);

const backend = startBackend(processes, backendPort);
await keepRegistered(natsPort, backendPort, Number(values.routes));
const running: (Contender & { readonly pid: number })[] = [];
for (const contender of contenders) {
  const pid = processes.start(contender.name, 0, contender.command, contender.env);
  running.push({ ...contender, pid });
}
for (const contender of running) {
  if (await answersSoon(contender, "http")) continue;
  throw new Error(`${contender.name} does not lead to the app: http://127.0.0.1:${contender.httpPort}/ gives no 200`);
}

/** Contenders that have a listener for the scenario. */
async function ableTo({ transport }: Scenario): Promise<typeof running> {
  if (transport === "h2" && !present("h2load")) return [];
  const able: typeof running = [];
  for (const contender of running) if (await answersSoon(contender, transport, 10_000)) able.push(contender);
  return able;
}

const plan: [name: string, scenario: Scenario, able: typeof running][] = [];
for (const [name, scenario] of wanted) plan.push([name, scenario, await ableTo(scenario)]);
const samples: Sample[] = [];
const warmingUp = Math.max(3, seconds);
// Round 0 warms up: a second of uploads was a third of what the compilers had to see of them.
for (let round = 0; round <= rounds; round++) {
  for (const [scenarioName, scenario, able] of plan) {
    if (values["at-once"]) await Promise.all(able.map((one) => measure(one, round, scenarioName, scenario)));
    else for (const one of able) await measure(one, round, scenarioName, scenario);
  }
}

async function measure(one: (typeof running)[number], round: number, name: string, scenario: Scenario): Promise<void> {
  const { pid, ...contender } = one;
  const before = cpuTime(pid);
  const result = await load(contender, scenario, round === 0 ? warmingUp : seconds, connections, processes.folder);
  const after = cpuTime(pid);
  if (round === 0) return;
  const user = (after.user - before.user) / result.requests;
  const system = (after.system - before.system) / result.requests;
  samples.push({ round, scenario: name, name: contender.name, ...result, user, system, rss: residentMiB(pid) });
}

const names = running.map(({ name }) => name);
const report = [
  ...machineFacts(runtimeFolder),
  `- Run: ${rounds} rounds of ${seconds} s, ${values["at-once"] ? "all at once, " : ""}${connections} connections, ${values.routes} routes; load from ${loadGenerator}, backend ${backend}`,
  ...(missing === undefined ? [] : [`- Missing: ${missing}`]),
  ...[...wanted].flatMap(([name, { title }]) =>
    [`### ${name}: ${title}`, scenarioTable(name, names, samples), scenarioPairs(name, names, samples)]
      .filter(Boolean)
      .map((text) => `\n${text}`),
  ),
].join("\n");
console.log(report);
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ when: new Date(), samples }, undefined, 1));
if (values.write !== undefined) replaceSection(values.write, "npm run bench", report);
process.exit(0);
