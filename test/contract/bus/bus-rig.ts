import { runtime } from "#runtime";
import type { Bus } from "../../../src/bus/bus.ts";
import { type BusOptions, connectBus } from "../../../src/bus/client.ts";
import { startEmbeddedBus } from "../../../src/bus/embedded/server.ts";
import type { LogData, Logger } from "../../../src/core/observe/log.ts";
import { natsServerPath, startNatsServer } from "../../fixtures/nats-server.ts";

/** A logger that keeps `message {data}` lines. */
export class Lines implements Logger {
  readonly level = 0;
  readonly lines: string[] = [];
  debug(message: string, data?: LogData): void {
    this.#add(message, data);
  }
  info(message: string, data?: LogData): void {
    this.#add(message, data);
  }
  warn(message: string, data?: LogData): void {
    this.#add(message, data);
  }
  error(message: string, data?: LogData): void {
    this.#add(message, data);
  }
  source(): Logger {
    return this;
  }
  #add(message: string, data?: LogData): void {
    this.lines.push(data === undefined ? message : `${message} ${JSON.stringify(data)}`);
  }
}

/** Waits for a condition, at most ten seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);

/** The default options, against the given server URLs. */
function busOptions(servers: readonly string[], more: Partial<BusOptions> = {}): BusOptions {
  const none = { user: "", pass: "", tls_enabled: false, ca_certs: "", cert_chain: "", private_key: "" };
  return { hosts: [], servers, ...none, pingIntervalMs: 20_000, ...more };
}

export function connect(servers: readonly string[], more: Partial<BusOptions> = {}, lines = new Lines()): Promise<Bus> {
  return connectBus(runtime, lines, busOptions(servers, more));
}

export interface RunningServer {
  readonly port: number;
  readonly webSocketPort: number;
  readonly urls: { readonly tcp: string; readonly webSocket: string };
  stop(): Promise<void>;
}

interface ServerKind {
  readonly name: string;
  readonly skip: string | false;
  start(options?: { port?: number; webSocketPort?: number; user?: string; pass?: string }): Promise<RunningServer>;
}

const running = (
  { port, webSocketPort }: { port: number; webSocketPort: number },
  stop: () => Promise<void>,
): RunningServer => ({
  port,
  webSocketPort,
  urls: { tcp: `nats://127.0.0.1:${port}`, webSocket: `ws://127.0.0.1:${webSocketPort}` },
  stop,
});

/** Both servers that the bus must work with. */
export const serverKinds: readonly ServerKind[] = [
  {
    name: "embedded server",
    skip: false,
    async start(options = {}) {
      const server = await startEmbeddedBus(runtime, new Lines(), { port: 0, webSocketPort: 0, ...options });
      return running(server, () => server.close());
    },
  },
  {
    name: "nats-server",
    skip: natsServerPath === undefined && "nats-server is not installed: apt-get install nats-server",
    async start(options = {}) {
      const server = await startNatsServer({ webSocketPort: 0, ...options });
      return running(server, () => server.kill());
    },
  },
];
