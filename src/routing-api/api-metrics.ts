import type { LeaseCounts } from "./store/store.ts";

/** What the API counts (routing-api §13.2); read when scraped. */
export class ApiMetrics {
  /** Streams that are open. */
  httpSubscriptions = 0;
  tcpSubscriptions = 0;
  /** Requests answered with 401. */
  tokenErrors = 0;
  /** Requests by status. */
  readonly requests = new Map<number, number>();
  /** Leases removed because they had expired. */
  pruned = 0;
  /** Streams that were ended because their readers were too slow. */
  slowReaders = 0;
  /** Database operations that failed. */
  storageErrors = 0;

  answered(status: number): void {
    this.requests.set(status, (this.requests.get(status) ?? 0) + 1);
    if (status === 401) this.tokenErrors++;
  }

  /** The metrics as Prometheus families, the reference's names with `_` for `.`. */
  families(leases: LeaseCounts, keyRefreshes: number) {
    const one = (name: string, type: "gauge" | "counter", help: string, value: number) => ({
      name: `routing_api_${name}`,
      type,
      help,
      samples: [{ labels: [], value }],
    });
    return [
      one("total_http_subscriptions", "gauge", "Open streams of HTTP routes.", this.httpSubscriptions),
      one("total_tcp_subscriptions", "gauge", "Open streams of TCP route mappings.", this.tcpSubscriptions),
      one("total_http_routes", "gauge", "Live HTTP routes.", leases.http),
      one("total_tcp_routes", "gauge", "Live TCP route mappings.", leases.tcp),
      one("total_token_errors", "counter", "Requests refused with 401.", this.tokenErrors),
      one("key_refresh_events", "counter", "Times UAA's keys were fetched after the start.", keyRefreshes),
      one("expired_leases_total", "counter", "Leases that this instance removed after their end.", this.pruned),
      one("slow_readers_total", "counter", "Streams ended because their readers did not keep up.", this.slowReaders),
      one("storage_errors_total", "counter", "Database operations that failed.", this.storageErrors),
      {
        name: "routing_api_requests_total",
        type: "counter" as const,
        help: "Requests by status of the answer; streams count when they begin.",
        samples: [...this.requests].map(([status, value]) => ({
          labels: [["status", String(status)] as const],
          value,
        })),
      },
    ];
  }
}
