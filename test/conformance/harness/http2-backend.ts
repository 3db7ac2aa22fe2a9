import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { condition } from "./condition.ts";

/** What a backend saw of a request. */
export interface SeenStream {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in the order in which they came. */
  readonly lines: readonly [string, string][];
  body: string;
  trailers: IncomingHttpHeaders;
  ended: boolean;
  /** Code of the RST_STREAM that closed it; 0 after an orderly end; undefined while it is open. */
  closed: number | undefined;
}

/** A backend that speaks HTTP/2, that of Node, by TLS or prior knowledge. */
export class Http2Backend {
  readonly requests: SeenStream[] = [];
  readonly sessions: ServerHttp2Session[] = [];
  readonly port: number;
  answer: (request: SeenStream) => void;
  readonly #server: Http2Server;

  private constructor(server: Http2Server, answer: (request: SeenStream) => void) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.answer = answer;
  }

  /** `answer` is called with each request's head. */
  static async start(
    answer: (request: SeenStream) => void,
    tls?: { readonly certificate: string; readonly key: string },
  ): Promise<Http2Backend> {
    const server =
      tls === undefined
        ? createServer()
        : (createSecureServer({ cert: tls.certificate, key: tls.key }) as unknown as Http2Server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const backend = new Http2Backend(server, answer);
    server.on("session", (session) => {
      backend.sessions.push(session);
      session.on("error", () => {});
    });
    server.on("stream", (stream, headers, _flags, raw: unknown) => backend.#seen(stream, headers, raw as string[]));
    return backend;
  }

  #seen(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: string[]): void {
    const lines: [string, string][] = [];
    for (let at = 0; at < raw.length; at += 2) lines.push([raw[at]!, raw[at + 1]!]);
    const seen: SeenStream = { stream, headers, lines, body: "", trailers: {}, ended: false, closed: undefined };
    this.requests.push(seen);
    stream.setEncoding("latin1");
    stream.on("data", (text: string) => {
      seen.body += text;
    });
    stream.on("trailers", (trailers) => {
      seen.trailers = trailers;
    });
    stream.on("end", () => {
      seen.ended = true;
    });
    stream.on("error", () => {});
    stream.on("close", () => {
      seen.closed = stream.rstCode;
    });
    this.answer(seen);
  }

  /** Waits for request number `count` (from 1). */
  async request(count: number): Promise<SeenStream> {
    return await condition(`request ${count} at the backend`, () => this.requests[count - 1]);
  }

  clear(): void {
    this.requests.length = 0;
  }

  async stop(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Answers 200 with a text. */
export function hello({ stream }: SeenStream): void {
  stream.respond({ ":status": 200, "content-type": "text/plain" });
  stream.end("hello");
}
