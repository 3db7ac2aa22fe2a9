import type { Config } from "../../core/config/schema.ts";
import type { Logger } from "../../core/observe/log.ts";
import { RequestMetrics } from "../../core/observe/metrics.ts";
import { TableMetrics } from "../../core/observe/table-metrics.ts";
import type { Runtime } from "../../runtime/interface.ts";
import type { Server } from "../../wire/server.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { busMonitor, descriptorMonitor, type Monitor } from "./monitors.ts";
import { openPrometheus } from "./prometheus.ts";

/** What a monitor of the bus looks at: the subscriber. */
type Subscription = Parameters<typeof busMonitor>[3];

/** The metrics of a router and everything that reports them (control-plane §5). */
export class Observation {
  readonly requests: RequestMetrics;
  readonly table: TableMetrics;
  readonly #runtime: Runtime;
  readonly #logger: Logger;
  readonly #prometheus: Server | undefined;
  readonly #descriptors: Monitor;
  #bus: Monitor | undefined;

  private constructor(
    runtime: Runtime,
    logger: Logger,
    requests: RequestMetrics,
    table: TableMetrics,
    prometheus: Server | undefined,
  ) {
    this.#runtime = runtime;
    this.#logger = logger;
    this.requests = requests;
    this.table = table;
    this.#prometheus = prometheus;
    this.#descriptors = descriptorMonitor(runtime, logger, table);
  }

  /**
   * Opens what the configuration asks for (step 8 of control-plane §8.2).
   *
   * @throws PlainFailure as `openPrometheus`.
   */
  static async open(runtime: Runtime, wheel: TimerWheel, config: Config, logger: Logger): Promise<Observation> {
    const { meters } = config.prometheus;
    const requests = new RequestMetrics(meters);
    const table = new TableMetrics(meters.route_registration_latency_histogram_buckets);
    const prometheus = await openPrometheus(runtime, wheel, config, requests, table);
    return new Observation(runtime, logger, requests, table, prometheus);
  }

  /** Who hears how long look-ups take; undefined: nobody asks, so they are not timed. */
  lookupTimes(config: Config): RequestMetrics | undefined {
    return config.per_request_metrics_reporting && config.prometheus.enabled ? this.requests : undefined;
  }

  /** Begins to look at the bus. */
  watchBus(subscription: Subscription): void {
    this.#bus = busMonitor(this.#runtime, this.#logger, this.table, subscription);
  }

  /** The first monitor to end (control-plane §8.5). */
  stopBus(): void {
    this.#bus?.stop();
  }

  /** Ends the rest. */
  async stop(): Promise<void> {
    this.#descriptors.stop();
    await this.#prometheus?.stopAccepting();
    this.#prometheus?.destroy();
  }
}
