import { parseArgs } from "node:util";
import type { Runtime } from "../runtime/interface.ts";
import type { Command } from "./command.ts";
import { readConfig } from "./load-config.ts";

const usage = `Usage: causeway routes [-c FILE] [OPTIONS]

Prints the routing table of the router that runs on this machine.

  -c FILE            configuration of that router: port and credentials of /routes
  --port PORT        port of /routes, instead of the configuration's
  --host TEXT        only routes whose host and path contain the text
  --app TEXT         only endpoints that have the text as instance id or as the value of a tag
  --endpoint TEXT    only endpoints whose address contains the text
  --json             JSON, as /routes has it
`;

/** `causeway routes`: the table of the running router (control-plane §4.3), for people and for scripts. */
export const routes: Command = { summary: "print the table of the running router (-c FILE, --json)", run };

/** What is read of an endpoint of `/routes`. */
interface ShownEndpoint {
  readonly address: string;
  readonly availability_zone: string;
  readonly protocol: string;
  readonly tls: boolean;
  readonly ttl: number;
  readonly tags: Readonly<Record<string, string>> | null;
  readonly private_instance_id?: string;
}

type Table = Readonly<Record<string, readonly ShownEndpoint[]>>;

function wish(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: "string", short: "c" },
      port: { type: "string" },
      host: { type: "string" },
      app: { type: "string" },
      endpoint: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65535)) {
    throw new Error(`cannot use --port ${JSON.stringify(values.port)}: give a number from 1 to 65535`);
  }
  return { ...values, port };
}

type Wish = ReturnType<typeof wish>;

/** The part of the table that was asked for; without a filter for endpoints empty pools are shown, too. */
function chosen(table: Table, { host, app, endpoint }: Wish): Table {
  const wanted = (shown: ShownEndpoint): boolean =>
    (endpoint === undefined || shown.address.includes(endpoint)) &&
    (app === undefined || shown.private_instance_id === app || Object.values(shown.tags ?? {}).includes(app));
  const found = Object.entries(table).flatMap(([key, endpoints]): [string, readonly ShownEndpoint[]][] => {
    if (host !== undefined && !key.includes(host.toLowerCase())) return [];
    if (app === undefined && endpoint === undefined) return [[key, endpoints]];
    const left = endpoints.filter(wanted);
    return left.length === 0 ? [] : [[key, left]];
  });
  return Object.fromEntries(found);
}

/** Columns as wide as their widest cell. */
function textOf(table: Table): string {
  const rows = [["ROUTE", "ENDPOINT", "PROTOCOL", "TTL", "ZONE", "INSTANCE", "TAGS"]];
  for (const [key, endpoints] of Object.entries(table)) {
    if (endpoints.length === 0) rows.push([key, "-", "", "", "", "", ""]);
    for (const shown of endpoints) {
      const tags = Object.entries(shown.tags ?? {}).map(([name, value]) => `${name}=${value}`);
      const protocol = `${shown.protocol}${shown.tls ? "+tls" : ""}`;
      const instance = shown.private_instance_id ?? "";
      rows.push([key, shown.address, protocol, `${shown.ttl}s`, shown.availability_zone, instance, tags.join(" ")]);
    }
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

async function tableOf(runtime: Runtime, asked: Wish): Promise<Table> {
  const { status } = (await readConfig(runtime, asked.config)).config;
  const port = asked.port ?? status.routes.port;
  const url = `http://127.0.0.1:${port}/routes`;
  const secret = new TextEncoder().encode(`${status.user}:${status.pass}`);
  const authorization = `Basic ${btoa(String.fromCharCode(...secret))}`;
  let answer: Response;
  try {
    answer = await fetch(url, { headers: { authorization } });
  } catch {
    throw new Error(`cannot reach ${url}: is the router running on this machine? Give its file with -c, or --port`);
  }
  if (answer.status === 401)
    throw new Error(`${url} refuses status.user and status.pass: give the router's file with -c`);
  if (answer.status !== 200) throw new Error(`cannot read ${url}: it answers ${answer.status}`);
  return (await answer.json()) as Table;
}

async function run(runtime: Runtime, args: readonly string[]): Promise<void> {
  let code = 0;
  try {
    const asked = wish(args);
    if (asked.help) runtime.writeOut(usage);
    else {
      const table = chosen(await tableOf(runtime, asked), asked);
      runtime.writeOut(asked.json ? `${JSON.stringify(table)}\n` : textOf(table));
    }
  } catch (error) {
    runtime.writeError(`causeway routes: ${(error as Error).message}\n`);
    code = 1;
  }
  await runtime.flushOutput();
  runtime.exit(code);
}
