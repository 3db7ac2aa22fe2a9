import { version } from "../version.ts";

/** Where a started router listens. */
export interface StartFacts {
  /** Runtime and its version, for example `bun 1.4.5`. */
  readonly runtime: string;
  readonly http: HostPort;
  readonly health: HostPort | undefined;
  readonly routes: HostPort;
  /** URLs of the bus. */
  readonly bus: readonly string[];
  /** The bus runs inside this process. */
  readonly embedded: boolean;
}

interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** An address to type: a wildcard is reached by loopback. */
function url({ host, port }: HostPort): string {
  if (host === "" || host === "0.0.0.0" || host === "::") return `http://127.0.0.1:${port}`;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * The block a person sees at start, on standard error: where the router listens, and the commands that bring a first
 * app behind it.
 */
export function startBlock(facts: StartFacts): string {
  const rows: [string, string][] = [["http", url(facts.http)]];
  if (facts.health !== undefined) rows.push(["health", `${url(facts.health)}/health`]);
  rows.push(["routes", `${url(facts.routes)}/routes`]);
  rows.push(["bus", facts.bus.join("  ") + (facts.embedded ? "  (embedded, this machine only)" : "")]);
  const bus = facts.bus[0]!;
  const nats = bus === "nats://127.0.0.1:4222" ? "" : ` --nats ${bus}`;
  return [
    `causeway ${version} on ${facts.runtime}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(7)} ${value}`),
    "To bring an app on port 3000 behind it:",
    `  npx causeway register --uri app.localhost --port 3000${nats}`,
    `  curl -H 'Host: app.localhost' ${url(facts.http)}/`,
    "",
  ].join("\n");
}
