import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { issue, makeAuthority } from "../../fixtures/certificates.ts";
import { appHost, type Contender } from "./contender.ts";
import { load } from "./load.ts";
import { type Processes, ranSince, threadTimes } from "./processes.ts";
import { type PublishedBus, startPublishedBus } from "./published-bus.ts";
import { messagesOf } from "./register-messages.ts";
import { routers } from "./routers.ts";
import { scenarios } from "./scenarios.ts";
import { Subject } from "./subject.ts";

/** Where routers that are measured beside each other live. */
export interface BesideSurroundings {
  readonly processes: Processes;
  readonly folder: string;
  readonly backendPort: number;
}

/** Seconds between two messages of a route, and the most of all routes in a second: some 3 % of a core. */
const [heartbeatSeconds, mostHeartbeats] = [20, 10_000];
/** Ticks of their sender in a second. */
const ticks = 20;
/** Messages sent before it is waited for that they are applied: a NATS server cuts off who falls behind by too much. */
const portion = 50_000;
const connections = 64;

/** CPU time of a window, in microseconds per request, and how many requests there were. */
export interface Window {
  readonly cost: number;
  readonly requests: number;
}

/** A router on CPU 0 with a bus of its own, and the route of the app that the load asks for; more come by `fill`. */
export class Beside {
  readonly subject: Subject;
  readonly #contender: Contender;
  readonly #bus: PublishedBus;
  readonly #folder: string;
  #messages: readonly string[] = [];
  #next = 0;

  private constructor(subject: Subject, contender: Contender, bus: PublishedBus, folder: string) {
    this.subject = subject;
    this.#contender = contender;
    this.#bus = bus;
    this.#folder = folder;
  }

  /** Starts the router that `launchers` has under that name; `label` names its log. */
  static async start(name: string, label: string, surroundings: BesideSurroundings): Promise<Beside> {
    const { processes, backendPort } = surroundings;
    const bus = await startPublishedBus();
    const folder = mkdtempSync(join(surroundings.folder, "hop-"));
    const certificate = issue(makeAuthority(), { names: [appHost] });
    const sweeps = { prune_stale_droplets_interval: "1h", droplet_stale_threshold: "2h" };
    // At info each route is a line or two.
    const settings = { ...sweeps, logging: { level: "error" } };
    const all = await routers({ folder, backendPort, certificate }, bus.port, [], settings);
    const contender = all.find((one) => one.name === name);
    if (contender === undefined) throw new Error(`cannot start ${name}`);
    const pid = processes.start(label, 0, contender.command);
    const subject = new Subject(pid, contender.httpPort, bus.client);
    await subject.up();
    await subject.apply([JSON.stringify({ host: "127.0.0.1", port: backendPort, uris: [appHost], app: "app" })]);
    return new Beside(subject, contender, bus, folder);
  }

  /** Gives it a table of so many routes, that of the app included. */
  async fill(size: number): Promise<void> {
    this.#messages = messagesOf("plain", size - 1);
    const { length } = this.#messages;
    for (let from = 0; from < length; from += portion) {
      await this.subject.apply(this.#messages.slice(from, from + portion));
    }
  }

  /** Requests for so many seconds, with heartbeats of its routes or without. */
  async window(seconds: number, beating: boolean): Promise<Window> {
    const ticker = beating ? setInterval(() => this.#announce(), 1000 / ticks) : undefined;
    const before = threadTimes(this.subject.pid);
    const { requests } = await load(this.#contender, scenarios.get("small")!, seconds, connections, this.#folder);
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
