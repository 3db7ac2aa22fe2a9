import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { issue, makeAuthority } from "../../fixtures/certificates.ts";
import { appHost, type Contender } from "./contender.ts";
import { load } from "./load.ts";
import { type Processes, runTimeMs } from "./processes.ts";
import { type PublishedBus, startPublishedBus } from "./published-bus.ts";
import { messagesOf } from "./register-messages.ts";
import { median, shown, shownRatios } from "./report.ts";
import { routers } from "./routers.ts";
import { scenarios } from "./scenarios.ts";
import { Subject } from "./subject.ts";

/** What a row of "a hop beside the table" is measured with. */
export interface HopPlan {
  readonly processes: Processes;
  readonly folder: string;
  readonly backendPort: number;
  /** Routes of each router, all of which run beside each other; the first is the yardstick. */
  readonly tables: readonly number[];
  readonly pairs: number;
  /** Requests after which a router has compiled all that a request needs. */
  readonly warm: number;
  /** Memory must not have fallen for so long before it begins: garbage of the registrations is not what is measured. */
  readonly settleMs: number;
}

/** Seconds between two messages of a route, and the most of all routes in a second: some 3 % of a core. */
const [heartbeatSeconds, mostHeartbeats] = [20, 10_000];
/** Ticks of their sender in a second. */
const ticks = 20;
/** Messages sent before it is waited for that they are applied: a NATS server cuts off who falls behind by too much. */
const portion = 50_000;
/** Windows that may serve the first requests. */
const mostWindows = 20;

/** A router with a table of its size. */
class Beside {
  readonly subject: Subject;
  readonly #contender: Contender;
  readonly #bus: PublishedBus;
  readonly #messages: readonly string[];
  readonly #folder: string;
  #next = 0;

  constructor(subject: Subject, contender: Contender, bus: PublishedBus, messages: readonly string[], folder: string) {
    this.subject = subject;
    this.#contender = contender;
    this.#bus = bus;
    this.#messages = messages;
    this.#folder = folder;
  }

  /** A window of a second: microseconds of CPU time per request, and how many there were. */
  async window(beating: boolean): Promise<{ readonly cost: number; readonly requests: number }> {
    const ticker = beating ? setInterval(() => this.#announce(), 1000 / ticks) : undefined;
    const before = runTimeMs(this.subject.pid);
    const { requests } = await load(this.#contender, scenarios.get("small")!, 1, 64, this.#folder);
    const cost = ((runTimeMs(this.subject.pid) - before) * 1000) / requests;
    clearInterval(ticker);
    return { cost, requests };
  }

  /** The routes whose turn it is come again. */
  #announce(): void {
    const { length } = this.#messages;
    const perTick = Math.ceil(Math.min(length / heartbeatSeconds, mostHeartbeats) / ticks);
    const end = Math.min(this.#next + perTick, length);
    for (; this.#next < end; this.#next++) this.#bus.client.publish("router.register", this.#messages[this.#next]!);
    if (this.#next === length) this.#next = 0;
  }

  async stop(processes: Processes): Promise<void> {
    processes.end(this.subject.pid);
    await this.#bus.stop();
  }
}

async function startBeside(name: string, size: number, plan: HopPlan): Promise<Beside> {
  const bus = await startPublishedBus();
  const folder = mkdtempSync(join(plan.folder, "hop-"));
  const certificate = issue(makeAuthority(), { names: [appHost] });
  const sweeps = { prune_stale_droplets_interval: "1h", droplet_stale_threshold: "2h" };
  // At info each route is a line or two.
  const settings = { ...sweeps, logging: { level: "error" } };
  const all = await routers({ folder, backendPort: plan.backendPort, certificate }, bus.port, [], settings);
  const contender = all.find((one) => one.name === name);
  if (contender === undefined) throw new Error(`cannot start ${name}`);
  const pid = plan.processes.start(`${name}-hop-${size}`, 0, contender.command);
  const subject = new Subject(pid, contender.httpPort, bus.client);
  await subject.up();
  await subject.apply([JSON.stringify({ host: "127.0.0.1", port: plan.backendPort, uris: [appHost], app: "app" })]);
  const messages = messagesOf("plain", size - 1);
  for (let from = 0; from < messages.length; from += portion) await subject.apply(messages.slice(from, from + portion));
  return new Beside(subject, contender, bus, messages, folder);
}

/** The columns of the table that `hopRow` gives rows of. */
export function hopColumns([one, ...larger]: readonly number[]): string[] {
  const pairs = larger.flatMap((size) => [`${size} routes, %`, "with heartbeats, %"]);
  return ["", `CPU µs per request, ${one} route${one === 1 ? "" : "s"}`, ...pairs];
}

/**
 * What a request costs beside larger tables, at rest and with heartbeats: all routers run beside each other, on CPU 0, and
 * each window of one is paired with a window of the yardstick right before or after it, so that what the machine does
 * besides, over minutes, falls out of their ratio. Everything else is on CPU 1, the bus too.
 */
export async function hopRow(name: string, plan: HopPlan): Promise<string[]> {
  execFileSync("taskset", ["-a", "-p", "-c", "1", String(process.pid)], { stdio: "ignore" });
  const all: Beside[] = [];
  for (const size of plan.tables) all.push(await startBeside(name, size, plan));
  for (const one of all) await one.subject.settledMemory(plan.settleMs);
  for (const one of all) {
    for (let served = 0, windows = 0; served < plan.warm && windows < mostWindows; windows++)
      served += (await one.window(false)).requests;
  }
  const [yardstick, ...larger] = all as [Beside, ...Beside[]];
  const ways = larger.flatMap((one) => [false, true].map((beating) => ({ one, beating, ratios: [] as number[] })));
  const costs: number[] = [];
  for (let pair = 0; pair < plan.pairs; pair++) {
    for (const { one, beating, ratios } of ways) {
      // Whoever is second finds warmer or colder caches: they take turns.
      const first = pair % 2 === 0 ? await yardstick.window(false) : undefined;
      const { cost } = await one.window(beating);
      const base = (first ?? (await yardstick.window(false))).cost;
      ratios.push(cost / base);
      costs.push(base);
    }
    if (pair % 5 === 4)
      console.error(`${name}, ${pair + 1} pairs: ${ways.map((way) => shownRatios(way.ratios, "percent"))}`);
  }
  for (const one of all) await one.stop(plan.processes);
  return [name, shown(median(costs)), ...ways.map(({ ratios }) => shownRatios(ratios, "percent"))];
}
