import type { Config } from "../../core/config/schema.ts";
import type { ErrorTemplate } from "../../core/forwarding/error-template/compile.ts";
import type { AccessLogSink } from "../../core/observe/access-log-line.ts";
import type { ActiveApps } from "../../core/observe/active-apps.ts";
import type { Logger } from "../../core/observe/log.ts";
import type { Health, RouteTable } from "../../core/pipeline/parts.ts";
import { createRouter } from "../../core/router.ts";
import type { Endpoint } from "../../core/routing/endpoint.ts";
import { serverOptions, serviceTransport, transportOptions } from "../../native/wire-options.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { HeaderLines } from "../../wire/header-lines.ts";
import type { Server } from "../../wire/server.ts";
import { serve } from "../../wire/server.ts";
import type { Handler, ServerOptions } from "../../wire/server-options.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { createTransport } from "../../wire/transport.ts";
import type { IngressTls } from "./ingress-tls.ts";
import { logHttpListener, logHttpsListener } from "./listener-lines.ts";
import { MainListeners } from "./main-listeners.ts";
import { proxyOptions } from "./proxy-protocol.ts";
import type { RequestObservation } from "./request-observation.ts";
import { openServiceLoop, type ServiceLoop } from "./route-services/loop.ts";
import { listenErrorText, StartFailure } from "./start-failure.ts";
import type { SharedPorts } from "./workers/messages.ts";

/**
 * How many clients fit into a descriptor limit: each needs a second descriptor for its backend, and some are for bus,
 * status, files and the runtime itself, which keeps up to 256 free.
 */
function clientBound(descriptorLimit: number): number {
  return Math.floor((descriptorLimit - Math.min(320, Math.max(56, descriptorLimit / 6))) / 2);
}

/** What a worker gets from the supervisor. */
export interface WorkerParts {
  readonly runtime: Runtime;
  readonly config: Config;
  readonly logger: Logger;
  readonly wheel: TimerWheel;
  readonly accessLog: AccessLogSink | undefined;
  readonly activeApps: ActiveApps | undefined;
  readonly observation: RequestObservation;
  readonly health: Health;
  /** The router's own IP. */
  readonly address: string;
  readonly errorTemplate: ErrorTemplate | undefined;
  /** Undefined without a TLS listener. */
  readonly ingress: IngressTls | undefined;
}

/**
 * Owns the sockets of requests: main listeners, pipeline, connections to backends (architecture §6). One of it runs in
 * the supervisor's own process.
 */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #transport;
  #loop: ServiceLoop | undefined;
  #handle: Handler | undefined;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    const { runtime, wheel, config } = parts;
    this.#transport = createTransport(runtime, wheel, transportOptions(config));
  }

  /** The endpoint left the table. */
  forget(endpoint: Endpoint): void {
    this.#transport.forget(endpoint);
  }

  /**
   * Binds the listener of internal route services (step 11 of control-plane §8.2). Only the router itself can use it, and
   * does from `listen` on.
   *
   * @throws StartFailure when the port cannot be bound.
   */
  async openLoop(): Promise<void> {
    const { runtime, wheel, config } = this.#parts;
    const handler: Handler = (request, client) => this.#handle!(request, client);
    this.#loop = await openServiceLoop(runtime, wheel, config, handler, this.#onError);
  }

  /**
   * Opens the main ports and serves requests by that table.
   *
   * @throws StartFailure when a port cannot be bound.
   */
  async listen(registry: RouteTable): Promise<MainListeners> {
    const { config, logger, ingress } = this.#parts;
    const loop = this.#loop!;
    const handler = this.#handler(registry, loop);
    this.#handle = handler;
    const log = logger.source("router");
    let http: Server | undefined;
    if (!config.disable_http) {
      http = await this.#opened("tcp-listener-error", config.port, () => this.#listenHttp(handler, config.port));
    }
    logHttpListener(log, http);
    let https: Server | undefined;
    if (ingress !== undefined) {
      const port = config.ssl_port;
      https = await this.#opened("tls-listener-error", port, () => this.#listenHttps(handler, port, ingress));
    }
    logHttpsListener(log, https);
    return new MainListeners(http, https, loop.server);
  }

  /**
   * The same on ports that other workers listen on too, without a word in the log: the supervisor speaks for all.
   *
   * @throws StartFailure when a port cannot be bound.
   */
  async listenShared(table: RouteTable, { http, https }: SharedPorts): Promise<MainListeners> {
    const { ingress } = this.#parts;
    const loop = this.#loop!;
    const handler = this.#handler(table, loop);
    this.#handle = handler;
    const plain =
      http === undefined
        ? undefined
        : await this.#opened("tcp-listener-error", http, () => this.#listenHttp(handler, http, true));
    let secured: Server | undefined;
    if (https !== undefined && ingress !== undefined) {
      const open = (): Promise<Server> => this.#listenHttps(handler, https, ingress, true);
      try {
        secured = await this.#opened("tls-listener-error", https, open);
      } catch (error) {
        await plain?.stopAccepting();
        throw error;
      }
    }
    return new MainListeners(plain, secured, loop.server);
  }

  #handler(registry: RouteTable, loop: ServiceLoop): Handler {
    const { runtime, config, logger, wheel, accessLog, observation, activeApps, health, address, errorTemplate } =
      this.#parts;
    const router = createRouter({
      settings: config,
      registry,
      transport: this.#transport,
      clock: runtime.clock,
      random: { uuid: () => runtime.uuid(), bytes: (length) => runtime.randomBytes(length) },
      logger,
      accessLog,
      activeApps,
      metrics: observation.requests,
      events: observation.events,
      logCopies: observation.logCopies(accessLog !== undefined),
      health,
      address,
      errorTemplate,
      newHeaders: () => new HeaderLines(),
      routeServices: { external: serviceTransport(runtime, wheel, config), loop: loop.way },
    });
    return (request, client) => router.fetch(request, client);
  }

  async #listenHttp(handler: Handler, port: number, reusePort = false): Promise<Server> {
    const { runtime, config, wheel } = this.#parts;
    const listen = { host: config.listen_host, port, reusePort, crowded: true };
    if (config.listener === "native") {
      const { serveNative } = await import("../../native/native-server.ts");
      return await serveNative(runtime, { listen, onError: this.#onError }, handler);
    }
    return await serve(runtime, wheel, { listen, ...this.#serverOptions() }, handler);
  }

  #listenHttps(handler: Handler, port: number, { options: tls }: IngressTls, reusePort = false): Promise<Server> {
    const { runtime, config, wheel } = this.#parts;
    const listen = { host: config.listen_host, port, reusePort, crowded: true };
    return serve(runtime, wheel, { listen, ...this.#serverOptions(), tls }, handler);
  }

  #serverOptions(): Omit<ServerOptions, "listen"> {
    const { runtime, config, logger } = this.#parts;
    const maxConnections = clientBound(runtime.descriptorLimit());
    const proxy = proxyOptions(runtime, config, logger.source("router"));
    return { ...serverOptions(config), ...proxy, maxConnections, onError: this.#onError };
  }

  readonly #onError = (error: unknown): void =>
    this.#parts.logger.error("panic-check", { error: String(error), stacktrace: stackOf(error) });

  async #opened(failure: string, port: number, open: () => Promise<Server>): Promise<Server> {
    try {
      return await open();
    } catch (error) {
      const data = { error: listenErrorText(`${this.#parts.config.listen_host}:${port}`, error) };
      throw new StartFailure(failure, data, "router");
    }
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? "") : "";
}
