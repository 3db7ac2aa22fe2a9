import { version } from "../version.ts";

/** Where a started router listens. */
export interface StartFacts {
  /** Runtime and its version, for example `bun 1.4.5`. */
  readonly runtime: string;
  /** At least one of these two. */
  readonly http: HostPort | undefined;
  readonly https: HostPort | undefined;
  readonly health: HostPort | undefined;
  readonly tlsHealth: HostPort | undefined;
  readonly routes: HostPort;
  /** URLs of the bus; none: there is no bus. */
  readonly bus: readonly string[];
  /** What clients of the bus must show; `user` is the name that goes with the password. */
  readonly busLogin: { readonly certificate: boolean; readonly user: string };
  /** The bus runs inside this process. */
  readonly embedded: boolean;
  /** The Routing API inside this process. */
  readonly routingApi: HostPort | undefined;
}

interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** An address to type: a wildcard is reached by loopback. */
function url({ host, port }: HostPort, scheme = "http"): string {
  if (host === "" || host === "0.0.0.0" || host === "::") return `${scheme}://127.0.0.1:${port}`;
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * The block a person sees at start, on standard error: where the router listens, and the commands that bring a first
 * app behind it.
 */
export function startBlock(facts: StartFacts): string {
  const rows: [string, string][] = [];
  if (facts.http !== undefined) rows.push(["http", url(facts.http)]);
  if (facts.https !== undefined) rows.push(["https", url(facts.https, "https")]);
  if (facts.health !== undefined) rows.push(["health", `${url(facts.health)}/health`]);
  if (facts.tlsHealth !== undefined) rows.push(["health", `${url(facts.tlsHealth, "https")}/health`]);
  rows.push(["routes", `${url(facts.routes)}/routes`]);
  const local = "  (embedded, this machine only)";
  const [bus] = facts.bus;
  if (bus !== undefined) rows.push(["bus", facts.bus.join("  ") + (facts.embedded ? local : "")]);
  const api = facts.routingApi && `${url(facts.routingApi)}/routing/v1/routes`;
  if (api !== undefined) rows.push(["api", api]);
  const entry = facts.http === undefined ? `-k ${url(facts.https!, "https")}` : url(facts.http);
  return [
    `causeway ${version} on ${facts.runtime}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(7)} ${value}`),
    "To bring an app on port 3000 behind it:",
    `  ${registration(bus, facts.busLogin, api)}`,
    `  curl -H 'Host: app.localhost' ${entry}/`,
    "",
  ].join("\n");
}

/** How an app on port 3000 is registered. */
function registration(bus: string | undefined, login: StartFacts["busLogin"], api: string | undefined): string {
  if (bus === undefined && api === undefined) return "lease app.localhost to it in the Routing API";
  if (bus === undefined) return `curl -d '[{"route":"app.localhost","ip":"127.0.0.1","port":3000}]' ${api}`;
  // `causeway register` has no certificate to show.
  if (login.certificate)
    return `publish router.register on ${bus}, with a client certificate: see "register" in README.md`;
  const open = login.user === "" ? bus : bus.replace("://", `://${encodeURIComponent(login.user)}:PASSWORD@`);
  const nats = open === "nats://127.0.0.1:4222" ? "" : ` --nats ${open}`;
  return `npx causeway register --uri app.localhost --port 3000${nats}`;
}
