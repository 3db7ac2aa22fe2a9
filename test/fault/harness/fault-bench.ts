import { type AccessLogFields, readAccessLog } from "../../conformance/harness/access-log.ts";
import { Connection } from "../../conformance/harness/connection.ts";
import type { LogLine } from "../../conformance/harness/program.ts";
import { type RouterUnderTest, startRouter } from "../../conformance/harness/router.ts";
import { type Fault, type FaultyBackend, startFaultyBackend } from "./faulty-backend.ts";

/** A plain answer. */
export const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/** The first part of an answer with a length. */
export const sized = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
/** The first part of a chunked answer. */
export const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";

/** A router with short limits, backends that fail, and what the router says about it. */
export class FaultBench {
  readonly router: RouterUnderTest;
  private fences = 0;
  private hosts = 0;
  private readonly backends: FaultyBackend[] = [];
  private readonly connections: Connection[] = [];

  private constructor(router: RouterUnderTest) {
    this.router = router;
  }

  static async start(): Promise<FaultBench> {
    return new FaultBench(
      await startRouter("embedded", {
        disable_keep_alives: false,
        max_idle_conns_per_host: 100,
        backends: { max_attempts: 3 },
        endpoint_timeout: "1s",
        max_response_header_bytes: 2048,
        max_response_headers: 20,
        logging: { level: "info", extra_access_log_fields: ["failed_attempts"] },
      }),
    );
  }

  async stop(): Promise<void> {
    for (const connection of this.connections) connection.close();
    for (const backend of this.backends) await backend.stop();
    await this.router.stop();
  }

  /** A client connection that ends with the bench at the latest. */
  async connect(first = ""): Promise<Connection> {
    const connection = await Connection.open(this.router.port, first);
    this.connections.push(connection);
    return connection;
  }

  /** A backend with that fault behind a route of its own. */
  async faulty(fault: Fault): Promise<{ backend: FaultyBackend; host: string }> {
    const backend = await startFaultyBackend(fault);
    this.backends.push(backend);
    const host = `fault-${++this.hosts}.test`;
    await this.router.register({ uris: [host], port: backend.port, app: host });
    return { backend, host };
  }

  /** Log lines about the backend of that port, in order. */
  async linesAbout(port: number): Promise<readonly LogLine[]> {
    // A line that comes now stands behind all that the router had logged before.
    const value = `fence-${++this.fences}`;
    const lines = ["GET / HTTP/1.1", "Host: fence.test", `X-CF-App-Instance: ${value}`, "Connection: close"];
    await (await this.connect(`${lines.join("\r\n")}\r\n\r\n`)).toEnd();
    const { program } = this.router;
    await program.logged("invalid-app-instance-header", ({ data }) => String(data?.["error"]).endsWith(value));
    const address = `127.0.0.1:${port}`;
    return program.logLines.filter(
      ({ data }) => (data?.["route-endpoint"] as { Addr?: string } | undefined)?.Addr === address,
    );
  }

  /** The access log line of a route's request; undefined when a later request has one and it has none. */
  async accessLine(host: string): Promise<AccessLogFields | undefined> {
    const path = `/fence-${++this.fences}`;
    await (await this.connect(`GET ${path} HTTP/1.0\r\n\r\n`)).toEnd();
    await this.router.accessLogged((line) => line.includes(path));
    const line = this.router.accessLog().find((one) => one.startsWith(`${host} - `));
    return line === undefined ? undefined : readAccessLog(line);
  }
}

/** A request for that host; a POST has the body `body`. */
export function requestText(method: "GET" | "POST", host: string, path = "/"): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
  return method === "GET" ? `${head}\r\n` : `${head}Content-Length: 4\r\n\r\nbody`;
}
