import { parseArgs } from "node:util";
import { announceRoute, type RouteAnnouncement } from "../bus/announce.ts";
import { connectBus } from "../bus/client.ts";
import type { Logger } from "../core/observe/log.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { Command } from "./command.ts";

const usage = `Usage: causeway register --uri HOST[/PATH] --port PORT [OPTIONS]

Brings an app behind the router and keeps it there until interrupted.

  --uri HOST[/PATH]   route of the app; may be given several times
  --port PORT         port the app listens on
  --host ADDRESS      address of the app as the router reaches it (default 127.0.0.1)
  --tag NAME=VALUE    tag for metrics and logs; may be given several times
  --app GUID          application id
  --interval SECONDS  between two registrations (default: what the router asks for)
  --nats URL          bus, nats://, tls://, ws:// or wss:// (default nats://127.0.0.1:4222)
`;

/** `causeway register`: announces a route on the bus (control-plane §2.4) and keeps the heartbeat. */
export const register: Command = {
  summary: "bring an app behind the router (--uri app.localhost --port 3000)",
  run,
};

/** What the command line asks for. */
interface Wish {
  readonly route: RouteAnnouncement;
  readonly nats: string;
}

/** Throws an `Error` that says what is wrong with the command line. */
function readWish(args: readonly string[]): Wish | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      uri: { type: "string", multiple: true, default: [] },
      port: { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
      tag: { type: "string", multiple: true, default: [] },
      app: { type: "string" },
      interval: { type: "string" },
      nats: { type: "string", default: "nats://127.0.0.1:4222" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  if (values.uri.length === 0) throw new Error("--uri is missing: name the route, for example --uri app.localhost");
  const port = Number(values.port);
  if (values.port === undefined) throw new Error("--port is missing: name the port the app listens on");
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new Error(`cannot use --port ${JSON.stringify(values.port)}: give a number from 1 to 65535`);
  }
  const seconds = values.interval === undefined ? undefined : Number(values.interval);
  if (seconds !== undefined && !(seconds > 0)) {
    throw new Error(`cannot use --interval ${JSON.stringify(values.interval)}: give seconds above 0`);
  }
  const tags = values.tag.map((text) => {
    const equals = text.indexOf("=");
    if (equals < 1) throw new Error(`cannot use --tag ${JSON.stringify(text)}: write NAME=VALUE`);
    return [text.slice(0, equals), text.slice(equals + 1)] as const;
  });
  return {
    nats: values.nats,
    route: {
      uris: values.uri,
      host: values.host,
      port,
      ...(tags.length > 0 && { tags: Object.fromEntries(tags) }),
      ...(values.app !== undefined && { app: values.app }),
      ...(seconds !== undefined && { intervalMs: seconds * 1000 }),
    },
  };
}

/** A person watches this command: connection trouble is told in words, the rest of the bus's log is not. */
function spokenLog(runtime: Runtime): Logger {
  const said: Readonly<Record<string, string>> = {
    "nats-connection-disconnected": "lost the bus, trying again",
    "nats-connection-reconnected": "the bus is back, registered again",
  };
  const logger: Logger = {
    level: 1,
    debug() {},
    info(message) {
      if (said[message] !== undefined) runtime.writeError(`causeway register: ${said[message]}\n`);
    },
    warn() {},
    error() {},
    source: () => logger,
  };
  return logger;
}

async function run(runtime: Runtime, args: readonly string[]): Promise<void> {
  let wish: Wish | "help";
  try {
    wish = readWish(args);
  } catch (error) {
    return await leave(runtime, `causeway register: ${(error as Error).message}\n\n${usage}`, 2);
  }
  if (wish === "help") return await leave(runtime, usage, 0);
  const { route, nats } = wish;
  const options = {
    hosts: [],
    servers: [nats],
    user: "",
    pass: "",
    tls_enabled: nats.startsWith("tls:"),
    ca_certs: "",
    cert_chain: "",
    private_key: "",
    pingIntervalMs: 20_000,
  };
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) runtime.onSignal(signal, () => resolve());
  });
  try {
    const bus = await connectBus(runtime, spokenLog(runtime), options);
    const announcement = announceRoute(bus, runtime.clock, route);
    const names = route.uris.join(", ");
    runtime.writeError(`${names} leads to ${route.host}:${route.port} until you stop this command (Ctrl-C)\n`);
    const end = await Promise.race([stopped, bus.closed]);
    if (end !== undefined) throw end;
    await announcement.stop();
    await bus.close();
    await leave(runtime, `${names} unregistered\n`, 0);
  } catch (error) {
    await leave(runtime, `causeway register: cannot use the bus at ${nats}: ${(error as Error).message}\n`, 1);
  }
}

async function leave(runtime: Runtime, text: string, code: number): Promise<void> {
  runtime.writeError(text);
  await runtime.flushOutput();
  runtime.exit(code);
}
