import type { Config } from "../../core/config/schema.ts";
import { LagerLevel } from "../../core/observe/lager.ts";
import { Level, type Logger } from "../../core/observe/log.ts";
import type { TableMetrics } from "../../core/observe/table-metrics.ts";
import type { ApiLog } from "../../routing-api/api-log.ts";
import type { RouteTable } from "../../routing-api/client/leased-routes.ts";
import { RouteFetcher } from "../../routing-api/client/route-fetcher.ts";
import { localConfig } from "../../routing-api/config/local.ts";
import { LocalRoutes } from "../../routing-api/local-routes.ts";
import type { Runtime } from "../../runtime/interface.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { type RunningApi, readApiConfig, startRoutingApi } from "../routing-api/assemble.ts";
import { ApiStartFailure } from "../routing-api/start-failure.ts";
import { StartFailure } from "./start-failure.ts";

/** How long requests to the API that are under way may hold back the end of the router, in milliseconds. */
const drainMs = 1000;
/** How long the router waits for its first routes before it serves, in milliseconds. */
const firstListMs = 10_000;

/** The router's log as the API writes to it: what the program of its own logs at info is a matter of debugging here. */
function apiLog(logger: Logger, path: string): ApiLog {
  return {
    get level() {
      return logger.level <= Level.debug ? LagerLevel.debug : LagerLevel.error;
    },
    debug: (action, data) => logger.debug(path + action, data),
    info: (action, data) => logger.debug(path + action, data),
    error: (action, error, data) => logger.error(path + action, { ...data, error }),
    part: (name) => apiLog(logger, `${path}${name}.`),
  };
}

/** A Routing API inside the router (`routing_api.embedded`): routes that survive a restart, over HTTP, without a bus. */
export class EmbeddedRoutingApi {
  readonly #runtime: Runtime;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #api: RunningApi;

  private constructor(runtime: Runtime, config: Config, logger: Logger, api: RunningApi) {
    this.#runtime = runtime;
    this.#config = config;
    this.#logger = logger;
    this.#api = api;
  }

  /**
   * Opens the database and binds the listeners.
   *
   * @throws StartFailure `routing-api-start-failed` when it cannot.
   */
  static async open(runtime: Runtime, wheel: TimerWheel, config: Config, logger: Logger): Promise<EmbeddedRoutingApi> {
    const { embedded_config: path, embedded_port, embedded_file, embedded_max_ttl } = config.routing_api;
    try {
      const api = await startRoutingApi(runtime, wheel, {
        config:
          path === ""
            ? localConfig({ port: embedded_port, file: embedded_file, maxTtlMs: embedded_max_ttl })
            : await readApiConfig(runtime, path, true),
        log: apiLog(logger.source("routing-api"), ""),
        tokens: path === "" ? "local" : "uaa",
      });
      return new EmbeddedRoutingApi(runtime, config, logger, api);
    } catch (error) {
      const action = error instanceof ApiStartFailure ? error.action : "failed-to-start";
      throw new StartFailure("routing-api-start-failed", { reason: action, error: (error as Error).message });
    }
  }

  /** The plain listener; undefined: there is none. */
  get http(): RunningApi["http"] {
    return this.#api.http;
  }

  /** Makes what feeds the table; it is to be started. */
  async fetcher(table: RouteTable, metrics: TableMetrics): Promise<RouteFetcher> {
    const { clock } = this.#runtime;
    const { prune_stale_droplets_interval: pruneMs, droplet_stale_threshold: thresholdMs } = this.#config;
    return new RouteFetcher({
      api: new LocalRoutes(this.#api.store, this.#api.feed, clock),
      tokens: { token: () => Promise.resolve("") },
      table,
      clock,
      log: this.#logger.source("route-fetcher"),
      metrics,
      // An unchanged heartbeat is no event: lists renew what the table would otherwise take for stale.
      listIntervalMs: Math.min(pruneMs, thresholdMs) / 2,
    });
  }

  /** Starts a fetcher and waits for the routes that outlived the last run. */
  async start(fetcher: RouteFetcher): Promise<void> {
    fetcher.start();
    const patience = new Promise<void>((resolve) => this.#runtime.clock.after(firstListMs, resolve, true));
    await Promise.race([fetcher.synced, patience]);
  }

  async stop(): Promise<void> {
    await this.#api.stop(drainMs);
  }
}
