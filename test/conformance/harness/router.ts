import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { stringify } from "yaml";
import { condition } from "./condition.ts";
import { Connection } from "./connection.ts";
import { knownWorkers } from "./processes.ts";
import { type LogLine, Program, type ProgramOptions } from "./program.ts";

/** A nested piece of `gorouter.yml`. */
export type Yaml = { [key: string]: unknown };

/** A running router with everything a test needs to talk to it. */
export interface RouterUnderTest {
  readonly program: Program;
  readonly port: number;
  /** 0 without a TLS listener. */
  readonly tlsPort: number;
  readonly statusPort: number;
  readonly routesPort: number;
  /** TCP port of the bus; of the embedded one when the router has one. */
  readonly natsPort: number;
  /** WebSocket port of the embedded bus; 0 without. */
  readonly webSocketPort: number;
  readonly accessLogFile: string;
  /** A NATS client that is connected to the router's bus. */
  readonly nats: NatsConnection;
  /** Publishes `router.register` with these fields and waits until `/routes` shows the endpoint. */
  register(message: RegisterMessage): Promise<void>;
  /** Publishes `router.unregister` and waits until `/routes` no longer shows the endpoint. */
  unregister(message: RegisterMessage): Promise<void>;
  /** The table that `/routes` shows. */
  routes(): Promise<Record<string, { address: string }[]>>;
  /** Lines of the access log file so far. */
  accessLog(): string[];
  /** Waits until an access log line satisfies `where`. */
  accessLogged(where: (line: string) => boolean): Promise<string>;
  /** The log lines so far, among them all that the router had written before the call. */
  settledLogLines(): Promise<readonly LogLine[]>;
  /** Ends the program if it still runs, and removes its files. */
  stop(): Promise<void>;
}

/** Fields of a register message (control-plane §2.4) that tests use. */
export interface RegisterMessage {
  host?: string;
  port?: number;
  uris: string[];
  [key: string]: unknown;
}

/** Ports the start block on standard error names. */
export interface StartPorts {
  readonly http: number;
  readonly https: number;
  readonly health: number;
  readonly routes: number;
  readonly nats: number;
  readonly webSocket: number;
}

/** Reads the start block; undefined while it is incomplete. */
export function readStartBlock(stderr: string): StartPorts | undefined {
  const port = (name: string, scheme: string): number =>
    Number(new RegExp(`^\\s*${name}\\s.*${scheme}://[^\\s]*:(\\d+)`, "m").exec(stderr)?.[1] ?? 0);
  const ports = {
    http: port("http", "http"),
    https: port("https", "https"),
    health: port("health", "http"),
    routes: port("routes", "http"),
    nats: port("bus", "nats"),
    webSocket: port("bus", "ws"),
  };
  return stderr.includes("curl -H") && stderr.endsWith("\n") ? ports : undefined;
}

/** The bus of a router under test: the port of a NATS server, or its own embedded one. */
export type BusChoice = number | "embedded";

/** How many workers routers have whose configuration does not say (`CAUSEWAY_TEST_WORKERS`, default: the program's). */
const workers = Number(process.env["CAUSEWAY_TEST_WORKERS"] ?? 0);
/** How many processes serve requests then. */
export const workersUnderTest: number = Math.max(workers, 1);

/**
 * So many connections that each of two workers has one: that it has none happens once in 2^15 times. (To look whose each is
 * takes seconds on a machine with many connections.)
 */
const enoughForAll = 16;

/** Connections to all workers; to the only one where there is one. */
async function connectionsToAll(program: Program, port: number): Promise<Connection[]> {
  const count = knownWorkers(program).length > 1 ? enoughForAll : 1;
  return await Promise.all(Array.from({ length: count }, () => Connection.open(port)));
}

