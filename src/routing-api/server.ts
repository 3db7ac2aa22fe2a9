import type { Timer } from "../runtime/interface/clock.ts";
import type { ServerTls } from "../runtime/interface/tls.ts";
import type { Runtime } from "../runtime/interface.ts";
import { type Server, serve } from "../wire/server.ts";
import type { TimerWheel } from "../wire/timer-wheel.ts";
import { adminApp } from "./admin-app.ts";
import type { Api } from "./api.ts";
import { apiApp } from "./api-app.ts";
import type { ApiLog } from "./api-log.ts";
import type { Lease } from "./lease.ts";
import { appHandler } from "./serve-app.ts";

/** Where the API listens; undefined: not. */
export interface ApiListeners {
  readonly http: { readonly host: string; readonly port: number } | undefined;
  readonly mtls: { readonly host: string; readonly port: number; readonly tls: ServerTls } | undefined;
  /** On 127.0.0.1; undefined: not. */
  readonly adminPort: number | undefined;
}

/** The API's own route, `api.SYSTEM_DOMAIN/routing` (routing-api §2.2). */
export interface SelfRoute {
  readonly lease: Lease;
  /** Milliseconds between renewals. */
  readonly renewMs: number;
}

/** Regular work, in milliseconds. */
export interface ApiIntervals {
  readonly pruneMs: number;
  readonly eventRetentionMs: number;
}

const limits = { maxBytes: 1_048_576, maxLines: 0 };
const idleTimeoutMs = 120_000;
const readHeaderTimeoutMs = 60_000;
const forgetEveryMs = 10_000;
/** How long the database may take to say goodbye. */
const goodbyeMs = 2000;

/** The admin port cannot be bound. */
export class AdminListenError extends Error {
  override readonly name = "AdminListenError";
}

/** The running Routing API: its listeners and its regular work. */
export class RoutingApiServer {
  readonly #runtime: Runtime;
  readonly #wheel: TimerWheel;
  readonly #api: Api;
  readonly #log: ApiLog;
  readonly #servers: Server[] = [];
  #stopped = false;
  #selfRoute: SelfRoute | undefined;
  #timers = new Set<Timer>();

  constructor(runtime: Runtime, wheel: TimerWheel, api: Api, log: ApiLog) {
    this.#runtime = runtime;
    this.#wheel = wheel;
    this.#api = api;
    this.#log = log;
  }

  /**
   * Binds the listeners and begins; gives the address of the plain one. Rejects with the `StreamError` of a port that
   * cannot be bound, with an `AdminListenError` where it is the admin port.
   */
  async start(
    listeners: ApiListeners,
    intervals: ApiIntervals,
    keyRefreshes: () => number,
    selfRoute: SelfRoute | undefined,
  ): Promise<{ readonly host: string; readonly port: number } | undefined> {
    const { http, mtls, adminPort } = listeners;
    const open = async (
      host: string,
      port: number,
      app: Parameters<typeof appHandler>[0],
      tls?: ServerTls,
    ): Promise<Server> => {
      const options = {
        listen: { host, port },
        ...(tls !== undefined && { tls: { current: () => tls } }),
        limits,
        idleTimeoutMs,
        readHeaderTimeoutMs,
        // A body that does not come must not hold back the answer that says so.
        concurrentReadWrite: true,
        onError: (error: unknown) => this.#log.error("failed-to-answer-request", String(error)),
      };
      const server = await serve(this.#runtime, this.#wheel, options, appHandler(app));
      this.#servers.push(server);
      return server;
    };
    const plain =
      http === undefined
        ? undefined
        : await open(http.host, http.port, apiApp(this.#api, this.#log.part("api-http-server")));
    if (mtls !== undefined)
      await open(mtls.host, mtls.port, apiApp(this.#api, this.#log.part("api-mtls-server")), mtls.tls);
    if (adminPort !== undefined)
      await open("127.0.0.1", adminPort, adminApp(this.#api, keyRefreshes)).catch((error: Error) => {
        throw new AdminListenError(error.message, { cause: error });
      });
    this.#every(intervals.pruneMs, () => this.#prune());
    this.#every(forgetEveryMs, () => this.#api.store.forgetEvents(intervals.eventRetentionMs));
    if (selfRoute !== undefined) {
      this.#selfRoute = selfRoute;
      await this.#registerSelf();
      this.#every(selfRoute.renewMs, () => this.#registerSelf());
    }
    return plain;
  }

  async #registerSelf(): Promise<void> {
    const { lease } = this.#selfRoute!;
    try {
      await this.#api.store.save([lease]);
      this.#api.feed.wake();
    } catch (error) {
      this.#log.error("failed-to-register-own-route", (error as Error).message);
    }
  }

  async #unregisterSelf(): Promise<void> {
    if (this.#selfRoute === undefined) return;
    try {
      await this.#api.store.remove([this.#selfRoute.lease]);
      this.#api.feed.wake();
      await this.#api.feed.told();
    } catch (error) {
      this.#log.error("failed-to-unregister-own-route", (error as Error).message);
    }
  }

  /** Ends streams, lets requests under way finish, `drainMs` at most, closes the database. */
  async stop(drainMs: number): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    const patience = new Promise<void>((resolve) => this.#runtime.clock.after(drainMs, resolve, true));
    await Promise.race([this.#unregisterSelf(), patience]);
    this.#api.feed.close();
    await Promise.all(this.#servers.map((server) => server.stopAccepting()));
    await Promise.race([Promise.all(this.#servers.map((server) => server.drain())), patience]);
    for (const server of this.#servers) server.destroy();
    const goodbye = new Promise<void>((resolve) => this.#runtime.clock.after(goodbyeMs, resolve, true));
    // One that stands still, and statements it has not answered, keep nobody from ending.
    await Promise.race([this.#api.store.close(), goodbye]);
  }

  async #prune(): Promise<void> {
    const log = this.#log.part("prune-routes");
    try {
      const { http, tcp } = await this.#api.store.prune();
      this.#api.metrics.pruned += http + tcp;
      if (http + tcp > 0) this.#api.feed.wake();
      // Ten times as often as upstream: what found nothing is said at debug.
      for (const [kind, rowsAffected] of [
        ["tcp", tcp],
        ["http", http],
      ] as const)
        log[rowsAffected > 0 ? "info" : "debug"](`successfully-finished-pruning-${kind}-routes`, { rowsAffected });
    } catch (error) {
      log.error("failed-to-prune-routes", (error as Error).message);
    }
  }

  /** Again and again, never twice at a time. */
  #every(ms: number, work: () => Promise<void>): void {
    if (this.#stopped) return;
    const timer = this.#runtime.clock.after(ms, () => {
      this.#timers.delete(timer);
      void work()
        .catch((error: Error) => this.#log.error("failed-to-forget-events", error.message))
        .finally(() => this.#every(ms, work));
    });
    this.#timers.add(timer);
  }
}
