import type { Config } from "../../core/config/schema.ts";
import { EnvelopeEmitter } from "../../core/observe/envelope/emitter.ts";
import { logMessage } from "../../core/observe/envelope/envelope.ts";
import type { ExchangeEvents } from "../../core/observe/exchange-events.ts";
import type { Logger } from "../../core/observe/log.ts";
import { LogCopies } from "../../core/observe/log-copies.ts";
import type { RequestMetrics } from "../../core/observe/metrics.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { MetronLink } from "./metron.ts";

/** The way to metron and who uses it; without either an empty one. */
export interface Metron {
  readonly link: MetronLink | undefined;
  /** Undefined: `enable_envelope_v1_metrics` is off. */
  readonly emitter: EnvelopeEmitter | undefined;
}

/** The part of an observation that requests need; a worker process loads no more than this. */
export interface RequestObservation {
  readonly requests: RequestMetrics;
  /** What hears of each attempt and request. */
  readonly events: ExchangeEvents | undefined;
  /** Copies of access log lines; undefined when nobody wants a line. */
  logCopies(hasAccessLog: boolean): LogCopies | undefined;
}

/** @throws StartFailure as `MetronLink.open`. */
export async function openMetron(runtime: Runtime, config: Config, logger: Logger): Promise<Metron> {
  const { enable_envelope_v1_metrics: metrics, logging } = config;
  if (!metrics && !logging.loggregator_enabled) return { link: undefined, emitter: undefined };
  const link = await MetronLink.open(runtime, logger.source("metricsreporter"), logging.metron_address);
  return { link, emitter: metrics ? new EnvelopeEmitter(runtime.clock, link, config) : undefined };
}

/** Whether anybody asks how long look-ups take. */
export function wantsLookupTimes(config: Config): boolean {
  const { per_request_metrics_reporting: wanted, prometheus, enable_envelope_v1_metrics: envelopes } = config;
  return wanted && (prometheus.enabled || envelopes);
}

/** Whether `VarzComponent` takes the place of the health listener. */
export function wantsVarz({ status }: Pick<Config, "status">): boolean {
  return status.enable_nontls_health_checks && status.enable_deprecated_varz_healthz_endpoints;
}

/** Copies of access log lines on their way to metron; undefined when nobody wants a line. */
export function logCopiesTo(
  link: MetronLink | undefined,
  { clock }: Runtime,
  { logging, index }: Config,
  logger: Logger,
  hasAccessLog: boolean,
): LogCopies | undefined {
  if (!hasAccessLog && !logging.loggregator_enabled) return undefined;
  const instance = String(index);
  const send =
    link === undefined || !logging.loggregator_enabled
      ? undefined
      : (line: string, appId: string, tags: ReadonlyMap<string, string> | null): void => {
          if (!link.muted) link.send(logMessage(clock.now(), line, appId, instance, tags), "LogMessage");
        };
  return new LogCopies(send, instance, logger);
}
