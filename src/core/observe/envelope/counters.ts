import type { RequestMetrics } from "../metrics.ts";
import type { TableMetrics } from "../table-metrics.ts";

/** The part of the attempts whose component begins with `dea-`. */
function routedAppRequests({ requestsByComponent }: RequestMetrics): number {
  let sum = 0;
  for (const [component, count] of requestsByComponent) if (component.startsWith("dea-")) sum += count;
  return sum;
}

/** Counters that every flush but the first names, also with nothing to add (control-plane §5.1). */
function steady(requests: RequestMetrics, table: TableMetrics): [name: string, total: number][] {
  return [
    ["bad_gateways", requests.badGateways],
    ["backend_exhausted_conns", requests.backendExhaustedConns],
    ["backend_invalid_id", requests.backendInvalidId],
    ["backend_invalid_tls_cert", requests.backendInvalidTlsCert],
    ["backend_tls_handshake_failed", requests.backendTlsHandshakeFailed],
    ["rejected_requests", requests.rejectedRequests],
    ["total_requests", requests.totalRequests],
    ["responses", requests.responses],
    ["responses.2xx", requests.responses2xx],
    ["responses.3xx", requests.responses3xx],
    ["responses.4xx", requests.responses4xx],
    ["responses.5xx", requests.responses5xx],
    ["responses.xxx", requests.responsesXxx],
    ["routed_app_requests", routedAppRequests(requests)],
    ["routes_pruned", table.routesPruned],
    ["websocket_failures", requests.websocketFailures],
    ["websocket_upgrades", requests.websocketUpgrades],
  ];
}

/** The others; a component's own counter takes the place of the plain one for registrations. */
function occasional(requests: RequestMetrics, table: TableMetrics): [name: string, total: number][] {
  const totals: [string, number][] = [["empty_content_length_header", requests.emptyContentLengthHeader]];
  for (const [component, count] of requests.requestsByComponent) totals.push([`requests.${component}`, count]);
  for (const [component, actions] of table.registryMessages) {
    let sum = 0;
    for (const { value } of actions.values()) sum += value;
    totals.push([component === "" ? "registry_message" : `registry_message.${component}`, sum]);
  }
  return totals;
}

/** Batched counters: what they grew by since the last flush (control-plane §5.1, §5.2). */
export class CounterBatch {
  readonly #requests: RequestMetrics;
  readonly #table: TableMetrics;
  readonly #sent = new Map<string, number>();
  #first = true;

  constructor(requests: RequestMetrics, table: TableMetrics) {
    this.#requests = requests;
    this.#table = table;
  }

  /** Names and increments to send now. */
  flush(): [name: string, delta: number][] {
    const all = !this.#first;
    this.#first = false;
    return [
      ...this.#grown(steady(this.#requests, this.#table), all),
      ...this.#grown(occasional(this.#requests, this.#table), false),
    ];
  }

  #grown(totals: [string, number][], all: boolean): [string, number][] {
    const deltas = totals.map(([name, total]): [string, number] => {
      const delta = total - (this.#sent.get(name) ?? 0);
      if (delta !== 0) this.#sent.set(name, total);
      return [name, delta];
    });
    return all ? deltas : deltas.filter(([, delta]) => delta !== 0);
  }
}
