import { connect, type Socket } from "node:net";

/** A raw client connection: what a test writes goes out byte for byte, what comes back is kept byte for byte (latin1). */
export class Connection {
  readonly socket: Socket;
  /** Everything received so far. */
  received = "";
  ended = false;
  closed = false;
  #watchers = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
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

  static async open(port: number, first = ""): Promise<Connection> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    socket.setNoDelay(true);
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

  /** Resolves when `look` finds something; fails when the connection ends before, or after `timeoutMs`. */
  async waitFor<T>(what: string, look: () => T | undefined, timeoutMs = 15_000): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(check);
      };
      const fail = (reason: string): void => {
        stop();
        reject(new Error(`waited for ${what}: ${reason}; received ${JSON.stringify(this.received.slice(0, 2000))}`));
      };
      const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs);
      const check = (): void => {
        const found = look();
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
      this.received = found.rest;
      return found.response;
    });
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
  readonly chunked: boolean;
}

function takeResponse(
  text: string,
  headOnly: boolean,
  ended: boolean,
): { response: RawResponse; rest: string } | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [statusLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const status = Number(statusLine.split(" ")[1]);
  const header = (name: string): string | undefined =>
    lines
      .find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      ?.slice(name.length + 1)
      .trim();
  const chunked = /chunked/i.test(header("transfer-encoding") ?? "");
  const start = headEnd + 4;
  const done = (body: string, end: number) => ({
    response: { statusLine, status, lines, header, body, chunked },
    rest: text.slice(end),
  });
  if (headOnly || status < 200 || status === 204 || status === 304) return done("", start);
  if (chunked) return dechunked(text, start, done);
  const length = header("content-length");
  if (length !== undefined)
    return text.length >= start + Number(length)
      ? done(text.slice(start, start + Number(length)), start + Number(length))
      : undefined;
  return ended ? done(text.slice(start), text.length) : undefined;
}

function dechunked<T>(text: string, start: number, done: (body: string, end: number) => T): T | undefined {
  let body = "";
  for (let at = start; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) {
      const end = text.startsWith("\r\n", lineEnd + 2) ? lineEnd + 4 : text.indexOf("\r\n\r\n", lineEnd) + 4;
      return end >= 4 && text.length >= end ? done(body, end) : undefined;
    }
    if (text.length < lineEnd + 2 + size + 2) return undefined;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
