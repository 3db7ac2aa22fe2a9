import type { Histogram } from "../../core/observe/histogram.ts";
import type { RequestMetrics } from "../../core/observe/metrics.ts";
import type { TableMetrics } from "../../core/observe/table-metrics.ts";
import type { Family, Sample } from "./text-format.ts";

const counter = (name: string, help: string, ...samples: Sample<number>[]): Family => ({
  name,
  help,
  type: "counter",
  samples,
});
const gauge = (name: string, help: string, ...samples: Sample<number>[]): Family => ({
  name,
  help,
  type: "gauge",
  samples,
});
const histogram = (name: string, help: string, ...samples: Sample<Histogram>[]): Family => ({
  name,
  help,
  type: "histogram",
  samples,
});
const alone = <T>(value: T): Sample<T> => ({ labels: [], value });
const labelled = <T>(name: string, label: string, value: T): Sample<T> => ({ labels: [[name, label]], value });
/** Labelled samples appear on first use. */
const used = (samples: Sample<number>[]): Sample<number>[] => samples.filter(({ value }) => value > 0);

function registryMessages(table: TableMetrics): Sample<number>[] {
  return [...table.registryMessages].flatMap(([component, actions]) =>
    [...actions].map(([action, { value }]) => ({
      labels: [["action", action] as const, ["component", component] as const],
      value,
    })),
  );
}

/** Attempts by component; the ones without are what the others leave of the whole. */
function totalRequests(requests: RequestMetrics): Sample<number>[] {
  let plain = requests.totalRequests;
  const samples: Sample<number>[] = [];
  for (const [component, value] of requests.requestsByComponent) {
    plain -= value;
    samples.push(labelled("component", component, value));
  }
  return used([labelled("component", "", plain), ...samples]);
}

function latencies(requests: RequestMetrics): Sample<Histogram>[] {
  const samples = Array.from(requests.latencyByComponent, ([component, value]) =>
    labelled("component", component, value),
  );
  return requests.latency.count === 0 ? samples : [labelled("component", "", requests.latency), ...samples];
}

function responses(requests: RequestMetrics): Sample<number>[] {
  return used([
    labelled("status_group", "2xx", requests.responses2xx),
    labelled("status_group", "3xx", requests.responses3xx),
    labelled("status_group", "4xx", requests.responses4xx),
    labelled("status_group", "5xx", requests.responses5xx),
    labelled("status_group", "xxx", requests.responsesXxx),
  ]);
}

/** Sizes of the pools that hash-based routing serves (control-plane §9). */
function poolSizes(table: TableMetrics): Sample<number>[] {
  return Array.from(table.hashedRoutes(), ([route, value]) => ({
    labels: [["lb_algorithm", "hash"] as const, ["route", route] as const],
    value,
  }));
}

/** Our own: nothing without a TLS listener. */
function certificateExpiries({ certificates }: RequestMetrics): Family[] {
  if (certificates === undefined) return [];
  const samples = certificates
    .expiries()
    .map(({ certificate, daysLeft }) => labelled("certificate", certificate, daysLeft()));
  return [gauge("tls_certificate_days_to_expiry", "days until a certificate of tls_pem expires", ...samples)];
}

/** Every metric of control-plane §5.3 and §9 with its help text, from the plain numbers of requests and table. */
export function families(requests: RequestMetrics, table: TableMetrics): Family[] {
  const unregistrations = Array.from(table.unregistryMessages, ([component, { value }]) =>
    labelled("component", component, value),
  );
  const perApp = Array.from(requests.httpLatencyBySource, ([source, value]) => labelled("source_id", source, value));
  const handlerErrors = "Total number of internal errors encountered by the promhttp metric handler.";
  return [
    counter("registry_message", "number of route registration messages", ...registryMessages(table)),
    counter("unregistry_message", "number of unregister messages", ...unregistrations),
    counter("routes_pruned", "number of pruned routes", alone(table.routesPruned)),
    counter("routes_registered", "number of endpoints added to routes", alone(table.routesRegistered)),
    counter("routes_unregistered", "number of endpoints unregistered from routes", alone(table.routesUnregistered)),
    gauge("endpoints_per_pool", "number of endpoints per pool", ...poolSizes(table)),
    gauge("total_routes", "number of total routes", alone(table.totalRoutes)),
    gauge("ms_since_last_registry_update", "time since last registry update in ms", alone(table.sinceLastUpdateMs)),
    histogram("route_lookup_time", "route lookup time per request in ns", alone(requests.routeLookupTime)),
    histogram("gorouter_time", "gorouter time per request in seconds", alone(requests.gorouterTime)),
    histogram("route_registration_latency", "route registration latency in ms", alone(table.registrationLatencyMs)),
    counter("total_requests", "number of routing requests", ...totalRequests(requests)),
    counter("rejected_requests", "number of rejected requests", alone(requests.rejectedRequests)),
    counter("bad_gateways", "number of bad gateway errors received from backends", alone(requests.badGateways)),
    counter(
      "empty_content_length_header",
      "number of requests with the empty content length header",
      alone(requests.emptyContentLengthHeader),
    ),
    counter(
      "backend_invalid_id",
      "number of bad backend id errors received from backends",
      alone(requests.backendInvalidId),
    ),
    counter(
      "backend_invalid_tls_cert",
      "number of tls certificate errors received from backends",
      alone(requests.backendInvalidTlsCert),
    ),
    counter(
      "backend_tls_handshake_failed",
      "number of backend handshake errors",
      alone(requests.backendTlsHandshakeFailed),
    ),
    counter(
      "backend_exhausted_conns",
      "number of errors related to backend connection limit reached",
      alone(requests.backendExhaustedConns),
    ),
    counter("websocket_upgrades", "websocket upgrade to websocket", alone(requests.websocketUpgrades)),
    counter("websocket_failures", "websocket failure", alone(requests.websocketFailures)),
    counter("responses", "number of responses", ...responses(requests)),
    histogram("latency", "routing response latency in ms", ...latencies(requests)),
    gauge("file_descriptors", "number of file descriptors found", alone(table.fileDescriptors)),
    gauge("buffered_messages", "number of buffered messages in NATS", alone(table.bufferedMessages)),
    gauge("total_dropped_messages", "number of total dropped messages in NATS", alone(table.droppedMessages)),
    histogram("http_latency_seconds", "the latency of http requests from gorouter and back in sec", ...perApp),
    ...certificateExpiries(requests),
    counter(
      "promhttp_metric_handler_errors_total",
      handlerErrors,
      labelled("cause", "encoding", 0),
      labelled("cause", "gathering", 0),
    ),
  ];
}
