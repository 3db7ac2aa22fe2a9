import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import parse from "parse-prometheus-text-format";
import { RequestMetrics } from "../../../src/core/observe/metrics.ts";
import { TableMetrics } from "../../../src/core/observe/table-metrics.ts";
import { families } from "../../../src/status/metrics/families.ts";
import { metricsApp } from "../../../src/status/metrics/metrics-app.ts";
import { goFloat, metricsText } from "../../../src/status/metrics/text-format.ts";

/** Lines of the text that begin with that name. */
const linesOf = (text: string, name: string): string[] =>
  text.split("\n").filter((line) => new RegExp(`^${name}(_bucket|_sum|_count)?[{ ]`).test(line));
const textOf = (requests: RequestMetrics, table: TableMetrics): string => metricsText(families(requests, table));

describe("Prometheus text (control-plane §4.5, §5.3)", () => {
  it("prints numbers as Go does", () => {
    const cases: [number, string][] = [
      [0, "0"],
      [1, "1"],
      [-1, "-1"],
      [0.1, "0.1"],
      [25.6, "25.6"],
      [0.0001, "0.0001"],
      [0.00001, "1e-05"],
      [1.5e-7, "1.5e-07"],
      [100_000, "100000"],
      [999_999, "999999"],
      [1_000_000, "1e+06"],
      [1_234_567, "1.234567e+06"],
      [-2e21, "-2e+21"],
      [1e100, "1e+100"],
      [Number.POSITIVE_INFINITY, "+Inf"],
    ];
    for (const [value, text] of cases) assert.equal(goFloat(value), text);
  });

  it("shows what has no label from the start, and what has one on first use", () => {
    const text = textOf(new RequestMetrics(), new TableMetrics());
    const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    assert.deepEqual(names, [
      "backend_exhausted_conns counter",
      "backend_invalid_id counter",
      "backend_invalid_tls_cert counter",
      "backend_tls_handshake_failed counter",
      "bad_gateways counter",
      "buffered_messages gauge",
      "empty_content_length_header counter",
      "file_descriptors gauge",
      "gorouter_time histogram",
      "ms_since_last_registry_update gauge",
      "promhttp_metric_handler_errors_total counter",
      "rejected_requests counter",
      "route_lookup_time histogram",
      "route_registration_latency histogram",
      "routes_pruned counter",
      "routes_registered counter",
      "routes_unregistered counter",
      "total_dropped_messages gauge",
      "total_routes gauge",
      "websocket_failures counter",
      "websocket_upgrades counter",
    ]);
    assert.deepEqual(linesOf(text, "bad_gateways"), ["bad_gateways 0"]);
    assert.deepEqual(linesOf(text, "promhttp_metric_handler_errors_total"), [
      'promhttp_metric_handler_errors_total{cause="encoding"} 0',
      'promhttp_metric_handler_errors_total{cause="gathering"} 0',
    ]);
    assert.match(text, /^# HELP gorouter_time gorouter time per request in seconds$/m);
  });

  it("splits by component, action, class of status and source", () => {
    const requests = new RequestMetrics();
    const table = new TableMetrics();
    for (const component of ["", "b", "a", "b"]) requests.countAttempt(component);
    for (const status of [101, 200, 304, 404, 499, 526, 700]) requests.countResponse(status);
    for (const action of ["added", "updated", "added", "unmodified"]) table.registered("api", action);
    table.registered("", "added");
    table.unregistered("api", true);
    table.hashedRoutes = () => [
      ["b.com", 2],
      ["a.com/x", 1],
    ];
    table.pruned(3);
    const text = textOf(requests, table);
    assert.deepEqual(linesOf(text, "total_requests"), [
      'total_requests{component=""} 1',
      'total_requests{component="a"} 1',
      'total_requests{component="b"} 2',
    ]);
    assert.deepEqual(linesOf(text, "responses"), [
      'responses{status_group="2xx"} 1',
      'responses{status_group="3xx"} 1',
      'responses{status_group="4xx"} 2',
      'responses{status_group="5xx"} 1',
      'responses{status_group="xxx"} 2',
    ]);
    assert.deepEqual(linesOf(text, "registry_message"), [
      'registry_message{action="added",component=""} 1',
      'registry_message{action="added",component="api"} 2',
      'registry_message{action="unmodified",component="api"} 1',
      'registry_message{action="updated",component="api"} 1',
    ]);
    assert.deepEqual(linesOf(text, "unregistry_message"), ['unregistry_message{component="api"} 1']);
    assert.deepEqual(linesOf(text, "routes_pruned"), ["routes_pruned 3"]);
    assert.deepEqual(linesOf(text, "routes_registered"), ["routes_registered 3"]);
    assert.deepEqual(linesOf(text, "routes_unregistered"), ["routes_unregistered 1"]);
    assert.deepEqual(linesOf(text, "endpoints_per_pool"), [
      'endpoints_per_pool{lb_algorithm="hash",route="a.com/x"} 1',
      'endpoints_per_pool{lb_algorithm="hash",route="b.com"} 2',
    ]);
  });

  it("escapes label values", () => {
    const requests = new RequestMetrics();
    requests.countAttempt('a"b\\c\nd');
    assert.deepEqual(linesOf(textOf(requests, new TableMetrics()), "total_requests"), [
      'total_requests{component="a\\"b\\\\c\\nd"} 1',
    ]);
  });

  it("cumulates buckets", () => {
    const requests = new RequestMetrics({
      route_lookup_time_histogram_buckets: [1e6, 2e6],
      gorouter_time_histogram_buckets: [0.1, 1],
      routing_response_latency_histogram_buckets: [1, 2.5],
      http_latency_histogram_buckets: [0.1],
    });
    requests.observeLatency("api", 1);
    requests.observeLatency("api", 2);
    requests.observeLatency("api", 3);
    requests.observeGorouterTime(500);
    requests.observeLookup(1_500_000);
    requests.observeHttpLatency("app", 0.25);
    const text = textOf(requests, new TableMetrics());
    assert.deepEqual(linesOf(text, "latency"), [
      'latency_bucket{component="api",le="1"} 1',
      'latency_bucket{component="api",le="2.5"} 2',
      'latency_bucket{component="api",le="+Inf"} 3',
      'latency_sum{component="api"} 6',
      'latency_count{component="api"} 3',
    ]);
    assert.deepEqual(linesOf(text, "gorouter_time"), [
      'gorouter_time_bucket{le="0.1"} 0',
      'gorouter_time_bucket{le="1"} 1',
      'gorouter_time_bucket{le="+Inf"} 1',
      "gorouter_time_sum 0.5",
      "gorouter_time_count 1",
    ]);
    assert.deepEqual(linesOf(text, "route_lookup_time"), [
      'route_lookup_time_bucket{le="1e+06"} 0',
      'route_lookup_time_bucket{le="2e+06"} 1',
      'route_lookup_time_bucket{le="+Inf"} 1',
      "route_lookup_time_sum 1.5e+06",
      "route_lookup_time_count 1",
    ]);
    assert.equal(linesOf(text, "http_latency_seconds").at(-2), 'http_latency_seconds_sum{source_id="app"} 0.25');
  });

  it("is understood by a Prometheus parser", () => {
    const requests = new RequestMetrics();
    requests.countAttempt("api");
    requests.observeLatency("api", 7);
    const parsed = parse(textOf(requests, new TableMetrics()));
    const latency = parsed.find(({ name }) => name === "latency")!;
    assert.equal(latency.type, "HISTOGRAM");
    assert.equal(parsed.length, 23);
  });
});

describe("Prometheus listener (control-plane §4.5)", () => {
  const app = metricsApp(() => families(new RequestMetrics(), new TableMetrics()));
  const ask = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    await app.fetch(new Request(`http://127.0.0.1:9100${path}`, { headers }));

  it("answers in the classic format whatever the client prefers", async () => {
    const response = await ask("/metrics", { accept: "application/openmetrics-text;version=1.0.0" });
    assert.equal(response.status, 200);
    assert.equal(
      response.headers.get("content-type"),
      "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
    );
    assert.match(await response.text(), /^# HELP backend_exhausted_conns /);
  });

  it("compresses for those who ask", async () => {
    for (const [accepted, coding] of [
      ["gzip, deflate", "gzip"],
      ["deflate;q=1, GZIP;q=0.5", "gzip"],
      ["*", "gzip"],
      ["gzip;q=0", null],
      ["identity", null],
    ] as const) {
      const response = await ask("/metrics", { "accept-encoding": accepted });
      assert.equal(response.headers.get("content-encoding"), coding);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const text = coding === null ? new TextDecoder().decode(bytes) : gunzipSync(bytes).toString();
      assert.match(text, /websocket_upgrades 0\n$/);
    }
  });

  it("knows no other path", async () => {
    const response = await ask("/");
    assert.deepEqual([response.status, await response.text()], [404, "404 page not found\n"]);
  });
});
