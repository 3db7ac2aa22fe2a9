import type { DocumentNode } from "../core/config/document.ts";
import type { Lager } from "../core/observe/lager.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { Announcer } from "./announcer.ts";
import type { RegistrarConfig } from "./config/validate.ts";
import { HttpAnnouncer } from "./http-announcer.ts";
import type { NatsLink } from "./nats-link.ts";
import { RegistrarMetrics } from "./registrar-metrics.ts";
import { claimsOf, loggedRoute, type Route, unclaimedPart } from "./route.ts";
import { RouteWorker } from "./route-worker.ts";
import { RoutesFiles } from "./routes-files.ts";
import type { RoutingApiClient } from "./routing-api-client.ts";
import { TcpAnnouncer } from "./tcp-announcer.ts";
import { Turnstile } from "./turnstile.ts";

/** What a registrar works with. */
export interface RegistrarParts {
  readonly runtime: Runtime;
  readonly logger: Lager;
  readonly config: RegistrarConfig;
  /** `private_instance_id` of all its routes. */
  readonly instanceId: string;
  /** Undefined when no server is configured. */
  readonly link: NatsLink | undefined;
  /** Undefined when the configuration has no usable `routing_api`. */
  readonly api: RoutingApiClient | undefined;
  readonly parseYaml: (text: string) => DocumentNode | undefined;
}

/** All unregistering at the end must be over by then. */
const stopDeadlineMs = 1500;
/** How long the end waits for a bus that is away. */
const absentBusMs = 500;

/** Keeps all routes, static and dynamic (route-registrar §7, §12, §13). */
export class Registrar {
  readonly metrics = new RegistrarMetrics();
  readonly #parts: RegistrarParts;
  readonly #static: readonly RouteWorker[];
  /** Workers of each dynamic file, by all that is configured of the route. */
  readonly #dynamic = new Map<string, ReadonlyMap<string, RouteWorker>>();
  readonly #files: RoutesFiles;
  readonly #turnstile: Turnstile;
  #started = 0;

  /** @throws Error for a malformed `dynamic_config_globs` pattern, which was logged. */
  constructor(parts: RegistrarParts) {
    const { runtime, config, parseYaml } = parts;
    this.#parts = parts;
    this.#turnstile = new Turnstile(runtime.clock);
    this.#files = this.#watcher(parseYaml);
    this.#static = config.routes.filter((route) => this.#acceptable(route)).map((route) => this.#workerFor(route));
  }

  /** All workers, static ones first. */
  *workers(): Iterable<RouteWorker> {
    yield* this.#static;
    for (const workers of this.#dynamic.values()) yield* workers.values();
  }

  start(): void {
    const now = this.#parts.runtime.clock.monotonic();
    for (const worker of this.#static) worker.start(this.#started++, now);
    if (this.#parts.config.globs.length > 0) this.#files.start();
  }

  /**
   * Takes all routes back, within two seconds whatever happens. Resolves with the first error that kept a route from
   * being taken back; a bus that is away is none, but logged. `signal`: the number of the one that ends the program.
   */
  async stop(signal: number): Promise<Error | undefined> {
    const { logger, link } = this.#parts;
    this.#files.stop(signal);
    const workers = [...this.workers()];
    for (const worker of workers) worker.stop();
    const open = new Set(workers);
    let failure: Error | undefined;
    const withdrawals = workers.map(async (worker) => {
      try {
        await worker.announcer.withdraw(worker.route);
      } catch (error) {
        failure ??= error as Error;
      }
      // What is left when the time is over waits for somebody who does not answer.
      open.delete(worker);
    });
    const all = Promise.all(withdrawals).then(async () => {
      await link?.flush();
      await link?.close();
    });
    await this.#within(all, link !== undefined && !link.connected ? absentBusMs : stopDeadlineMs);
    const stranded = [...open].filter(({ route }) => route.kind === "http").length;
    if (stranded > 0) logger.error("routes left registered", "NATS cannot be reached", { routes: stranded });
    const pending = open.size - stranded;
    if (failure === undefined && pending > 0)
      failure = new Error(`${pending} TCP routes could not be unregistered in ${stopDeadlineMs} ms`);
    return failure;
  }

  #watcher(parseYaml: RegistrarParts["parseYaml"]): RoutesFiles {
    const { runtime, logger, config } = this.#parts;
    try {
      return new RoutesFiles(config.globs, {
        runtime,
        logger: logger.part("routes-config-watcher"),
        host: config.host,
        parseYaml,
        unusable: (route) => this.#unusable(route),
        apply: (file, routes) => this.#replace(file, routes),
      });
    } catch (error) {
      logger.error("config watcher failed", (error as Error).message);
      throw error;
    }
  }

  #within(promise: Promise<void>, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.runtime.clock.after(ms, resolve);
      void promise.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #acceptable(route: Route): boolean {
    if (route.refusal === undefined) return true;
    this.#parts.logger.error("route is never registered", route.refusal, { route: loggedRoute(route) });
    return false;
  }

  /** Why a route of a dynamic file cannot be announced (route-registrar §16, D4, D5). */
  #unusable(route: Route): string | undefined {
    if (route.kind === "http")
      return this.#parts.link === undefined ? "message_bus_servers must have at least one entry" : undefined;
    return this.#parts.api === undefined ? this.#parts.config.routingApiFault : undefined;
  }

