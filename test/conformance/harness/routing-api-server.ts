import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../fixtures/free-port.ts";
import { condition } from "./condition.ts";
import { Program } from "./program.ts";

/** What an API under test registers for itself (routing-api §2.2). */
export const ownRoute = "api.example.com/routing";

/** An answer of the API. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What is sent to the API. */
export interface ApiCall {
  readonly method?: string;
  readonly path: string;
  readonly token?: string;
  /** Sent as it is when text, else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An event of a stream. */
export interface SeenEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A stream that is being read. */
export class SeenStream {
  readonly events: SeenEvent[] = [];
  status = 0;
  headers: IncomingHttpHeaders = {};
  text = "";
  ended = false;
  stop: () => void = () => undefined;

  take(text: string): void {
    this.text += text;
    const whole = this.text.split("\n\n");
    for (const frame of whole.slice(this.events.length, -1)) {
      const lines = frame.split("\n").filter((line) => !line.startsWith(":"));
      const fields = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s)));
      this.events.push({ id: fields["id"]!, event: fields["event"]!, data: JSON.parse(fields["data"]!) });
    }
  }
}

/** `causeway routing-api` as a process. */
export class RoutingApiProcess {
  readonly program: Program;
  readonly folder: string;
  readonly port: number;
  readonly adminPort: number;

  private constructor(program: Program, folder: string, port: number, adminPort: number) {
    this.program = program;
    this.folder = folder;
    this.port = port;
    this.adminPort = adminPort;
  }

  /** Starts it on free ports and waits until it serves. `config` lays over a working one; `args` follow `-config` and `-ip`. */
  static async start(
    config: Readonly<Record<string, unknown>> = {},
    args: readonly string[] = [],
  ): Promise<RoutingApiProcess> {
    const folder = mkdtempSync(join(tmpdir(), "causeway-routing-api-"));
    const [port, adminPort] = [await freePort(), await freePort()];
    const api = { http_enabled: true, listen_port: port, ...(config["api"] as object | undefined) };
    const whole = {
      listen_host: "127.0.0.1",
      admin_port: adminPort,
      system_domain: "example.com",
      log_guid: "log-guid",
      uuid: "owner",
      max_ttl: "120s",
      sqldb: { type: "sqlite", file: join(folder, "routes.sqlite") },
      ...config,
      api,
    };
    const path = join(folder, "config.yml");
    writeFileSync(path, JSON.stringify(whole));
    const program = new Program(["routing-api", "-config", path, "-ip", "127.0.0.1", ...args]);
    await program.logged("routing-api.started");
    return new RoutingApiProcess(program, folder, port, adminPort);
  }

  async send(call: ApiCall, port = this.port): Promise<ApiAnswer> {
    const { method = "GET", path, token, body, headers = {} } = call;
    return await new Promise((resolve, reject) => {
      const authorization = token === undefined ? {} : { Authorization: `bearer ${token}` };
      const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
      const outgoing = request(
        {
          host: "127.0.0.1",
          port,
          method,
          path,
          agent: false,
          headers: { "Content-Length": Buffer.byteLength(text), ...authorization, ...headers },
        },
        (response) => {
          let answer = "";
          response.setEncoding("utf8").on("data", (piece: string) => {
            answer += piece;
          });
          response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body: answer }));
          response.on("error", reject);
        },
      );
      outgoing.on("error", reject);
      outgoing.end(text);
    });
  }

  /** Elements of `GET path`, but for the API's own route. */
  async list(path: string, token?: string): Promise<Record<string, unknown>[]> {
    const { body } = await this.send({ path, ...(token !== undefined && { token }) });
    return (JSON.parse(body) as Record<string, unknown>[]).filter((one) => one["route"] !== ownRoute);
  }

  /** Opens a stream and waits for its head. */
  async stream(path: string, headers: Readonly<Record<string, string>> = {}): Promise<SeenStream> {
    const seen = new SeenStream();
    await new Promise<void>((resolve, reject) => {
      const outgoing = request({ host: "127.0.0.1", port: this.port, path, agent: false, headers }, (response) => {
        seen.status = response.statusCode!;
        seen.headers = response.headers;
        response.setEncoding("utf8").on("data", (text: string) => seen.take(text));
        const over = (): void => {
          seen.ended = true;
        };
        response.on("end", over).on("error", over);
        resolve();
      });
      seen.stop = () => outgoing.destroy();
      outgoing.on("error", reject);
      outgoing.end();
    });
    return seen;
  }

  async stop(): Promise<number | string> {
    const code = await this.program.stop();
    rmSync(this.folder, { recursive: true, force: true });
    return code;
  }
}

/** Waits until a stream has shown so many events. */
export async function eventsOf(stream: SeenStream, count: number): Promise<readonly SeenEvent[]> {
  return await condition(`${count} events`, () => (stream.events.length >= count ? stream.events : undefined));
}
