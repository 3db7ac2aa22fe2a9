import { Histogram, histogramOf } from "./histogram.ts";
import type { MeasurementSink } from "./measurement-sink.ts";

/** The counters that one field of `RequestMetrics` each stands for; the error table names them. */
export type FailureCounter = "badGateways" | "backendInvalidId" | "backendInvalidTlsCert" | "backendTlsHandshakeFailed";

/** Upper bounds of histogram buckets; keys as in `prometheus.meters`. */
export interface RequestBuckets {
  /** Nanoseconds. */
  readonly route_lookup_time_histogram_buckets: readonly number[];
  /** Seconds. */
  readonly gorouter_time_histogram_buckets: readonly number[];
  /** Milliseconds, of `latency`. */
  readonly routing_response_latency_histogram_buckets: readonly number[];
  /** Seconds, of `http_latency_seconds`. */
  readonly http_latency_histogram_buckets: readonly number[];
}

const responseBounds = [1, 2, 4, 6, 8, 10, 20, 40, 50, 100, 500, 1000];
const defaultBuckets: RequestBuckets = {
  route_lookup_time_histogram_buckets: [10e3, 20e3, 30e3, 40e3, 50e3, 60e3, 70e3, 80e3, 90e3, 100e3],
  gorouter_time_histogram_buckets: responseBounds,
  routing_response_latency_histogram_buckets: responseBounds,
  http_latency_histogram_buckets: [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6],
};

/** What is asked of an endpoint. */
export interface SampledEndpoint {
  /** The tag `component`; empty: none. */
  readonly component: string;
  readonly applicationId: string;
}

/** Hears of single requests, for what counters cannot tell (`/varz`). `now`: milliseconds of a clock that never jumps. */
export interface RequestSampling {
  /** A backend attempt begins. */
  attempted(endpoint: SampledEndpoint, now: number): void;
  /** A request that had come to its backend phase is over. */
  answered(component: string, status: number, milliseconds: number, now: number): void;
}

/** How long a certificate is still valid. */
export interface CertificateExpiry {
  /** Place in the configuration and subject: `tls_pem[0] CN=example.com`. */
  readonly certificate: string;
  /** Days until it expires, with a fraction; negative afterwards. */
  daysLeft(): number;
}

/** What requests are counted into (data-plane §11.1, control-plane §5); exposed elsewhere. */
export class RequestMetrics {
  /** The certificates of the main TLS listener; undefined without one. */
  certificates: { expiries(): readonly CertificateExpiry[] } | undefined;
  /** Hears of single measurements, too; undefined: nobody. */
  sink: MeasurementSink | undefined = undefined;
  /** What the deprecated varz component shows; undefined while it is off. */
  samples: RequestSampling | undefined = undefined;

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
  /** Milliseconds from receipt to the end of the response, of endpoints without a `component` tag. */
  readonly latency: Histogram;
  /** The same of endpoints with one, by tag. */
  readonly latencyByComponent = new Map<string, Histogram>();
  /** Seconds that the router itself took: whole time without the backend phase. */
  readonly gorouterTime: Histogram;
  /** Nanoseconds per look-up in the routing table. */
  readonly routeLookupTime: Histogram;
  /** Seconds from receipt to the end, by `source_id` tag of the endpoint; `gorouter` where there is none. */
  readonly httpLatencyBySource = new Map<string, Histogram>();
  readonly buckets: RequestBuckets;

  constructor(buckets: RequestBuckets = defaultBuckets) {
    this.buckets = buckets;
    this.latency = new Histogram(buckets.routing_response_latency_histogram_buckets);
    this.gorouterTime = new Histogram(buckets.gorouter_time_histogram_buckets);
    this.routeLookupTime = new Histogram(buckets.route_lookup_time_histogram_buckets);
  }

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
    if (component === "") this.latency.observe(milliseconds);
    else {
      const bounds = this.buckets.routing_response_latency_histogram_buckets;
      histogramOf(this.latencyByComponent, component, bounds).observe(milliseconds);
    }
    if (this.sink === undefined) return;
    this.sink.value("latency", Math.trunc(milliseconds), "ms");
    if (component !== "") this.sink.value(`latency.${component}`, Math.trunc(milliseconds), "ms");
  }

  observeGorouterTime(milliseconds: number): void {
    this.gorouterTime.observe(milliseconds / 1000);
    this.sink?.value("gorouter_time", milliseconds, "ms");
  }

  observeLookup(nanoseconds: number): void {
    const whole = Math.round(nanoseconds);
    this.routeLookupTime.observe(whole);
    this.sink?.value("route_lookup_time", whole, "ns");
  }

  observeHttpLatency(sourceId: string, seconds: number): void {
    histogramOf(this.httpLatencyBySource, sourceId, this.buckets.http_latency_histogram_buckets).observe(seconds);
  }
}
