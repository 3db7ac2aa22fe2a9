import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { limitWaiting } from "../../fixtures/patience.ts";
import { type ReadBody, readChunked, readHead, readSized } from "./message.ts";

/** A raw client connection: what a test writes goes out byte for byte, what comes back is kept byte for byte (latin1). */
export class Connection {
  readonly socket: Socket;
  /** Everything received and not yet taken by `response`. */
  received = "";
  /** The peer has sent FIN, or the connection is gone. */
  ended = false;
  closed = false;
  /** Own address as the access log shows it. */
  readonly localAddress: string;
  #watchers = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    this.localAddress = `127.0.0.1:${socket.localPort}`;
    socket.on("data", (bytes: Buffer) =>
      this.#changed(() => {
        this.received += bytes.toString("latin1");
      }),
    );
    socket.on("end", () =>
      this.#changed(() => {
        this.ended = true;
      }),
    );
    socket.on("error", () => {});
    socket.on("close", () =>
      this.#changed(() => {
        this.ended = this.closed = true;
      }),
    );
  }

  /** Connects to a port of 127.0.0.1 and sends `first`. */
  static async open(port: number, first = ""): Promise<Connection> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    socket.setNoDelay(true);
    const connection = new Connection(socket);
    if (first) connection.write(first);
    return connection;
  }

  /**
   * The same on TLS, whatever the certificate. `secured` sees the TLS socket after its handshake; rejects when that fails.
   */
  static async openTls(
    port: number,
    options: ConnectionOptions = {},
    first = "",
    secured: (socket: TLSSocket) => void = () => {},
  ): Promise<Connection> {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    secured(socket);
    const connection = new Connection(socket);
    if (first) connection.write(first);
    return connection;
  }

  #changed(change: () => void): void {
    change();
    for (const watcher of [...this.#watchers]) watcher();
  }

  write(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  /** Resolves when `look` finds something; fails when the connection ends before, or patience (`timeoutMs`). */
  async waitFor<T>(what: string, look: () => T | undefined, timeoutMs = 15_000): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const stop = (): void => {
        limit.callOff();
        this.#watchers.delete(check);
      };
      const fail = (reason: string): void => {
        stop();
        reject(new Error(`waited for ${what}: ${reason}; received ${JSON.stringify(this.received.slice(0, 2000))}`));
      };
      const limit = limitWaiting(timeoutMs, () => fail(`${timeoutMs} ms passed`));
      const check = (): void => {
        let found: T | undefined;
        try {
          found = look();
        } catch (error) {
          fail(String(error));
          return;
        }
        if (found !== undefined) {
          stop();
          resolve(found);
        } else if (this.ended) fail("the connection ended");
      };
      this.#watchers.add(check);
      check();
    });
  }

  /** Waits for a complete response (by Content-Length, chunked, or head only with `headOnly`) and takes it off `received`. */
  async response(headOnly = false): Promise<RawResponse> {
    return await this.waitFor("a response", () => {
      const found = takeResponse(this.received, headOnly, this.ended);
      if (found === undefined) return undefined;
      this.received = this.received.slice(found.length);
      return found.response;
    });
  }

  /** Waits until exactly this text, or more, has been received. */
  async text(expected: string): Promise<void> {
    await this.waitFor(JSON.stringify(expected), () => this.received.includes(expected) || undefined);
  }

  /** Waits until the peer has closed its side; gives all that was received and not taken. */
  async toEnd(timeoutMs = 15_000): Promise<string> {
    return await this.waitFor("the end of the connection", () => (this.ended ? this.received : undefined), timeoutMs);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A response as it came. */
export interface RawResponse {
  readonly statusLine: string;
  readonly status: number;
  /** Lines as received, in order. */
  readonly lines: readonly string[];
  /** Value of the first line with that name, without regard to case; undefined when there is none. */
  header(name: string): string | undefined;
  /** Body without chunk framing. */
  readonly body: string;
  readonly trailers: readonly string[];
  readonly chunked: boolean;
}

function takeResponse(
  text: string,
  headOnly: boolean,
  ended: boolean,
): { response: RawResponse; length: number } | undefined {
  const head = readHead(text);
  if (head === undefined) return undefined;
  const { firstLine: statusLine, lines, header } = head;
  const status = Number(statusLine.split(" ")[1]);
  const chunked = /chunked/i.test(header("transfer-encoding") ?? "");
  const length = header("content-length");
  let read: ReadBody | undefined;
  if (headOnly || status < 200 || status === 204 || status === 304) read = readSized(text, head.end, 0);
  else if (chunked) read = readChunked(text, head.end);
  else if (length !== undefined) read = readSized(text, head.end, Number(length));
  else if (ended) read = readSized(text, head.end, text.length - head.end);
  if (read === undefined) return undefined;
  const { body, trailers } = read;
  return { response: { statusLine, status, lines, header, body, trailers, chunked }, length: read.end };
}

/** Sends one request on a connection of its own and gives its response. */
export async function exchange(port: number, request: string, headOnly = false): Promise<RawResponse> {
  const connection = await Connection.open(port, request);
  try {
    return await connection.response(headOnly);
  } finally {
    connection.close();
  }
}

/** Sends a GET for `path` of `host` on a connection of its own and gives its response. */
export async function get(port: number, host: string, path = "/", ...lines: string[]): Promise<RawResponse> {
  return await exchange(
    port,
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`,
  );
}
