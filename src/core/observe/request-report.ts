import type { Histogram } from "./histogram.ts";
import { histogramOf } from "./histogram.ts";
import type { RequestMetrics, RequestSampling, SampledEndpoint } from "./metrics.ts";

/** Fields of `RequestMetrics` that only grow. */
const counters = [
  "totalRequests",
  "rejectedRequests",
  "badGateways",
  "backendInvalidId",
  "backendInvalidTlsCert",
  "backendTlsHandshakeFailed",
  "backendExhaustedConns",
  "websocketUpgrades",
  "websocketFailures",
  "emptyContentLengthHeader",
  "responses",
  "responses2xx",
  "responses3xx",
  "responses4xx",
  "responses5xx",
  "responsesXxx",
] as const;

type HistogramReport = readonly [counts: readonly number[], sum: number];

/** What a worker counted since its last report, as JSON can carry it. */
export interface RequestReport {
  /** In the order of `counters`. */
  readonly counters: readonly number[];
  readonly requestsByComponent: readonly (readonly [string, number])[];
  readonly latency: HistogramReport;
  readonly gorouterTime: HistogramReport;
  readonly routeLookupTime: HistogramReport;
  readonly latencyByComponent: readonly (readonly [string, ...HistogramReport])[];
  readonly httpLatencyBySource: readonly (readonly [string, ...HistogramReport])[];
  readonly samples: readonly Sample[];
}

/** An attempt, or an answer of a request that had come to its backend phase. */
type Sample =
  | readonly ["attempted", component: string, applicationId: string]
  | readonly ["answered", component: string, status: number, milliseconds: number];

/** Keeps what `/varz` wants to know of single requests until it is reported. */
export class SampleRecorder implements RequestSampling {
  #samples: Sample[] = [];

  attempted({ component, applicationId }: SampledEndpoint): void {
    this.#samples.push(["attempted", component, applicationId]);
  }

  answered(component: string, status: number, milliseconds: number): void {
    this.#samples.push(["answered", component, status, milliseconds]);
  }

  take(): readonly Sample[] {
    const taken = this.#samples;
    this.#samples = [];
    return taken;
  }
}

function takeHistogram(histogram: Histogram): HistogramReport {
  const report: HistogramReport = [Array.from(histogram.counts), histogram.sum];
  histogram.counts.fill(0);
  histogram.count = 0;
  histogram.sum = 0;
  return report;
}

function addHistogram(histogram: Histogram, [counts, sum]: HistogramReport): void {
  for (const [index, count] of counts.entries()) {
    histogram.counts[index] = histogram.counts[index]! + count;
    histogram.count += count;
  }
  histogram.sum += sum;
}

function takeMap<Value, Report>(map: Map<string, Value>, report: (name: string, value: Value) => Report): Report[] {
  const reports = Array.from(map, ([name, value]) => report(name, value));
  map.clear();
  return reports;
}

/** What was counted since the last call; `metrics` begin anew. */
export function takeReport(metrics: RequestMetrics, recorder: SampleRecorder | undefined): RequestReport {
  const report: RequestReport = {
    counters: counters.map((name) => metrics[name]),
    requestsByComponent: takeMap(metrics.requestsByComponent, (name, count) => [name, count] as const),
    latency: takeHistogram(metrics.latency),
    gorouterTime: takeHistogram(metrics.gorouterTime),
    routeLookupTime: takeHistogram(metrics.routeLookupTime),
    latencyByComponent: takeMap(metrics.latencyByComponent, (name, found) => [name, ...takeHistogram(found)] as const),
    httpLatencyBySource: takeMap(
      metrics.httpLatencyBySource,
      (name, found) => [name, ...takeHistogram(found)] as const,
    ),
    samples: recorder?.take() ?? [],
  };
  for (const name of counters) metrics[name] = 0;
  return report;
}

/** Adds a worker's report to the metrics of all. `now`: milliseconds of a clock that never jumps. */
export function addReport(metrics: RequestMetrics, report: RequestReport, now: number): void {
  for (const [index, name] of counters.entries()) metrics[name] += report.counters[index] ?? 0;
  for (const [name, count] of report.requestsByComponent) {
    metrics.requestsByComponent.set(name, (metrics.requestsByComponent.get(name) ?? 0) + count);
  }
  addHistogram(metrics.latency, report.latency);
  addHistogram(metrics.gorouterTime, report.gorouterTime);
  addHistogram(metrics.routeLookupTime, report.routeLookupTime);
  const { buckets } = metrics;
  for (const [name, ...found] of report.latencyByComponent) {
    const bounds = buckets.routing_response_latency_histogram_buckets;
    addHistogram(histogramOf(metrics.latencyByComponent, name, bounds), found);
  }
  for (const [name, ...found] of report.httpLatencyBySource) {
    addHistogram(histogramOf(metrics.httpLatencyBySource, name, buckets.http_latency_histogram_buckets), found);
  }
  for (const sample of report.samples) {
    if (sample[0] === "answered") metrics.samples?.answered(sample[1], sample[2], sample[3], now);
    else metrics.samples?.attempted({ component: sample[1], applicationId: sample[2] }, now);
  }
}
