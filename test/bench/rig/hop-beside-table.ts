import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { issue, makeAuthority } from "../../fixtures/certificates.ts";
import { appHost, type Contender } from "./contender.ts";
import { load } from "./load.ts";
import { type Processes, ranSince, threadTimes } from "./processes.ts";
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
  /** Sets of new processes among which the pairs are divided. */
  readonly sets: number;
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
    const before = threadTimes(this.subject.pid);
    const { requests } = await load(this.#contender, scenarios.get("small")!, 1, 64, this.#folder);
    const cost = (ranSince(this.subject.pid, before) * 1000) / requests;
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

/** One of the ways to have a table, with the ratios of its windows to those of the yardstick beside it. */
interface Way {
  readonly size: number;
  readonly beating: boolean;
  readonly ratios: number[];
}

/** A set of new processes: adds so many pairs to each way, and the windows of the yardstick to `costs`. */
async function measureSet(name: string, plan: HopPlan, pairs: number, ways: readonly Way[], costs: number[]) {
  const all = new Map<number, Beside>();
  for (const size of plan.tables) all.set(size, await startBeside(name, size, plan));
  await Promise.all([...all.values()].map((one) => one.subject.settledMemory(plan.settleMs)));
  for (const one of all.values()) {
    for (let served = 0, windows = 0; served < plan.warm && windows < mostWindows; windows++)
      served += (await one.window(false)).requests;
  }
  const [yardstick = 0] = plan.tables;
  for (let pair = 0; pair < pairs; pair++) {
    for (const beating of [false, true]) {
      // Always in the same order, so that each has rested for as long: one that rests longer gives back memory meanwhile.
      const cost = new Map<number, number>();
      for (const [size, one] of all) cost.set(size, (await one.window(beating && size !== yardstick)).cost);
      const base = cost.get(yardstick)!;
      costs.push(base);
      for (const way of ways) if (way.beating === beating) way.ratios.push(cost.get(way.size)! / base);
    }
  }
  for (const one of all.values()) await one.stop(plan.processes);
}

/**
 * What a request costs beside larger tables, at rest and with heartbeats: all routers run beside each other, on CPU 0, and
 * each window of one is paired with the window of the yardstick in the same seconds, so that what the machine does besides,
 * over minutes, falls out of their ratio. Two processes of the same program differ by what they compiled and where
 * their memory lies, by a tenth and more: so there are several sets of new ones. Everything else is on CPU 1, the bus too.
 */
export async function hopRow(name: string, plan: HopPlan): Promise<string[]> {
  execFileSync("taskset", ["-a", "-p", "-c", "1", String(process.pid)], { stdio: "ignore" });
  const ways: Way[] = plan.tables
    .slice(1)
    .flatMap((size) => [false, true].map((beating) => ({ size, beating, ratios: [] })));
  const costs: number[] = [];
  const perSet = Math.ceil(plan.pairs / plan.sets);
  for (let set = 1; set <= plan.sets; set++) {
    await measureSet(name, plan, perSet, ways, costs);
    const own = ways.map(({ ratios }) => shownRatios(ratios.slice(-perSet), "percent"));
    console.log(`${name}, set ${set} of ${plan.sets}: ${own.join(", ")}`);
  }
  return [name, shown(median(costs)), ...ways.map(({ ratios }) => shownRatios(ratios, "percent"))];
}
