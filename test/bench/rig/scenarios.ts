import type { Contender } from "./contender.ts";

/** One kind of load. */
export interface Scenario {
  /** What a person reads above the table. */
  readonly title: string;
  readonly path: string;
  /** HTTP over TLS, or HTTP/2 over TLS. */
  readonly transport: "http" | "https" | "h2";
  /** At most that many connections. */
  readonly connections: number;
  /** Bytes of a POST body; 0: GET. */
  readonly bodyBytes: number;
  /** A connection per request. */
  readonly close: boolean;
}

const small: Scenario = {
  title: "GET, 1 KB answer, keep-alive",
  path: "/",
  transport: "http",
  connections: Number.POSITIVE_INFINITY,
  bodyBytes: 0,
  close: false,
};

/** The scenarios by the names of `--scenarios`, in the order of a whole run. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map<string, Scenario>([
  ["small", small],
  ["64k", { ...small, title: "GET, 64 KB answer, keep-alive", path: "/f/64k", connections: 16 }],
  ["1m", { ...small, title: "GET, 1 MB answer, keep-alive", path: "/f/1m", connections: 16 }],
  ["post", { ...small, title: "POST, 16 KB body, keep-alive", path: "/sink", bodyBytes: 16_384 }],
  ["close", { ...small, title: "GET, 1 KB answer, a connection per request", close: true }],
  ["tls", { ...small, title: "GET, 1 KB answer, keep-alive over TLS", transport: "https" }],
  ["h2", { ...small, title: "GET, 1 KB answer, HTTP/2 (16 connections, 10 streams each)", transport: "h2" }],
]);

/** Where the load of a scenario goes. */
export function targetUrl(scenario: Scenario, contender: Contender): string {
  const [scheme, port] = scenario.transport === "http" ? ["http", contender.httpPort] : ["https", contender.tlsPort];
  return `${scheme}://127.0.0.1:${port}${scenario.path}`;
}
