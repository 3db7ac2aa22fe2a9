import type { Clock } from "../../../core/clock.ts";
import type { Config } from "../../../core/config/schema.ts";
import type { ActiveApps } from "../../../core/observe/active-apps.ts";
import type { Level, Logger } from "../../../core/observe/log.ts";
import type { RequestMetrics } from "../../../core/observe/metrics.ts";
import { addReport } from "../../../core/observe/request-report.ts";
import type { Health } from "../../../core/pipeline/parts.ts";
import type { Endpoint } from "../../../core/routing/endpoint.ts";
import type { Registry } from "../../../core/routing/registry.ts";
import type { TableChanges } from "../../../core/routing/registry-parts.ts";
import { TableFeed } from "../../../core/routing/table-feed.ts";
import { TableNumbers } from "../../../core/routing/table-numbers.ts";
import { TableTexts } from "../../../core/routing/table-texts.ts";
import { limitTime } from "../../../core/time-limit.ts";
import type { Listener } from "../../../runtime/interface/listening.ts";
import type { CommandEnd, SharedNumbers } from "../../../runtime/interface/processes.ts";
import type { Runtime } from "../../../runtime/interface.ts";
import { logHttpListener, logHttpsListener } from "../listener-lines.ts";
import type { MainPorts } from "../main-listeners.ts";
import { StartFailure } from "../start-failure.ts";
import type { MachineUse } from "./machine-use.ts";
import type { ConnectionCounts, Questions, SharedPorts, WorkerOrders } from "./messages.ts";
import { openMainPorts } from "./open-main-ports.ts";
import { bindExclusively } from "./ports.ts";
import { clearCounts } from "./shared-counts.ts";
import { numbersFor } from "./shared-layout.ts";
import { WorkerLink } from "./worker-link.ts";

/** Between two reports, in milliseconds. */
const reportMs = 1000;
/** So long, in milliseconds, what somebody wants to see waits for a worker: one that hangs, not one on a busy machine. */
const reportWaitMs = 5000;
/** Before a worker that ended is started anew, in milliseconds; doubled each time up to the longest. */
const firstPauseMs = 50;
const longestPauseMs = 5000;
/** A worker that lived so long ended by accident, and the next one is started at once. */
const longLifeMs = 10_000;
/** So long, in milliseconds, workers may take to end; then they are killed. */
const endMs = 3000;

/** What a fleet is made of. */
interface FleetParts {
  readonly runtime: Runtime;
  readonly config: Config;
  /** Number of workers. */
  readonly size: number;
  readonly logger: Logger;
  readonly health: Health;
  readonly address: string;
  readonly errorTemplate: string;
  readonly keyPairs: () => WorkerOrders["keyPairs"];
  readonly requests: RequestMetrics;
  readonly activeApps: ActiveApps | undefined;
  readonly use: MachineUse;
}

/**
 * The worker processes of a router (architecture §6): starts them, and anew those that end; keeps their tables up to
 * date; adds up what they count; and speaks for all of them to the life cycle.
 */
