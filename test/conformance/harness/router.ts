import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { stringify } from "yaml";
import { condition } from "./condition.ts";
import { Program } from "./program.ts";

/** A nested piece of `gorouter.yml`. */
export type Yaml = { [key: string]: unknown };

/** A running router with everything a test needs to talk to it. */
export interface RouterUnderTest {
  readonly program: Program;
  readonly port: number;
  readonly statusPort: number;
  readonly routesPort: number;
  /** A NATS client that is connected to the router's bus. */
  readonly nats: NatsConnection;
  /** Publishes `router.register` with these fields and waits until the route answers as registered in `/routes`. */
  register(message: RegisterMessage): Promise<void>;
  unregister(message: RegisterMessage): Promise<void>;
  routes(): Promise<Record<string, { address: string }[]>>;
  /** Lines of the access log file so far. */
  accessLog(): string[];
  /** Waits until an access log line satisfies `where`. */
  accessLogged(where: (line: string) => boolean): Promise<string>;
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
function portsOf(stderr: string): { http: number; health: number; routes: number } | undefined {
  const port = (name: string): number => Number(new RegExp(`^\\s*${name}\\s.*:(\\d+)`, "m").exec(stderr)?.[1]);
  const ports = { http: port("http"), health: port("health"), routes: port("routes") };
  return ports.http && ports.health && ports.routes ? ports : undefined;
}

/** Starts the router with a configuration of free ports on loopback, merged with `config`, on the NATS server at `natsPort`. */
export async function startRouter(natsPort: number, config: Yaml = {}): Promise<RouterUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-test-"));
  const accessLogFile = join(folder, "access.log");
  const file = join(folder, "gorouter.yml");
  const base: Yaml = {
    listen_host: "127.0.0.1",
    port: 0,
    status: { port: 0, user: "user", pass: "pass", routes: { port: 0 } },
    nats: { hosts: [{ hostname: "127.0.0.1", port: natsPort }] },
    access_log: { file: accessLogFile },
    logging: { level: "debug" },
    start_response_delay_interval: "0s",
    route_services_internal_server_port: 0,
  };
  writeFileSync(file, stringify({ ...base, ...config }));
  const program = new Program(["router", "-c", file]);
  try {
    const ports = await program.waitFor("the start block", () => portsOf(program.stderr));
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
    const address = (message: RegisterMessage): string =>
      `${message.host ?? ""}:${(message["tls_port"] as number | undefined) || message.port || 0}`;
    return {
      program,
      port: ports.http,
      statusPort: ports.health,
      routesPort: ports.routes,
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
