import type { Bus } from "../bus/bus.ts";
import { BusUnreachable, connectBus } from "../bus/client.ts";
import { type Subscriber, startSubscriber } from "../bus/subscriber.ts";
import type { Client } from "../core/client.ts";
import type { Config } from "../core/config/schema.ts";
import type { Transport } from "../core/forwarding/transport.ts";
import type { RequestLike, ResponseLike, Tunnel } from "../core/message.ts";
import { createLogger } from "../core/observe/json-logger.ts";
import { Level, type Logger } from "../core/observe/log.ts";
import { parseLevel } from "../core/observe/log-level.ts";
import { timestampFormat } from "../core/observe/log-timestamp.ts";
import { RequestMetrics } from "../core/observe/metrics.ts";
import { type Router as CoreRouter, createRouter } from "../core/router.ts";
import { PruneCycle } from "../core/routing/pruning.ts";
import { Registry } from "../core/routing/registry.ts";
import type { NativeResponse } from "../runtime/interface/native-serving.ts";
import type { Runtime } from "../runtime/interface.ts";
import { HeaderLines } from "../wire/header-lines.ts";
import { TimerWheel } from "../wire/timer-wheel.ts";
import { createTransport } from "../wire/transport.ts";
import { createFetchTransport } from "./fetch-transport.ts";
import { answerNative, type EntryParts } from "./native-handler.ts";
import { peerOf } from "./peer.ts";
import type { Route, RouteName } from "./route.ts";
import { configOf, type RouterOptions } from "./router-options.ts";
import { StandingRoutes } from "./standing-routes.ts";
import { serviceTransport, transportOptions } from "./wire-options.ts";

/** A router inside another program. */
export interface Router {
  /** The configuration it runs with: what was given, over the defaults. */
  readonly config: Config;
  /**
   * Answers a platform `Request`; never rejects. Bound, so that `export default { fetch: router.fetch }`, `export
   * default router` and `app.all("*", (c) => router.fetch(c.req.raw, c.env))` work. `environment` is what the platform
   * hands over beside the request; the client's address is read from it. Upgrades end here: `serve` carries WebSocket.
   */
  readonly fetch: (request: Request, environment?: unknown) => Promise<Response>;
  /** The way of every request, for listeners of your own (architecture §4). Never rejects. */
  handle(request: RequestLike, client: Client): Promise<ResponseLike | Tunnel>;
  /** Adds a route, or replaces the one of the same uri, host and port. Throws an `Error` that says what is wrong. */
  register(route: Route): void;
  /** Takes a route away, given in code or not; nothing happens when there is none. */
  unregister(route: RouteName): void;
  /** Leaves the bus and stops all timers. Requests under way go on. */
  close(): Promise<void>;
}

const unitRandom = (runtime: Runtime) => (): number =>
  new DataView(runtime.randomBytes(4).buffer).getUint32(0) / 2 ** 32;

function loggerOf(runtime: Runtime, config: Config, log: RouterOptions["log"]): Logger {
  return createLogger({
    write: log ?? (() => {}),
    clock: runtime.clock,
    source: config.logging.syslog || "gorouter.stdout",
    level: log === undefined ? Level.silent : (parseLevel(config.logging.level) ?? Level.silent),
    timestamps: timestampFormat(config.logging.format.timestamp),
  });
}

class EmbeddedRouter implements Router {
  readonly config: Config;
  readonly fetch: Router["fetch"];
  readonly #runtime: Runtime;
  readonly #logger: Logger;
  readonly #registry: Registry;
  readonly #routes: StandingRoutes;
  readonly #core: CoreRouter;
  #bus: Bus | undefined;
  #subscriber: Subscriber | undefined;
  #pruning: PruneCycle | undefined;

