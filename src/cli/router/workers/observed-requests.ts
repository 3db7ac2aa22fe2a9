import type { Config } from "../../../core/config/schema.ts";
import type { ActiveApps } from "../../../core/observe/active-apps.ts";
import type { ExchangeEvents } from "../../../core/observe/exchange-events.ts";
import type { Logger } from "../../../core/observe/log.ts";
import type { LogCopies } from "../../../core/observe/log-copies.ts";
import { RequestMetrics } from "../../../core/observe/metrics.ts";
import { SampleRecorder, takeReport } from "../../../core/observe/request-report.ts";
import type { Runtime } from "../../../runtime/interface.ts";
import { logCopiesTo, type Metron, openMetron, type RequestObservation, wantsVarz } from "../request-observation.ts";
import type { WorkerReport } from "./messages.ts";

/** What a worker process keeps of its requests: counts until the supervisor asks, events and copies on their way to metron. */
export class ObservedRequests implements RequestObservation {
  readonly requests: RequestMetrics;
  readonly #runtime: Runtime;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #metron: Metron;
  readonly #recorder: SampleRecorder | undefined;
  #reportedAt = 0;

  private constructor(runtime: Runtime, config: Config, logger: Logger, metron: Metron) {
    this.#runtime = runtime;
    this.#config = config;
    this.#logger = logger;
    this.#metron = metron;
    this.requests = new RequestMetrics(config.prometheus.meters);
    this.requests.sink = metron.emitter;
    this.#recorder = wantsVarz(config) ? new SampleRecorder() : undefined;
    this.requests.samples = this.#recorder;
  }

  /** @throws StartFailure as `MetronLink.open`. */
  static async open(runtime: Runtime, config: Config, logger: Logger): Promise<ObservedRequests> {
    return new ObservedRequests(runtime, config, logger, await openMetron(runtime, config, logger));
  }

  get events(): ExchangeEvents | undefined {
    return this.#metron.emitter;
  }

  logCopies(hasAccessLog: boolean): LogCopies | undefined {
    return logCopiesTo(this.#metron.link, this.#runtime, this.#config, this.#logger, hasAccessLog);
  }

  /** What happened since the last report. */
  async report(activeApps: ActiveApps | undefined): Promise<WorkerReport> {
    const descriptors = await this.#runtime.openDescriptors();
    const since = this.#reportedAt;
    const now = this.#runtime.clock.monotonic();
    this.#reportedAt = now;
    return {
      requests: takeReport(this.requests, this.#recorder),
      activeApps: (activeApps?.timesSince(since) ?? []).map(([app, time]) => [app, now - time]),
      usage: this.#runtime.usage(),
      descriptors,
    };
  }

  /** Resolves when everything has left. */
  async close(): Promise<void> {
    await this.#metron.link?.close();
  }
}
