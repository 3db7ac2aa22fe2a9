/**
 * `npm run bench:register`: what the routing table costs: memory per route, CPU time per route that is new and per
 * register message that changes nothing (a heartbeat), the NATS client's share included, and how long requests wait while
 * a storm of registrations is applied.
 *
 *   npm run bench:register -- [--routes 100000] [--rounds 3] [--storm 200000] [--only bun,node] [--write FILE]
 *
 * The router runs on CPU 0, everything else on the others. A message counts as applied when a route registered behind
 * it is found. `plain` messages have host, port, one uri and an application id; `full` ones what Diego sends with TLS.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { writeConfig } from "../conformance/harness/router.ts";
import { startNatsServer } from "../fixtures/nats-server.ts";
import { longestWait } from "./rig/prober.ts";
import { cpuTime, freePorts, Processes, residentMiB } from "./rig/processes.ts";
import { median, replaceSection, shown, table } from "./rig/report.ts";
import { launchers, runtimeFolder } from "./rig/routers.ts";
import { machineFacts } from "./rig/tools.ts";

const { values } = parseArgs({
  options: {
    routes: { type: "string", default: "100000" },
    rounds: { type: "string", default: "3" },
    storm: { type: "string", default: "200000" },
    only: { type: "string" },
    write: { type: "string" },
  },
});
const [routes, rounds, storm] = [Number(values.routes), Number(values.rounds), Number(values.storm)];
const kinds = ["plain", "full"] as const;

function guid(number: number): string {
  return `${number.toString(16).padStart(8, "0")}-1c9b-4f6e-9a51-0123456789ab`;
}

function message(kind: (typeof kinds)[number], number: number): string {
  const host = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  const uris = [`app-${number}.apps.example.com`];
  if (kind === "plain") return JSON.stringify({ host, port: 8080, uris, app: guid(number) });
  const app = guid(number);
  return JSON.stringify({
    host,
    port: 61_000,
    tls_port: 61_001,
    uris,
    app,
    private_instance_id: guid(number + 1_000_000),
    private_instance_index: "0",
    server_cert_domain_san: guid(number + 1_000_000),
    isolation_segment: "",
    availability_zone: "z1",
    endpoint_updated_at_ns: 1_760_000_000_000_000_000 + number,
    tags: {
      app_id: app,
      app_name: `app-${number}`,
      component: "route-emitter",
      instance_id: "0",
      organization_id: guid(number % 100),
      organization_name: `org-${number % 100}`,
      process_id: app,
      process_instance_id: guid(number + 1_000_000),
      process_type: "web",
      source_id: app,
      space_id: guid(number % 1000),
      space_name: `space-${number % 1000}`,
    },
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Status of a GET for that host. */
function statusOf(port: number, host: string): Promise<number> {
  return new Promise((resolve) => {
    const sent = request({ port, host: "127.0.0.1", headers: { host } }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode ?? 0));
    });
    sent.on("error", () => resolve(0));
    sent.end();
  });
}

/** A router under measurement. */
class Subject {
  readonly pid: number;
  readonly port: number;
  readonly #nats: NatsConnection;
  #marks = 0;

  constructor(pid: number, port: number, nats: NatsConnection) {
    this.pid = pid;
    this.port = port;
    this.#nats = nats;
  }

  /** Publishes the messages and waits until they are applied. */
  async apply(messages: readonly string[]): Promise<void> {
    for (let from = 0; from < messages.length; from += 2000) {
      for (const text of messages.slice(from, from + 2000)) this.#nats.publish("router.register", text);
      await this.#nats.flush();
    }
    const uri = `mark-${this.#marks++}.example.com`;
    this.#nats.publish("router.register", JSON.stringify({ host: "127.0.0.1", port: 1, uris: [uri] }));
    while ([0, 404].includes(await statusOf(this.port, uri))) await pause(10);
  }

  /** CPU time so far, in microseconds. */
  get cpu(): number {
    const { user, system } = cpuTime(this.pid);
    return user + system;
  }
}

const nats = await startNatsServer({ port: (await freePorts(1))[0] ?? 0 });
const client = await connect({ servers: `127.0.0.1:${nats.port}` });
const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
const processes = new Processes();
const rows: string[][] = [];
const subjects = launchers.filter(([name]) => values.only?.split(",").includes(name) ?? name !== "binary");
for (const [name, command] of subjects) {
  for (const kind of kinds) {
    const [port = 0] = await freePorts(1);
    const prune = { prune_stale_droplets_interval: "1h", droplet_stale_threshold: "2h" };
    const config = writeConfig(folder, nats.port, { port, logging: { level: "error" }, ...prune });
    const pid = processes.start(`${name}-${kind}`, 0, [...command.split(" "), "router", "-c", config]);
    while ((await statusOf(port, "nobody.example.com")) === 0) await pause(50);
    const subject = new Subject(pid, port, client);
    // Warm, and with room for what a storm needs, so that the table alone is seen in the difference.
    await subject.apply(Array.from({ length: 20_000 }, () => message(kind, 0)));
    await pause(3000);
    const before = residentMiB(pid);
    const messages = Array.from({ length: routes }, (_, number) => message(kind, number));
    const beforeFirst = subject.cpu;
    await subject.apply(messages);
    const first = (subject.cpu - beforeFirst) / routes;
    await pause(3000);
    const memory = ((residentMiB(pid) - before) * 2 ** 20) / routes;
    const costs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const cpu = subject.cpu;
      await subject.apply(messages);
      costs.push((subject.cpu - cpu) / routes);
    }
    await pause(3000);
    const settled = ((residentMiB(pid) - before) * 2 ** 20) / routes;
    const stormy = Array.from({ length: storm }, (_, number) => messages[number % routes]!);
    const wait = await longestWait(port, () => subject.apply(stormy));
    const figures = [memory / 1000, settled / 1000, first, median(costs), wait];
    rows.push([`${name}, ${kind}`, ...figures.map((figure) => shown(figure)), String(Math.round(before))]);
    console.log(rows.at(-1)?.join("  "));
    process.kill(pid, "SIGKILL");
  }
}
const report = [
  ...machineFacts(runtimeFolder),
  `- Run: ${routes} routes, ${rounds} rounds; storm of ${storm} messages`,
  "",
  table(
    [
      "",
      "KB per route",
      "after the rounds",
      "CPU µs per new route",
      "per heartbeat",
      "longest wait in the storm, ms",
      "RSS MB without routes",
    ],
    rows,
  ),
].join("\n");
console.log(report);
if (values.write !== undefined) replaceSection(values.write, "npm run bench:register", report);
await client.close();
await nats.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