export class Fleet implements TableChanges, MainPorts {
  http: { readonly host: string; readonly port: number } | undefined;
  https: { readonly host: string; readonly port: number } | undefined;
  readonly #parts: FleetParts;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #ids = new TableNumbers();
  readonly #numbers: SharedNumbers;
  readonly #links: (WorkerLink | undefined)[];
  readonly #pauses: number[];
  #registry: Registry | undefined;
  #texts: TableTexts | undefined;
  #loop: Listener | undefined;
  #ports: SharedPorts | undefined;
  /** The router stops: nobody is started any more. */
  #stopping = false;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    this.#clock = parts.runtime.clock;
    this.#log = parts.logger.source("router");
    this.#numbers = parts.runtime.sharedNumbers(numbersFor(parts.size));
    this.#links = Array.from({ length: parts.size }, () => undefined);
    this.#pauses = Array.from({ length: parts.size }, () => firstPauseMs);
  }

  /**
   * Binds the port of internal route services (step 11 of control-plane §8.2), so that one that is taken is an error.
   *
   * @throws StartFailure when the port cannot be bound.
   */
  async openLoop(): Promise<void> {
    const { runtime, config } = this.#parts;
    this.#loop = await bindExclusively(runtime, config, "loop");
  }

  /**
   * Starts the workers, which do not listen yet.
   *
   * @throws StartFailure with what the first of them could not do.
   */
  async start(registry: Registry, rehearsalMs: number): Promise<void> {
    this.#registry = registry;
    this.#texts = new TableTexts(registry, this.#ids, this.#clock);
    await Promise.all(this.#links.map((_, place) => this.#startOne(place, rehearsalMs)));
    this.#every(reportMs, () => {
      this.#numbers.touch();
      void this.collect();
    });
  }

  #every(ms: number, task: () => void): void {
    this.#clock.after(
      ms,
      () => {
        if (this.#stopping) return;
        task();
        this.#every(ms, task);
      },
      true,
    );
  }

  async #startOne(place: number, rehearsalMs: number): Promise<WorkerLink> {
    const { runtime, config, logger, health, address, errorTemplate, keyPairs, size } = this.#parts;
    const feed = new TableFeed(this.#texts!);
    // It says nothing before it is asked to start.
    let receive: (text: string) => void = () => {};
    const process = await runtime.spawnWorker({
      message: (text) => receive(text),
      output: (text) => runtime.writeOut(text, true),
      error: (text) => runtime.writeError(text, true),
    });
    const began = this.#clock.monotonic();
    const link: WorkerLink = new WorkerLink(place, process, feed, this.#clock, {
      failed: ([key, address, kind]) => {
        this.#registry!.endpointFailedElsewhere(key, address, kind);
        this.#texts!.changed(key);
      },
      marksErased: (key) => this.#marksErased(key),
      released: (ids) => {
        for (const id of ids) this.#ids.released(id, feed);
      },
    });
    receive = (text) => link.received(text);
    this.#links[place] = link;
    void link.ended.then((end) => this.#lost(link, end, began));
    const { path, length } = this.#numbers;
    await link.ask("start", {
      config: { ...config, route_services_internal_server_port: 0 },
      level: logger.level,
      address,
      health: health.state,
      errorTemplate,
      keyPairs: keyPairs(),
      processId: runtime.processId,
      shared: { path, length, place, workers: size },
      rehearsalMs,
    });
    link.begin();
    await link.settled();
    // What changed meanwhile: the health, the level and the certificates are what they are now.
    link.tell("health", health.state);
    link.tell("level", logger.level);
    link.tell("keyPairs", keyPairs());
    if (this.#ports !== undefined) {
      await link.ask("listen", this.#ports);
      this.#announce(link);
    }
    return link;
  }

  #announce({ place, process }: WorkerLink): void {
    this.#log.info("worker-started", { worker: place, pid: process.processId });
  }

  /** Tells the log of the workers, after what every router says of its start. */
  announce(): void {
    for (const link of this.#all) this.#announce(link);
  }

  /** A worker ended. */
  #lost(link: WorkerLink, end: CommandEnd, began: number): void {
    const { place, process, feed } = link;
    if (this.#links[place] === link) this.#links[place] = undefined;
    this.#parts.use.note(place, undefined);
    this.#ids.dropped(feed);
    // The requests that it had under way ended with it.
    clearCounts(this.#numbers, this.#ids.bound, place, this.#parts.size);
    if (this.#stopping) return;
    const lived = this.#clock.monotonic() - began;
    if (lived >= longLifeMs) this.#pauses[place] = firstPauseMs;
    const pause = this.#pauses[place]!;
    this.#pauses[place] = Math.min(pause * 2, longestPauseMs);
    this.#log.error("worker-ended", { worker: place, pid: process.processId, ...end, restart_in_ms: pause });
    // While the router starts, whoever waits for the worker hears of it and the start fails.
    if (this.#ports !== undefined) this.#clock.after(pause, () => this.#restart(place));
  }

  #restart(place: number): void {
    if (this.#stopping || this.#links[place] !== undefined) return;
    this.#startOne(place, 0).catch((error: Error) => {
      if (this.#stopping) return;
      const data = error instanceof StartFailure ? error.data : {};
      this.#log.error("worker-not-started", { worker: place, reason: error.message, ...data });
      const link = this.#links[place];
      // One that cannot listen, say, is no worker; its end starts the next.
      if (link === undefined) this.#clock.after(this.#pauses[place]!, () => this.#restart(place));
      else link.process.kill();
    });
  }

  get #all(): WorkerLink[] {
    return this.#links.filter((link) => link !== undefined);
  }

  /** Asks all; those that end meanwhile have nothing to say. */
  async #askAll<Name extends keyof Questions>(
    name: Name,
    ...value: Parameters<Questions[Name]>
  ): Promise<ReturnType<Questions[Name]>[]> {
    const answers = await Promise.allSettled(this.#all.map((link) => link.ask(name, ...value)));
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  changed(key: string): void {
    this.#texts?.changed(key);
    if (this.#ids.hasRoute(key) && this.#registry?.peekAt(key) === undefined) this.#ids.forgetRoute(key);
    for (const link of this.#all) {
      link.feed.changed(key);
      link.changed();
    }
  }

  /** The others have heard of it from the worker itself; those that start later must not be told of old marks. */
  #marksErased(key: string): void {
    const pool = this.#registry!.poolAt(key);
    pool?.state.clearMarks(pool.members);
    this.#texts!.changed(key);
  }

  /** The endpoint left the table. */
  forget(endpoint: Endpoint): void {
    const links = this.#all;
    const id = this.#ids.forget(
      endpoint,
      links.map(({ feed }) => feed),
    );
    if (id === undefined) return;
    for (const link of links) {
      link.feed.forget(id);
      link.changed();
    }
  }

  /** Resolves when every worker's table is as the supervisor's was at the call; does not wait for one that hangs. */
  async settled(): Promise<void> {
    await this.#within(reportWaitMs, Promise.all(this.#all.map((link) => link.settled())));
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = limitTime(this.#clock, ms, resolve);
      void work.finally(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Takes what the workers counted since the last time into the metrics of all. */
  async collect(): Promise<void> {
    const { requests, activeApps, use } = this.#parts;
    const active: (readonly [applicationId: string, time: number])[] = [];
    const one = async (link: WorkerLink): Promise<void> => {
      const report = await link.ask("report");
      const now = this.#clock.monotonic();
      use.note(link.place, report);
      addReport(requests, report.requests, now);
      for (const [app, age] of report.activeApps) active.push([app, now - age]);
    };
    await this.#within(reportWaitMs, Promise.allSettled(this.#all.map(one)));
    // In the order of the requests, whichever workers had them.
    for (const [app, time] of active.sort((a, b) => a[1] - b[1])) activeApps?.mark(app, time);
  }

  /** New certificates for the main TLS listener. */
  certificatesChanged(): void {
    for (const link of this.#all) link.tell("keyPairs", this.#parts.keyPairs());
  }

  healthChanged(state: Health["state"]): void {
    for (const link of this.#all) link.tell("health", state);
  }

  levelChanged(level: Level): void {
    for (const link of this.#all) link.tell("level", level);
  }

  /**
   * Opens the main ports: one process, this one, has each of them for a moment, so that a port that is taken is an error and
   * port 0 becomes one port; then all workers listen there.
   *
   * @throws StartFailure when a port cannot be bound.
   */
  async listen(): Promise<MainPorts> {
    await Promise.all(this.#all.map((link) => link.settled()));
    const { runtime, config } = this.#parts;
    const [first, ...others] = this.#all;
    const { http, https } = await openMainPorts(runtime, config, this.#log, async (ports) =>
      first?.ask("listen", ports),
    );
    const ports = { http: http?.port, https: https?.port };
    await Promise.all(others.map((link) => link.ask("listen", ports)));
    this.#ports = ports;
    logHttpListener(this.#log, http);
    logHttpsListener(this.#log, https);
    this.http = http;
    this.https = https;
    // One that ended since then.
    for (const [place, link] of this.#links.entries()) if (link === undefined) this.#restart(place);
    return this;
  }

  async connections(): Promise<ConnectionCounts> {
    const counts = await this.#askAll("connections");
    const sum = (of: keyof ConnectionCounts): number => counts.reduce((total, count) => total + count[of], 0);
    return { active: sum("active"), idle: sum("idle") };
  }

  farewell(overMs: number): void {
    for (const link of this.#all) link.tell("farewell", overMs);
  }

  async stopAccepting(): Promise<void> {
    this.#stopping = true;
    await Promise.all([this.#askAll("stopAccepting"), this.#loop?.close()]);
  }

  async drain(): Promise<void> {
    await this.#askAll("drain");
  }

  /** Every worker opens its access log file anew. */
  async reopen(): Promise<void> {
    await Promise.all(this.#all.map((link) => link.ask("reopen")));
  }

  /** Ends the workers; what they have logged comes first. */
  async end(): Promise<void> {
    this.#stopping = true;
    await this.collect();
    const links = this.#all;
    for (const link of links) link.tell("end");
    await this.#within(endMs, Promise.all(links.map((link) => link.ended)));
    for (const link of this.#all) link.process.kill();
    await Promise.all(links.map((link) => link.ended));
    this.#numbers.remove();
  }
}
