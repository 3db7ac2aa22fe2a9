import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { condition } from "./condition.ts";
import { type LogLine, Program } from "./program.ts";

/** The part of a configuration that names a NATS server of this machine. */
export const busOf = (port: number): object => ({
  message_bus_servers: [{ host: `127.0.0.1:${port}`, user: "", password: "" }],
});

/** An HTTP route NAME.test to a port of this machine. */
export const httpRoute = (name: string, port: number, changes: object = {}): object => ({
  name,
  host: "127.0.0.1",
  port,
  uris: [`${name}.test`],
  registration_interval: "10s",
  ...changes,
});

/** A message that a registrar published. */
export interface SeenMessage {
  readonly action: "register" | "unregister";
  readonly text: string;
  readonly uris: readonly string[];
  readonly port: number;
}

/** Listens to what registrars say on the bus. */
export class BusWatch {
  readonly messages: SeenMessage[] = [];
  readonly #nats: NatsConnection;

  private constructor(nats: NatsConnection) {
    this.#nats = nats;
    for (const action of ["register", "unregister"] as const) {
      nats.subscribe(`router.${action}`, {
        callback: (_, message) => {
          const text = message.string();
          const { uris, port } = JSON.parse(text) as { uris: string[]; port: number };
          this.messages.push({ action, text, uris, port });
        },
      });
    }
  }

  static async on(port: number): Promise<BusWatch> {
    const nats = await connect({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    const watch = new BusWatch(nats);
    await nats.flush();
    return watch;
  }

  /** Messages about a URI so far, as `register` and `unregister`. */
  actions(uri: string): string[] {
    return this.messages.filter(({ uris }) => uris.includes(uri)).map(({ action }) => action);
  }

  /** Waits for the message number `count` (from 1) about a URI. */
  async message(uri: string, count = 1): Promise<SeenMessage> {
    return await condition(
      `message ${count} about ${uri}`,
      () => this.messages.filter(({ uris }) => uris.includes(uri))[count - 1],
    );
  }

  /** All that was published before this call has been seen when it resolves. */
  async settled(): Promise<void> {
    await this.#nats.flush();
  }

  async stop(): Promise<void> {
    await this.#nats.close();
  }
}

/** A running registrar with its folder. */
export class RegistrarUnderTest {
  readonly program: Program;
  readonly folder: string;

  /** Starts it with this configuration; `{folder}` in its texts stands for the folder, which `prepare` may fill. */
  constructor(config: object, args: readonly string[] = [], prepare: (folder: string) => void = () => {}) {
    this.folder = mkdtempSync(join(tmpdir(), "causeway-registrar-"));
    prepare(this.folder);
    const file = this.write("config.json", JSON.stringify(config).replaceAll("{folder}", this.folder));
    this.program = new Program(["route-registrar", "-configPath", file, ...args]);
  }

  /** Writes a file of the folder in one step; gives its path. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Log lines so far whose message ends so. */
  lines(action: string): LogLine[] {
    return this.program.logLines.filter(({ message }) => message === `Route Registrar.${action}`);
  }

  async logged(action: string, where?: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine> {
    return await this.program.logged(`Route Registrar.${action}`, where, timeoutMs);
  }

  /** Sends SIGTERM; gives the exit code. Rejects when the end does not come within the patience of so many milliseconds. */
  async stop(withinMs = 10_000): Promise<{ readonly code: number | string }> {
    const code = await this.program.stop("SIGTERM", withinMs);
    rmSync(this.folder, { recursive: true, force: true });
    return { code };
  }
}

/** Living processes whose command line holds that word (Linux). */
export function processesWith(word: string): string[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const line = readFileSync(`/proc/${name}/cmdline`, "latin1").replaceAll("\0", " ");
      return line.includes(word) ? [line] : [];
    } catch {
      return [];
    }
  });
}
