import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type ServerOptions, request as secureRequest } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import type { CertificatePair } from "../../fixtures/certificates.ts";

type Handle = (received: IncomingMessage, answer: ServerResponse) => void;

/** A certificate, and what else `node:https` may be told. */
type ServiceTls = CertificatePair & Pick<ServerOptions, "minVersion" | "requestCert" | "rejectUnauthorized" | "ca">;

/** A route service on a port of its own, with or without TLS. */
export class ServiceHost {
  /** Requests since the start, as they came. */
  readonly seen: IncomingMessage[] = [];
  readonly port: number;
  /** May be replaced by a test. */
  handle: Handle;
  /** Connections since the start. */
  accepted = 0;
  readonly #stop: () => Promise<void>;

  private constructor(port: number, handle: Handle, stop: () => Promise<void>) {
    this.port = port;
    this.handle = handle;
    this.#stop = stop;
  }

  static async start(handle: Handle, tls?: ServiceTls): Promise<ServiceHost> {
    const sockets = new Set<Socket>();
    const serve: Handle = (received, answer) => {
      host.seen.push(received);
      host.handle(received, answer);
    };
    const server =
      tls === undefined ? createServer(serve) : createSecureServer({ ...tls, cert: tls.certificate }, serve);
    server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
      host.accepted++;
      sockets.add(socket);
      socket.on("error", () => {});
    });
    server.on("upgrade", (received: IncomingMessage, socket: Socket, head: Buffer) => {
      host.seen.push(received);
      host.onUpgrade(received, socket, head);
    });
    // Node's 5 s are less than a busy machine may take from one request to the next.
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const host = new ServiceHost((server.address() as AddressInfo).port, handle, async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    });
    return host;
  }

  /** May be replaced by a test. */
  onUpgrade: (received: IncomingMessage, socket: Socket, head: Buffer) => void = (_, socket) => socket.destroy();

  async stop(): Promise<void> {
    await this.#stop();
  }
}

/** The ports of the router that a service calls back. */
export interface RouterPorts {
  readonly http: number;
  /** Undefined: services come back over http. */
  readonly https?: number;
}

/** Sends a request to the router as the forwarded URL's host would be resolved to it. */
function callBack(ports: RouterPorts, url: string, method: string, headers: Record<string, string | string[]>) {
  const { host, pathname, search } = new URL(url);
  const options = { host: "127.0.0.1", path: pathname + search, method, headers: { ...headers, host }, agent: false };
  return ports.https === undefined
    ? request({ ...options, port: ports.http })
    : secureRequest({ ...options, port: ports.https, rejectUnauthorized: false });
}

/** A service in plain `node:http`: passes everything on, and back. */
export function plainService(ports: () => RouterPorts): Handle {
  return (received, answer) => {
    const url = String(received.headers["x-cf-forwarded-url"]);
    const headers = received.headers as Record<string, string | string[]>;
    const onward = callBack(ports(), url, received.method ?? "GET", headers);
    onward.on("response", (response) => {
      const { connection: _, ...passed } = response.headers;
      answer.writeHead(response.statusCode ?? 0, passed);
      response.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    received.pipe(onward);
  };
}

/** What sends a hono service's requests to the router. */
export function sendBy(ports: () => RouterPorts): (request: Request) => Promise<Response> {
  return async (outgoing) => {
    const body = Buffer.from(await outgoing.arrayBuffer());
    const headers = Object.fromEntries(outgoing.headers);
    const onward = callBack(ports(), outgoing.url, outgoing.method, headers);
    return await new Promise((resolve, reject) => {
      onward.on("error", reject);
      onward.on("response", (response) => {
        const lines = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
        const stream = Readable.toWeb(response) as ReadableStream<Uint8Array>;
        resolve(new Response(stream, { status: response.statusCode ?? 0, headers: lines }));
      });
      onward.end(body);
    });
  };
}

/** Serves a Fetch handler by `node:http`. */
export function fetchService(fetchHandler: (request: Request) => Response | Promise<Response>): Handle {
  return (received, answer) => {
    const lines = Object.entries(received.headers).map(([name, value]): [string, string] => [name, String(value)]);
    const bodiless = received.method === "GET" || received.method === "HEAD";
    const init = {
      method: received.method ?? "GET",
      headers: lines,
      duplex: "half" as const,
      ...(bodiless ? {} : { body: Readable.toWeb(received) as ReadableStream<Uint8Array> }),
    };
    void (async () => {
      const response = await fetchHandler(new Request(`https://${received.headers.host}${received.url}`, init));
      answer.writeHead(response.status, [...response.headers].flat());
      answer.end(Buffer.from(await response.arrayBuffer()));
    })();
  };
}
