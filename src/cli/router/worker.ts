import type { Config } from "../../core/config/schema.ts";
import type { AccessLogSink } from "../../core/observe/access-log-line.ts";
import type { Logger } from "../../core/observe/log.ts";
import type { RequestMetrics } from "../../core/observe/metrics.ts";
import type { Health } from "../../core/pipeline/parts.ts";
import { createRouter } from "../../core/router.ts";
import type { Endpoint } from "../../core/routing/endpoint.ts";
import type { Registry } from "../../core/routing/registry.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { HeaderLines } from "../../wire/header-lines.ts";
import type { Server } from "../../wire/server.ts";
import { serve } from "../../wire/server.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { createTransport } from "../../wire/transport.ts";
import { listenErrorText, StartFailure } from "./start-failure.ts";

/** The largest request head the listener parses: upstream's library limit with its slack (data-plane §1.2). */
const maxHeadBytes = 1_048_576 + 4096;
/** Idle connections to backends are kept this long (data-plane §4.7), in milliseconds. */
const idleBackendMs = 90_000;
/** Share of the descriptor limit that client connections may take; the rest is for backends, bus, status and files. */
const clientShare = 0.5;

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
    this.#transport = createTransport(runtime, wheel, {
      dialTimeoutMs: config.endpoint_dial_timeout,
      keepAliveProbeMs: config.endpoint_keep_alive_probe_interval,
      keepAlive: !config.disable_keep_alives,
      maxIdlePerEndpoint: config.max_idle_conns_per_host,
      maxIdle: config.max_idle_conns,
      idleTimeoutMs: idleBackendMs,
      maxResponseHeadBytes: config.max_response_header_bytes,
      maxResponseHeaderLines: config.max_response_headers,
    });
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
    const { runtime, config, logger, wheel, accessLog, metrics, health, address } = this.#parts;
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
      newHeaders: () => new HeaderLines(),
    });
    try {
      this.#server = await serve(
        runtime,
        wheel,
        {
          listen: { host: config.listen_host, port: config.port },
          limits: { maxBytes: maxHeadBytes, maxLines: 0 },
          idleTimeoutMs: Math.max(config.frontend_idle_timeout, 0),
          readHeaderTimeoutMs: Math.max(config.read_header_timeout, 0),
          concurrentReadWrite: config.enable_http1_concurrent_read_write,
          maxConnections: Math.floor(runtime.descriptorLimit() * clientShare),
          onError: (error) => logger.error("panic-check", { error: String(error), stacktrace: stackOf(error) }),
        },
        (request, client) => router.fetch(request, client),
      );
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
