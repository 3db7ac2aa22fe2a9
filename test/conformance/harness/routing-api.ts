import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { CertificatePair } from "../../fixtures/certificates.ts";

/** A request that a fake saw. */
export interface SeenCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** What a fake does with a request instead of serving it. */
type Instead = ((request: SeenCall, response: ServerResponse) => void) | undefined;

/** TLS of a fake; with `authority` it demands a client certificate. */
interface FakeTls extends CertificatePair {
  readonly authority?: string;
}

class Fake {
  readonly calls: SeenCall[] = [];
  /** Takes the next requests, in order; what it gives back is done instead of serving them. */
  readonly instead: NonNullable<Instead>[] = [];
  /** Takes every request while it is set, behind `instead`. */
  always: Instead;
  /** Serves a request as the real one would. */
  serve: NonNullable<Instead> = () => {};
  #server: Server | undefined;
  #scheme = "http";

  protected async listen(tls: FakeTls | undefined, serve: NonNullable<Instead>): Promise<void> {
    this.serve = serve;
    const listener: RequestListener = (request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      request.on("end", () => {
        const call = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
        this.calls.push(call);
        (this.instead.shift() ?? this.always ?? this.serve)(call, response);
      });
    };
    this.#scheme = tls === undefined ? "http" : "https";
    this.#server =
      tls === undefined
        ? createServer(listener)
        : createTlsServer(
            {
              cert: tls.certificate,
              key: tls.key,
              ...(tls.authority !== undefined && { ca: tls.authority, requestCert: true, rejectUnauthorized: true }),
            },
            listener,
          );
    await new Promise<void>((resolve) => this.#server!.listen(0, "127.0.0.1", resolve));
  }

  /** `http://127.0.0.1:PORT`, or https. */
  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server!.address() as { port: number }).port}`;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}

const json = (response: ServerResponse, status: number, value: unknown): void => {
  // The API labels its JSON as text (routing-api §16, A3).
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
  response.end(JSON.stringify(value));
};

/** Answers like the API when something is wrong (routing-api §4). */
export function refusal(status: number, name: string, message: string): NonNullable<Instead> {
  return (_, response) => json(response, status, { name, message });
}

/** UAA's token endpoint: tokens `token-1`, `token-2`, … for one client. */
export class FakeUaa extends Fake {
  lifetimeSeconds: number | undefined = 3600;
  #tokens = 0;

  static async start(tls?: FakeTls): Promise<FakeUaa> {
    const uaa = new FakeUaa();
    await uaa.listen(tls, (call, response) => {
      const basic = `Basic ${Buffer.from("client:s%2Fcret").toString("base64")}`;
      const fits =
        call.method === "POST" &&
        call.path === "/oauth/token" &&
        call.headers.authorization === basic &&
        call.headers["x-cf-encoded-credentials"] === "true" &&
        call.headers["content-type"] === "application/x-www-form-urlencoded" &&
        call.body === "grant_type=client_credentials&token_format=jwt";
      if (!fits) {
        json(response, 401, { error: "unauthorized" });
        return;
      }
      uaa.#tokens++;
      json(response, 200, {
        access_token: `token-${uaa.#tokens}`,
        token_type: "bearer",
        expires_in: uaa.lifetimeSeconds,
      });
    });
    return uaa;
  }

  /** The newest token. */
  get token(): string {
    return `token-${this.#tokens}`;
  }
}

/** The TCP part of the Routing API, with one router group; keeps the mappings that live. */
export class FakeRoutingApi extends Fake {
  /** Live mappings, by what identifies them (routing-api §7.3). */
  readonly mappings = new Map<string, Readonly<Record<string, unknown>>>();
  /** Tokens that are taken; undefined: all. */
  accepts: string | undefined;

  static async start(tls?: FakeTls): Promise<FakeRoutingApi> {
    const api = new FakeRoutingApi();
    await api.listen(tls, (call, response) => api.#serve(call, response));
    return api;
  }

  #serve({ method, path, headers, body }: SeenCall, response: ServerResponse): void {
    const refused = this.accepts !== undefined && headers.authorization !== `bearer ${this.accepts}`;
    if (refused || !/^bearer \S+$/.test(headers.authorization ?? "")) {
      json(response, 401, { name: "UnauthorizedError", message: "Token is expired" });
      return;
    }
    const name = /^\/base\/routing\/v1\/router_groups\?name=(.*)$/.exec(path)?.[1];
    if (method === "GET" && name === "default-tcp") {
      json(response, 200, [{ guid: "group-guid", name, type: "tcp", reservable_ports: "1024-65535" }]);
      return;
    }
    if (method === "GET" && name !== undefined) {
      json(response, 404, { name: "ResourceNotFoundError", message: `router group '${name}' not found` });
      return;
    }
    const action = /^\/base\/routing\/v1\/tcp_routes\/(create|delete)$/.exec(path)?.[1];
    if (method !== "POST" || action === undefined || headers["content-type"] !== "application/json") {
      response.writeHead(404).end("404 page not found\n");
      return;
    }
    for (const mapping of JSON.parse(body) as Record<string, unknown>[]) {
      const key = [
        "router_group_guid",
        "backend_ip",
        "backend_port",
        "port",
        "backend_tls_port",
        "backend_sni_hostname",
      ]
        .map((field) => JSON.stringify(mapping[field] ?? null))
        .join();
      if (action === "create") this.mappings.set(key, mapping);
      else this.mappings.delete(key);
    }
    response.writeHead(action === "create" ? 201 : 204).end();
  }
}

/** Fields of an HTTP route (routing-api §6.1). */
export interface FakeRoute {
  readonly route: string;
  readonly ip?: string;
  readonly port?: number;
  readonly [field: string]: unknown;
}

/** The HTTP part of the Routing API: a list, and its event streams (routing-api §6, §9). */
export class FakeRoutes extends Fake {
  /** What the list says. */
  listed: FakeRoute[] = [];
  /** Tokens that are taken; undefined: all. */
  accepts: string | undefined;
  readonly #streams = new Set<ServerResponse>();
  #ids = 0;

  static async start(tls?: FakeTls): Promise<FakeRoutes> {
    const api = new FakeRoutes();
    await api.listen(tls, (call, response) => api.#serve(call, response));
    return api;
  }

  #serve({ path, headers }: SeenCall, response: ServerResponse): void {
    if (this.accepts !== undefined && headers.authorization !== `bearer ${this.accepts}`) {
      json(response, 401, { name: "UnauthorizedError", message: "Token is expired" });
      return;
    }
    const [resource] = path.split("?");
    if (resource === "/routing/v1/routes") json(response, 200, this.listed);
    else if (resource === "/routing/v1/events") {
      response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
      response.flushHeaders();
      this.#streams.add(response);
      response.on("close", () => this.#streams.delete(response));
    } else response.writeHead(404).end("404 page not found\n");
  }

  /** Open event streams. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Calls so far of one kind. */
  count(resource: "routes" | "events"): number {
    return this.calls.filter(({ path }) => path.startsWith(`/routing/v1/${resource}`)).length;
  }

  /** Sends an event to every stream. */
  say(name: string, data: unknown): void {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    for (const stream of this.#streams) stream.write(`id: ${this.#ids}\nevent: ${name}\ndata: ${text}\n\n`);
    this.#ids++;
  }

  /** Ends every stream, well or by cutting it. */
  endStreams(how: "end" | "cut"): void {
    for (const stream of this.#streams) {
      if (how === "end") stream.end();
      else stream.socket?.destroy();
    }
  }
}