  #workerFor(route: Route): RouteWorker {
    const { runtime, logger, config } = this.#parts;
    return new RouteWorker(route, this.#announcerFor(route), {
      runtime,
      logger,
      turnstile: this.#turnstile,
      unregistrationLimit: config.unregistrationLimit,
      onChecked: (verdict) => this.metrics.countCheck(verdict),
    });
  }

  #announcerFor(route: Route): Announcer {
    const { runtime, logger, config, instanceId, link, api } = this.#parts;
    const onSent = (action: "register" | "unregister"): void => this.metrics.countSent(action);
    if (route.kind === "tcp") {
      const onFailed = (): void => this.metrics.countFailed();
      return new TcpAnnouncer(route, { clock: runtime.clock, logger, api: api!, onSent, onFailed });
    }
    const { availabilityZone } = config;
    return new HttpAnnouncer(route, {
      clock: runtime.clock,
      logger,
      link: link!,
      instanceId,
      availabilityZone,
      onSent,
    });
  }

  /**
   * Replaces the routes of a file in one step. What another route announces as well, the new version of an edited one
   * above all, is not taken away from the consumer in between.
   */
  #replace(file: string, routes: readonly Route[]): void {
    const { logger } = this.#parts;
    const before: ReadonlyMap<string, RouteWorker> = this.#dynamic.get(file) ?? new Map<string, RouteWorker>();
    const after = new Map<string, RouteWorker>();
    const fresh: RouteWorker[] = [];
    for (const route of routes) {
      const key = loggedRoute(route).text;
      if (after.has(key)) continue;
      const known = before.get(key);
      const worker = known ?? this.#workerFor(route);
      after.set(key, worker);
      if (known === undefined) fresh.push(worker);
    }
    if (after.size > 0) this.#dynamic.set(file, after);
    else this.#dynamic.delete(file);
    for (const [key, worker] of before) if (!after.has(key)) this.#remove(worker);
    const now = this.#parts.runtime.clock.monotonic();
    for (const worker of fresh) {
      logger.info("discovered route", { route: loggedRoute(worker.route) });
      worker.start(this.#started++, now);
    }
  }

  #remove(worker: RouteWorker): void {
    const { logger } = this.#parts;
    worker.stop();
    logger.info("route removed", { route: loggedRoute(worker.route) });
    const claims = new Set<string>();
    for (const other of this.workers()) for (const claim of claimsOf(other.route)) claims.add(claim);
    const part = unclaimedPart(worker.route, claims);
    if (part === undefined || !worker.mayUnregister) worker.announcer.retire();
    // A refusal was logged, and the lease ends by itself.
    else worker.announcer.withdraw(part).catch(() => this.metrics.countFailed());
  }
}
