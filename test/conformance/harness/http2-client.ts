import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";

/** What came on one stream. */
export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly interim: readonly number[];
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
}

/** A request with a body that is ended by `end`. */
interface Http2Request extends OutgoingHttpHeaders {
  body?: string;
}

/** An HTTP/2 client on one connection: that of Node, whatever runtime the router has. */
export class Http2Client {
  readonly session: ClientHttp2Session;
  /** Code of the router's GOAWAY. */
  goAway: number | undefined;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on("error", () => {});
    session.on("goaway", (code) => {
      this.goAway = code;
    });
  }

  /** Connects to a port of 127.0.0.1, whatever its certificate; `http:` is prior knowledge. */
  static async open(
    port: number,
    scheme: "http" | "https" = "https",
    options: ClientSessionOptions | SecureClientSessionOptions = {},
  ): Promise<Http2Client> {
    const session = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false, ...options });
    await new Promise<void>((resolve, reject) => session.once("remoteSettings", () => resolve()).once("error", reject));
    return new Http2Client(session);
  }

  /** Begins a request to `app.test` without ending it. */
  begin(headers: OutgoingHttpHeaders = {}, ends = false): ClientHttp2Stream {
    const stream = this.session.request({ ":authority": "app.test", ":path": "/", ...headers }, { endStream: ends });
    stream.on("error", () => {});
    return stream;
  }

  /** Sends a request and reads its whole answer. Rejects with the stream's error. */
  async ask({ body, ...headers }: Http2Request = {}): Promise<Http2Answer> {
    const stream = this.begin(headers, body === undefined);
    const answer = readAnswer(stream);
    if (body !== undefined) stream.end(body);
    return await answer;
  }

  close(): void {
    this.session.destroy();
  }
}

/** Reads all of an answer. Rejects when the stream is reset. */
export async function readAnswer(stream: ClientHttp2Stream): Promise<Http2Answer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let body = "";
  const interim: number[] = [];
  stream.setEncoding("latin1");
  stream.on("headers", (fields) => interim.push(Number(fields[":status"])));
  stream.on("response", (fields) => {
    headers = fields;
  });
  stream.on("trailers", (fields) => {
    trailers = fields;
  });
  stream.on("data", (text: string) => {
    body += text;
  });
  await new Promise<void>((resolve, reject) => {
    stream.on("error", reject);
    stream.on("close", () => {
      if (stream.rstCode === 0) resolve();
      else reject(new Error(`stream reset with ${stream.rstCode}`));
    });
  });
  return { status: Number((headers as { ":status"?: number })[":status"]), headers, interim, body, trailers };
}
