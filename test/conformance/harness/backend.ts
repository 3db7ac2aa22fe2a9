import { createServer, type Server, type Socket } from "node:net";
import { freePort } from "../../fixtures/free-port.ts";
import { condition } from "./condition.ts";
import { readChunked, readHead, readSized } from "./message.ts";

/** What a scripted backend saw of one complete request. */
export interface SeenRequest {
  /** Request line and header lines with the final empty line, as they came. */
  readonly head: string;
  readonly requestLine: string;
  /** Header lines as they came, in order. */
  readonly lines: readonly string[];
  /** Value of the first line with that name, without regard to case. */
  header(name: string): string | undefined;
  /** Body without chunk framing. */
  readonly body: string;
  readonly trailers: readonly string[];
  readonly chunked: boolean;
  readonly socket: Socket;
}

/** A connection of the backend: what came in on it, whether complete or not. */
export interface SeenConnection {
  /** Since the last `clear`. */
  received: string;
  /** The router has closed it, or its side of it. */
  ended: boolean;
}

/** What a backend does with a request: a text is written as it is; with undefined the script has written by itself. */
export type Answer = (request: SeenRequest, backend: Backend) => string | undefined | Promise<string | undefined>;

/** A backend of raw bytes: every complete request is kept and answered by `answer`. */
export class Backend {
  readonly port: number;
  /** Complete requests, in the order of their arrival. */
  readonly requests: SeenRequest[] = [];
  /** Connections accepted since the last `clear`. */
  accepted = 0;
  /** Those, and the ones that were open then. */
  connections: SeenConnection[] = [];
  readonly sockets = new Set<Socket>();
  /** May be replaced by a test. */
  answer: Answer;
  /** Called with each connection and all that has come in on it, before requests are looked for. */
  onData: (socket: Socket, seen: SeenConnection) => void = () => {};
  #server: Server;

  private constructor(server: Server, port: number, answer: Answer) {
    this.#server = server;
    this.port = port;
    this.answer = answer;
  }

  /** Starts on a free port of 127.0.0.1. `answer` gets each complete request (Content-Length and chunked bodies). */
  static async start(answer: Answer): Promise<Backend> {
    const server = createServer({ allowHalfOpen: false });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const backend = new Backend(server, typeof address === "object" ? address!.port : 0, answer);
    server.on("connection", (socket) => backend.#accept(socket));
    return backend;
  }

  #accept(socket: Socket): void {
    const seen: SeenConnection = { received: "", ended: false };
    let buffered = "";
    let answering: Promise<void> = Promise.resolve();
    const over = (): void => {
      seen.ended = true;
    };
    this.accepted++;
    this.connections.push(seen);
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("end", over);
    socket.on("close", () => {
      over();
      this.sockets.delete(socket);
    });
    socket.on("data", (bytes) => {
      const text = bytes.toString("latin1");
      seen.received += text;
      buffered += text;
      this.onData(socket, seen);
      for (;;) {
        const found = takeRequest(buffered, socket);
        if (found === undefined) return;
        buffered = buffered.slice(found.length);
        this.requests.push(found.request);
        answering = answering.then(async () => {
          const text = await this.answer(found.request, this);
          if (text !== undefined && !socket.destroyed) socket.write(Buffer.from(text, "latin1"));
        });
      }
    });
  }

  /** Everything that came in since the last `clear`, connection behind connection. */
  get received(): string {
    return this.connections.map(({ received }) => received).join("");
  }

  /** Waits for the complete request number `count` (from 1) and gives it. */
  async request(count: number): Promise<SeenRequest> {
    return await condition(`request ${count} at the backend`, () => this.requests[count - 1]);
  }

  /** Forgets what was seen, so that a test starts from nothing. */
  clear(): void {
    this.requests.length = 0;
    this.connections = this.connections.filter(({ ended }) => !ended);
    for (const connection of this.connections) connection.received = "";
    this.accepted = 0;
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

function takeRequest(text: string, socket: Socket): { request: SeenRequest; length: number } | undefined {
  const head = readHead(text);
  if (head === undefined) return undefined;
  const chunked = /chunked/i.test(head.header("transfer-encoding") ?? "");
  const read = chunked
    ? readChunked(text, head.end)
    : readSized(text, head.end, Number(head.header("content-length") ?? 0));
  if (read === undefined) return undefined;
  const { firstLine, lines, header, end } = head;
  const { body, trailers } = read;
  return {
    request: { head: text.slice(0, end), requestLine: firstLine, lines, header, body, trailers, chunked, socket },
    length: read.end,
  };
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function deadPort(): Promise<number> {
  return await freePort();
}
