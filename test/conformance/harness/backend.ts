import { createServer, type Server, type Socket } from "node:net";

/** What a scripted backend saw of one request: raw head, body so far. */
export interface SeenRequest {
  readonly head: string;
  readonly requestLine: string;
  /** Value of the first line with that name, without regard to case. */
  header(name: string): string | undefined;
  readonly body: string;
  readonly socket: Socket;
}

/** A backend of raw bytes: every complete request is kept and answered by `answer` (a string is written as it is). */
export class Backend {
  readonly port: number;
  readonly requests: SeenRequest[] = [];
  readonly sockets = new Set<Socket>();
  #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Starts on a free port of 127.0.0.1. `answer` gets each complete request (Content-Length and chunked bodies). */
  static async start(
    answer: (request: SeenRequest, backend: Backend) => string | undefined | Promise<string | undefined>,
  ): Promise<Backend> {
    const server = createServer({ allowHalfOpen: false });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const backend = new Backend(server, typeof address === "object" ? address!.port : 0);
    server.on("connection", (socket) => {
      backend.sockets.add(socket);
      let buffered = "";
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => backend.sockets.delete(socket));
      socket.on("data", async (bytes) => {
        buffered += bytes.toString("latin1");
        for (;;) {
          const taken = takeRequest(buffered, socket);
          if (taken === undefined) return;
          buffered = taken.rest;
          backend.requests.push(taken.request);
          const text = await answer(taken.request, backend);
          if (text !== undefined && !socket.destroyed) socket.write(Buffer.from(text, "latin1"));
        }
      });
    });
    return backend;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** A plain 200 answer with a text body and, optionally, more header lines. */
export function ok(body: string, ...lines: string[]): string {
  return `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join("")}Content-Length: ${body.length}\r\n\r\n${body}`;
}

function takeRequest(text: string, socket: Socket): { request: SeenRequest; rest: string } | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd + 4);
  const [requestLine = "", ...lines] = head.slice(0, -4).split("\r\n");
  const header = (name: string): string | undefined =>
    lines
      .find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      ?.slice(name.length + 1)
      .trim();
  const seen = (body: string, end: number) => ({
    request: { head, requestLine, header, body, socket },
    rest: text.slice(end),
  });
  const start = headEnd + 4;
  if (/chunked/i.test(header("transfer-encoding") ?? "")) {
    const end = text.indexOf("0\r\n\r\n", start);
    return end < 0 ? undefined : seen(text.slice(start, end + 5), end + 5);
  }
  const length = Number(header("content-length") ?? 0);
  return text.length < start + length ? undefined : seen(text.slice(start, start + length), start + length);
}