  constructor(runtime: Runtime, config: Config, options: RouterOptions, address: string) {
    this.config = config;
    this.#runtime = runtime;
    this.#logger = loggerOf(runtime, config, options.log);
    const { clock } = runtime;
    const { accessLog } = options;
    const wheel = new TimerWheel(clock);
    const bySockets = options.upstream !== "fetch";
    const transport: Transport = bySockets
      ? createTransport(runtime, wheel, transportOptions(config))
      : createFetchTransport(clock);
    this.#registry = new Registry({
      settings: config,
      clock,
      random: unitRandom(runtime),
      log: this.#logger.source("registry"),
      forget: (endpoint) => transport.forget(endpoint),
    });
    this.#routes = new StandingRoutes(this.#registry, clock, config.droplet_stale_threshold);
    this.#core = createRouter({
      settings: config,
      registry: this.#registry,
      transport,
      clock,
      random: { uuid: () => runtime.uuid(), bytes: (length) => runtime.randomBytes(length) },
      logger: this.#logger,
      accessLog: accessLog === undefined ? undefined : { write: (line) => accessLog(line) },
      metrics: new RequestMetrics(),
      health: { state: "healthy" },
      address,
      newHeaders: () => new HeaderLines(),
      // `fetch` looks at no address before it dials, and verifies no certificate as configured.
      ...(bySockets ? { routeServices: { external: serviceTransport(runtime, wheel, config) } } : {}),
    });
    const parts: EntryParts = { runtime, onError: (error) => this.failed(error) };
    const handler = this.handle.bind(this);
    this.fetch = async (request, environment) => {
      const answer = await answerNative(handler, parts, request, peerOf(request, environment), "fetch");
      // A bare `fetch` handler is never given an upgrade.
      const { body, ...init } = answer as NativeResponse;
      return new Response(body, init);
    };
    for (const route of options.routes ?? []) this.register(route);
  }

  handle(request: RequestLike, client: Client): Promise<ResponseLike | Tunnel> {
    return this.#core.fetch(request, client);
  }

  register(route: Route): void {
    this.#routes.register(route);
  }

  unregister(route: RouteName): void {
    this.#routes.unregister(route);
  }

  /** Logs what a listener caught. */
  failed(error: unknown): void {
    const stacktrace = error instanceof Error ? (error.stack ?? "") : "";
    this.#logger.error("panic-check", { error: String(error), stacktrace });
  }

  /** Begins to follow the bus. Rejects with an `Error` when none of its servers can be reached. */
  async follow(): Promise<void> {
    const { config } = this;
    const { nats } = config;
    const logger = this.#logger.source("nats");
    const bus = await connectBus(this.#runtime, logger, { ...nats, pingIntervalMs: config.nats_client_ping_interval });
    this.#bus = bus;
    this.#subscriber = await startSubscriber(bus, this.#runtime, this.#logger.source("subscriber"), this.#registry, {
      index: config.index,
      startResponseDelayMs: config.start_response_delay_interval,
      staleThresholdMs: config.droplet_stale_threshold,
      http2: config.enable_http2,
    });
    this.#pruning = new PruneCycle({
      settings: config,
      registry: this.#registry,
      clock: this.#runtime.clock,
      log: this.#logger.source("registry"),
      connected: () => bus.connected,
    });
    this.#pruning.start();
  }

  async close(): Promise<void> {
    this.#routes.close();
    this.#pruning?.stop();
    this.#subscriber?.close();
    await this.#bus?.close();
  }
}

/**
 * A router of its own for another program, on that runtime.
 *
 * @throws Error for a configuration or a route that cannot be used, and when `nats` is given and cannot be reached.
 */
export async function createEmbeddedRouter(runtime: Runtime, options: RouterOptions): Promise<Router> {
  const config = configOf(options);
  const address = await runtime.localIp().catch(() => "127.0.0.1");
  const router = new EmbeddedRouter(runtime, config, options, address);
  if (options.nats === undefined) return router;
  try {
    await router.follow();
  } catch (error) {
    await router.close();
    const tried = error instanceof BusUnreachable ? ` (tried ${error.servers.join(", ")})` : "";
    throw new Error(`cannot connect to NATS: ${(error as Error).message}${tried}`, { cause: error });
  }
  return router;
}