/** Configuration of free ports on loopback, merged with `config`, as a file in `folder`; gives the file's path. */
export function writeConfig(folder: string, bus: BusChoice, config: Yaml = {}): string {
  const file = join(folder, "gorouter.yml");
  const base: Yaml = {
    listen_host: "127.0.0.1",
    port: 0,
    status: { port: 0, user: "user", pass: "pass", routes: { port: 0 } },
    route_services_internal_server_port: 0,
    nats:
      bus === "embedded"
        ? { embedded: true, embedded_port: 0, embedded_websocket_port: 0 }
        : { hosts: [{ hostname: "127.0.0.1", port: bus }] },
    access_log: { file: join(folder, "access.log") },
    logging: { level: "debug" },
    start_response_delay_interval: "0s",
    ...(workers > 0 && config["listener"] !== "native" && { workers }),
  };
  writeFileSync(file, stringify({ ...base, ...config }));
  return file;
}

/** Starts the router with `writeConfig`'s configuration and a NATS client beside it. */
export async function startRouter(
  bus: BusChoice,
  config: Yaml = {},
  options: ProgramOptions = {},
): Promise<RouterUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-test-"));
  const accessLogFile = join(folder, "access.log");
  const program = new Program(["router", "-c", writeConfig(folder, bus, config)], options);
  try {
    const ports = await program.waitFor("the start block", () => readStartBlock(program.stderr));
    const natsPort = bus === "embedded" ? ports.nats : bus;
    const nats = await connect({ servers: `127.0.0.1:${natsPort}`, reconnectTimeWait: 100, maxReconnectAttempts: -1 });
    const routes = async (): Promise<Record<string, { address: string }[]>> => {
      const answer = await fetch(`http://127.0.0.1:${ports.routes}/routes`, {
        headers: { authorization: `Basic ${btoa("user:pass")}` },
      });
      return (await answer.json()) as Record<string, { address: string }[]>;
    };
    const accessLog = (): string[] => {
      try {
        return readFileSync(accessLogFile, "utf8").split("\n").slice(0, -1);
      } catch {
        return [];
      }
    };
    const key = (uri: string): string => uri.replace(/\/$/, "").toLowerCase().replace(/\?.*/, "");
    let fences = 0;
    const address = (message: RegisterMessage): string =>
      `${message.host ?? ""}:${(message["tls_port"] as number | undefined) || message.port || 0}`;
    return {
      program,
      port: ports.http,
      tlsPort: ports.https,
      statusPort: ports.health,
      routesPort: ports.routes,
      natsPort,
      webSocketPort: ports.webSocket,
      accessLogFile,
      nats,
      routes,
      async register(message) {
        nats.publish("router.register", JSON.stringify({ host: "127.0.0.1", ...message }));
        const wanted = address({ host: "127.0.0.1", ...message });
        await condition(`route ${message.uris[0]}`, async () => {
          const table = await routes();
          return (
            message.uris.every((uri) => table[key(uri)]?.some((endpoint) => endpoint.address === wanted)) || undefined
          );
        });
      },
      async unregister(message) {
        nats.publish("router.unregister", JSON.stringify({ host: "127.0.0.1", ...message }));
        const gone = address({ host: "127.0.0.1", ...message });
        await condition(`no route ${message.uris[0]}`, async () => {
          const table = await routes();
          return (
            !message.uris.some((uri) => table[key(uri)]?.some((endpoint) => endpoint.address === gone)) || undefined
          );
        });
      },
      accessLog,
      accessLogged: async (where) => await condition("access log line", () => accessLog().find(where)),
      async settledLogLines() {
        // Standard output is a stream of its own: this request's line stands behind all that the worker logged before it.
        const sent = (await connectionsToAll(program, ports.http)).map((connection) => {
          const fence = `settled-${++fences}`;
          connection.write(`GET / HTTP/1.1\r\nHost: fence.test\r\nX-CF-App-Instance: ${fence}\r\n\r\n`);
          return { connection, fence };
        });
        for (const { connection, fence } of sent) {
          await connection.response();
          connection.close();
          await program.logged("invalid-app-instance-header", ({ data }) => String(data?.["error"]).endsWith(fence));
        }
        return program.logLines;
      },
      async stop() {
        await nats.close();
        await program.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    program.child.kill("SIGKILL");
    throw error;
  }
}
