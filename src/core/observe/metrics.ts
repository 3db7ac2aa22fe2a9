/** Counts values into buckets (upper bounds inclusive); plain numbers, turned into text when scraped. */
export class Histogram {
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** Values per bucket, not cumulated; the last one is above all bounds. */
  readonly counts: Float64Array;
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const bounds = this.bounds;
    let index = 0;
    while (index < bounds.length && value > bounds[index]!) index += 1;
    this.counts[index] = this.counts[index]! + 1;
    this.count += 1;
    this.sum += value;
  }
}

const latencyBounds = [1, 2, 4, 6, 8, 10, 20, 40, 50, 100, 500, 1000];
const lookupBounds = [10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000, 80_000, 90_000, 100_000];
const sourceBounds = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6];

/** The counters that one field of `RequestMetrics` each stands for; the error table names them. */
export type FailureCounter = "badGateways" | "backendInvalidId" | "backendInvalidTlsCert" | "backendTlsHandshakeFailed";

/** What requests are counted into (data-plane §11.1, control-plane §5); exposed elsewhere. */
export class RequestMetrics {
  /** Backend attempts, retries included. */
  totalRequests = 0;
  /** The part of `totalRequests` whose endpoint has a `component` tag, by tag. */
  readonly requestsByComponent = new Map<string, number>();
  rejectedRequests = 0;
  badGateways = 0;
  backendInvalidId = 0;
  backendInvalidTlsCert = 0;
  backendTlsHandshakeFailed = 0;
  backendExhaustedConns = 0;
  websocketUpgrades = 0;
  websocketFailures = 0;
  emptyContentLengthHeader = 0;
  /** Requests for which an endpoint had been chosen, by status; `xxx` is everything outside 200 to 599. */
  responses = 0;
  responses2xx = 0;
  responses3xx = 0;
  responses4xx = 0;
  responses5xx = 0;
  responsesXxx = 0;
  /** Milliseconds from receipt to the end of the response; requests without a `component` tag included. */
  readonly latency = new Histogram(latencyBounds);
  /** The part of `latency` whose endpoint has a `component` tag, by tag. */
  readonly latencyByComponent = new Map<string, Histogram>();
  /** Milliseconds that the router itself took: whole time without the backend phase. */
  readonly gorouterTime = new Histogram(latencyBounds);
  /** Nanoseconds per look-up in the routing table. */
  readonly routeLookupTime = new Histogram(lookupBounds);
  /** Seconds from receipt to the end, by `source_id` tag of the endpoint; `gorouter` where there is none. */
  readonly httpLatencyBySource = new Map<string, Histogram>();

  countResponse(status: number): void {
    this.responses += 1;
    if (status >= 200 && status < 300) this.responses2xx += 1;
    else if (status >= 300 && status < 400) this.responses3xx += 1;
    else if (status >= 400 && status < 500) this.responses4xx += 1;
    else if (status >= 500 && status < 600) this.responses5xx += 1;
    else this.responsesXxx += 1;
  }

  countAttempt(component: string): void {
    this.totalRequests += 1;
    if (component !== "") {
      this.requestsByComponent.set(component, (this.requestsByComponent.get(component) ?? 0) + 1);
    }
  }

  observeLatency(component: string, milliseconds: number): void {
    this.latency.observe(milliseconds);
    if (component !== "") histogramOf(this.latencyByComponent, component, latencyBounds).observe(milliseconds);
  }

  observeHttpLatency(sourceId: string, seconds: number): void {
    histogramOf(this.httpLatencyBySource, sourceId, sourceBounds).observe(seconds);
  }
}

function histogramOf(map: Map<string, Histogram>, key: string, bounds: readonly number[]): Histogram {
  let histogram = map.get(key);
  if (histogram === undefined) {
    histogram = new Histogram(bounds);
    map.set(key, histogram);
  }
  return histogram;
}
