import type { Config } from "../../core/config/schema.ts";
import type { ExchangeEvents } from "../../core/observe/exchange-events.ts";
import type { Logger } from "../../core/observe/log.ts";
import type { LogCopies } from "../../core/observe/log-copies.ts";
import { RequestMetrics } from "../../core/observe/metrics.ts";
import { TableMetrics } from "../../core/observe/table-metrics.ts";
import type { Timer } from "../../runtime/interface/clock.ts";
import type { Runtime } from "../../runtime/interface.ts";
import type { Server } from "../../wire/server.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { EnvelopeReports } from "./envelope-reports.ts";
import { busMonitor, descriptorMonitor, type Monitor } from "./monitors.ts";
import { openPrometheus } from "./prometheus.ts";
import {
  logCopiesTo,
  type Metron,
  openMetron,
  type RequestObservation,
  wantsLookupTimes,
} from "./request-observation.ts";

/** What a monitor of the bus looks at: the subscriber. */
type Subscription = Parameters<typeof busMonitor>[3];

/** The metrics of a router and everything that reports them (control-plane §5). */
export class Observation implements RequestObservation {
  readonly requests: RequestMetrics;
  readonly table: TableMetrics;
  readonly #runtime: Runtime;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #prometheus: Server | undefined;
  readonly #metron: Metron;
  readonly #descriptors: Monitor;
  readonly #reports: EnvelopeReports | undefined;
  #bus: Monitor | undefined;
  #muzzle: Timer | undefined;

  private constructor(
    runtime: Runtime,
    config: Config,
    logger: Logger,
    requests: RequestMetrics,
    table: TableMetrics,
    metron: Metron,
    prometheus: Server | undefined,
  ) {
    this.#runtime = runtime;
    this.#config = config;
    this.#logger = logger;
    this.requests = requests;
    this.table = table;
    this.#prometheus = prometheus;
    this.#metron = metron;
    const { emitter } = metron;
    requests.sink = emitter;
    table.sink = emitter;
    this.#reports = emitter && new EnvelopeReports(runtime, emitter, requests, table);
    this.#descriptors = descriptorMonitor(runtime, logger, table);
  }

  /**
   * Opens what the configuration asks for (step 8 of control-plane §8.2). `refresh` brings the metrics up to date before
   * they are shown; absent: they are.
   *
   * @throws StartFailure as `MetronLink.open`.
   * @throws PlainFailure as `openPrometheus`.
   */
  static async open(
    runtime: Runtime,
    wheel: TimerWheel,
    config: Config,
    logger: Logger,
    refresh?: () => Promise<void>,
  ): Promise<Observation> {
    const { meters } = config.prometheus;
    const requests = new RequestMetrics(meters);
    const table = new TableMetrics(meters.route_registration_latency_histogram_buckets);
    const metron = await openMetron(runtime, config, logger);
    const prometheus = await openPrometheus(runtime, wheel, config, requests, table, refresh);
    return new Observation(runtime, config, logger, requests, table, metron, prometheus);
  }

  /** What hears of each attempt and request. */
  get events(): ExchangeEvents | undefined {
    return this.#metron.emitter;
  }

  /** Copies of access log lines; undefined when nobody wants a line. */
  logCopies(hasAccessLog: boolean): LogCopies | undefined {
    return logCopiesTo(this.#metron.link, this.#runtime, this.#config, this.#logger, hasAccessLog);
  }

  /** Who hears how long look-ups take; undefined: nobody asks, so they are not timed. */
  get lookupTimes(): RequestMetrics | undefined {
    return wantsLookupTimes(this.#config) ? this.requests : undefined;
  }

  /** The members start (step 15): begins to look at the bus; registrations of before the start count from later on. */
  watchBus(subscription: Subscription): void {
    this.#muzzle = this.#runtime.clock.after(
      Math.max(this.#config.route_latency_metric_muzzle_duration, 0),
      () => {
        this.table.unmuzzled = true;
      },
      true,
    );
    this.#bus = busMonitor(this.#runtime, this.#logger, this.table, subscription);
  }

  /** The router serves. */
  started(): void {
    this.#reports?.started();
  }

  /** The first monitor to end (control-plane §8.5). */
  stopBus(): void {
    this.#bus?.stop();
  }

  /** Ends the rest. */
  async stop(): Promise<void> {
    this.#descriptors.stop();
    this.#muzzle?.cancel();
    this.#reports?.stop();
    await this.#prometheus?.stopAccepting();
    this.#prometheus?.destroy();
    await this.#metron.link?.close();
  }
}
