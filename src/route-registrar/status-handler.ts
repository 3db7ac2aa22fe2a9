import type { Handler } from "../wire/server-options.ts";
import type { NatsLink } from "./nats-link.ts";
import type { Registrar } from "./registrar.ts";
import type { RouteWorker } from "./route-worker.ts";

const exposition = "text/plain; version=0.0.4; charset=utf-8";

/** A label value in the Prometheus text format. */
function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** One metric with its samples. */
function metric(
  name: string,
  type: "gauge" | "counter",
  help: string,
  samples: Iterable<[labels: string, value: number]>,
): string {
  let text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  for (const [labels, value] of samples) text += `${name}${labels === "" ? "" : `{${labels}}`} ${value}\n`;
  return text;
}

function routeLabels({ route }: RouteWorker): string {
  return `name=${quoted(route.name)},type=${quoted(route.kind)},uri=${quoted(route.uris?.[0] ?? "")}`;
}

/** Distinct labels: routes that share them are added up. */
function perRoute(
  workers: Iterable<RouteWorker>,
  value: (worker: RouteWorker) => number | undefined,
): Map<string, number> {
  const samples = new Map<string, number>();
  for (const worker of workers) {
    const one = value(worker);
    const labels = routeLabels(worker);
    if (one !== undefined) samples.set(labels, (samples.get(labels) ?? 0) + one);
  }
  return samples;
}

function metricsText(registrar: Registrar, link: NatsLink | undefined): string {
  const { metrics } = registrar;
  const workers = [...registrar.workers()];
  const registered = workers.filter(({ announcer }) => announcer.registered).length;
  const prefix = "route_registrar";
  return [
    metric(`${prefix}_routes`, "gauge", "Routes by what was last said about them.", [
      ['state="registered"', registered],
      ['state="unregistered"', workers.length - registered],
    ]),
    metric(
      `${prefix}_checks_total`,
      "counter",
      "Health checks by result.",
      Object.entries(metrics.checks).map(([result, count]) => [`result="${result}"`, count]),
    ),
    metric(
      `${prefix}_messages_total`,
      "counter",
      "Registrations and unregistrations sent.",
      Object.entries(metrics.sent).map(([action, count]) => [`action="${action}"`, count]),
    ),
    metric(
      `${prefix}_routing_api_failures_total`,
      "counter",
      "Calls of the Routing API that failed; they are repeated.",
      [["", metrics.failed]],
    ),
    ...(link === undefined
      ? []
      : [metric(`${prefix}_nats_connected`, "gauge", "1 while connected to NATS.", [["", link.connected ? 1 : 0]])]),
    metric(
      `${prefix}_route_registered`,
      "gauge",
      "1 while the route's last word was register.",
      perRoute(workers, ({ announcer }) => (announcer.registered ? 1 : 0)),
    ),
    metric(
      `${prefix}_route_last_check_timestamp_seconds`,
      "gauge",
      "When the route was last checked.",
      perRoute(workers, ({ lastVerdict, lastCheckedAt }) =>
        lastVerdict === undefined ? undefined : lastCheckedAt / 1000,
      ),
    ),
    metric(
      `${prefix}_route_check_failures_total`,
      "counter",
      "Checks of the route that did not find it healthy.",
      perRoute(workers, ({ route, failedChecks }) => (route.healthCheck === undefined ? undefined : failedChecks)),
    ),
  ].join("");
}

function plain(status: number, text: string, contentType = "text/plain; charset=utf-8"): Response {
  const body = new TextEncoder().encode(text);
  return new Response(body, {
    status,
    headers: { "Content-Type": contentType, "Content-Length": String(body.length) },
  });
}

/**
 * `GET /health` (200 while the registrar can announce, 503 while NATS is away) and `GET /metrics` (Prometheus text), where
 * `status.port` is configured. Our addition; the original has neither.
 */
export function statusHandler(registrar: Registrar, link: NatsLink | undefined): Handler {
  return (request, client) => {
    if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "405 Method Not Allowed\n");
    switch (client.target.split("?")[0]) {
      case "/health":
        return link === undefined || link.connected ? plain(200, "ok\n") : plain(503, "not connected to NATS\n");
      case "/metrics":
        return plain(200, metricsText(registrar, link), exposition);
      default:
        return plain(404, "404 page not found\n");
    }
  };
}
