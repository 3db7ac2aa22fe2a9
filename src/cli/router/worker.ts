import type { Config } from "../../core/config/schema.ts";
import type { ErrorTemplate } from "../../core/forwarding/error-template/compile.ts";
import type { AccessLogSink } from "../../core/observe/access-log-line.ts";
import type { Logger } from "../../core/observe/log.ts";
import type { RequestMetrics } from "../../core/observe/metrics.ts";
import type { Health } from "../../core/pipeline/parts.ts";
import { createRouter } from "../../core/router.ts";
import type { Endpoint } from "../../core/routing/endpoint.ts";
import type { Registry } from "../../core/routing/registry.ts";
import { serveNative } from "../../native/native-server.ts";
import { serverOptions, transportOptions } from "../../native/wire-options.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { HeaderLines } from "../../wire/header-lines.ts";
import type { Server } from "../../wire/server.ts";
import { serve } from "../../wire/server.ts";
import type { Handler } from "../../wire/server-options.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { createTransport } from "../../wire/transport.ts";
import { listenErrorText, StartFailure } from "./start-failure.ts";

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
  readonly metrics: RequestMetrics;
  readonly health: Health;
  /** The router's own IP. */
  readonly address: string;
  readonly errorTemplate: ErrorTemplate | undefined;
}

/**
 * Owns the sockets of requests: main listeners, pipeline, connections to backends (architecture §6). One of it runs in
 * the supervisor's own process.
 */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #transport;
  #server: Server | undefined;

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
   * Opens the main port and serves requests by that table.
   *
   * @throws StartFailure when the port cannot be bound.
   */
  async listen(registry: Registry): Promise<Server> {
    const { runtime, config, logger, wheel, accessLog, metrics, health, address, errorTemplate } = this.#parts;
    const router = createRouter({
      settings: config,
      registry,
      transport: this.#transport,
      clock: runtime.clock,
      random: { uuid: () => runtime.uuid(), bytes: (length) => runtime.randomBytes(length) },
      logger,
      accessLog,
      metrics,
      health,
      address,
      errorTemplate,
      newHeaders: () => new HeaderLines(),
    });
    const listen = { host: config.listen_host, port: config.port };
    const onError = (error: unknown): void =>
      logger.error("panic-check", { error: String(error), stacktrace: stackOf(error) });
    const handler: Handler = (request, client) => router.fetch(request, client);
    try {
      if (config.listener === "native") this.#server = await serveNative(runtime, { listen, onError }, handler);
      else {
        const maxConnections = clientBound(runtime.descriptorLimit());
        this.#server = await serve(
          runtime,
          wheel,
          { listen, ...serverOptions(config), maxConnections, onError },
          handler,
        );
      }
    } catch (error) {
      const data = { error: listenErrorText(`${config.listen_host}:${config.port}`, error) };
      throw new StartFailure("tcp-listener-error", data, "router");
    }
    return this.#server;
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? "") : "";
}
