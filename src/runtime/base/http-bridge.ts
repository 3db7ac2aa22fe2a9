import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Duplex, Readable } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { ListenOptions } from "../interface/listening.ts";
import type {
  NativeHandler,
  NativeListener,
  NativePeer,
  NativeRequest,
  NativeResponse,
} from "../interface/native-serving.ts";
import { maxWebSocketMessage } from "../interface/web-socket.ts";
import { plainAddress, showAddress } from "./address.ts";
import { StandardWebSocket } from "./standard-web-socket.ts";
import { streamError } from "./stream-error.ts";

/** Largest request head in bytes, as the wire listener takes it. */
const maxHeaderSize = 1_048_576 + 4096;

function linesOf({ rawHeaders }: IncomingMessage): [string, string][] {
  const lines: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
  return lines;
}

/** A request of `node:http` in the words of Fetch; the signal aborts when the client leaves before its answer is out. */
function requestOf(message: IncomingMessage, signal: AbortSignal): NativeRequest {
  const { method = "GET", url = "/", headers } = message;
  const framed = headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
  return {
    method,
    url: url.startsWith("/") ? `http://${headers.host ?? "localhost"}${url}` : url,
    headers: linesOf(message),
    body: framed ? (Readable.toWeb(message) as unknown as Request["body"]) : null,
    signal,
  };
}

function peerOf({ socket, url, httpVersion }: IncomingMessage): NativePeer {
  return {
    remoteAddress: plainAddress(socket.remoteAddress),
    remotePort: socket.remotePort ?? 0,
    localAddress: plainAddress(socket.localAddress),
    localPort: socket.localPort ?? 0,
    target: url,
    protocol: `HTTP/${httpVersion}`,
  };
}

/** Resolves when the response can take more, or never will. */
function ready(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once("drain", resolve);
    response.once("close", resolve);
  });
}

/** Writes a response with back-pressure; a body that fails cuts the connection. */
async function write(answer: NativeResponse, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, answer.statusText, answer.headers.flat());
  if (!(answer.body instanceof ReadableStream)) {
    response.end(answer.body ?? undefined);
    return;
  }
  const reader = answer.body.getReader();
  response.once("close", () => void reader.cancel().catch(() => {}));
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (!response.write(value) && !response.destroyed) await ready(response);
    }
    response.end();
  } catch {
    response.destroy();
  }
}

/** `node:http` in front of a Fetch-shaped handler, with npm's `ws` for WebSocket. */
class HttpBridge {
  readonly #handler: NativeHandler;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: maxWebSocketMessage,
    // The backend has chosen: `upgrade` puts its choice into the request.
    handleProtocols: (offered) => offered.values().next().value ?? false,
  });
  readonly #tunnels = new Set<WebSocket>();
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(handler: NativeHandler) {
    this.#handler = handler;
  }

  async request(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const left = new AbortController();
    this.#underWay++;
    response.once("close", () => {
      this.#underWay--;
      if (this.#underWay === 0) for (const resolve of this.#waiting.splice(0)) resolve();
      if (!response.writableFinished) left.abort();
    });
    const answer = await this.#handler(requestOf(message, left.signal), peerOf(message));
    if ("status" in answer) {
      await write(answer, response);
      return;
    }
    // A request that is no upgrade for node:http cannot become one.
    answer.failed();
    response.writeHead(400).end();
  }

  async upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const left = new AbortController();
    const leave = (): void => left.abort();
    socket.on("error", leave);
    socket.once("close", leave);
    const answer = await this.#handler(requestOf(message, left.signal), peerOf(message));
    if ("status" in answer) {
      await refuse(answer, socket).catch(() => socket.destroy());
      return;
    }
    if (socket.destroyed) {
      answer.failed();
      return;
    }
    const offered = message.headers["sec-websocket-protocol"];
    if (answer.protocol === "") delete message.headers["sec-websocket-protocol"];
    else if (offered !== undefined) message.headers["sec-websocket-protocol"] = answer.protocol;
    const addLines = (lines: string[], to: IncomingMessage): void => {
      if (to === message) for (const [name, value] of answer.headers) lines.push(`${name}: ${value}`);
    };
    this.#sockets.on("headers", addLines);
    let opened = false;
    this.#sockets.handleUpgrade(message, socket, head, (client) => {
      opened = true;
      this.#tunnels.add(client);
      client.once("close", () => this.#tunnels.delete(client));
      const front = new StandardWebSocket(client as unknown as ConstructorParameters<typeof StandardWebSocket>[0]);
      front.serve(answer.open(front));
    });
    this.#sockets.off("headers", addLines);
    // `ws` has answered a handshake that is none.
    if (!opened) answer.failed();
  }

  async drained(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  destroy(): void {
    for (const client of this.#tunnels) client.terminate();
  }
}

/** Answers an upgrade that was not granted, and closes: `node:http` has given the connection away. */
async function refuse({ status, statusText, headers, body }: NativeResponse, socket: Duplex): Promise<void> {
  const bytes = new Uint8Array(await new Response(body).arrayBuffer());
  let head = `HTTP/1.1 ${status} ${statusText}\r\n`;
  for (const [name, value] of headers) if (name.toLowerCase() !== "content-length") head += `${name}: ${value}\r\n`;
  head += `Content-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`;
  socket.end(Buffer.concat([Buffer.from(head, "latin1"), bytes]));
}

/** `Runtime.serveNative` by `node:http`. */
export async function serveNode(
  { host, port = 0 }: Pick<ListenOptions, "host" | "port">,
  handler: NativeHandler,
): Promise<NativeListener> {
  const bridge = new HttpBridge(handler);
  // Timeouts are the router's; a slow request must not be cut by a default of the library.
  const server = createServer({
    requestTimeout: 0,
    headersTimeout: 0,
    keepAliveTimeout: 0,
    noDelay: true,
    maxHeaderSize,
  });
  server.on("request", (message, response) => void bridge.request(message, response));
  server.on("checkContinue", (message, response) => {
    response.writeContinue();
    void bridge.request(message, response);
  });
  server.on("upgrade", (message, socket, head) => void bridge.upgrade(message, socket, head));
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => reject(streamError(error, `listen on ${showAddress({ host, port })}`));
    server.once("error", failed);
    try {
      server.listen({ port, ...(host ? { host } : {}) }, resolve);
    } catch (error) {
      failed(error as Error);
    }
  });
  server.on("error", () => {});
  const bound = server.address() as AddressInfo;
  return {
    host: bound.address,
    port: bound.port,
    async close() {
      server.close();
      server.closeIdleConnections();
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
    drained: () => bridge.drained(),
    async destroy() {
      server.closeAllConnections();
      bridge.destroy();
    },
  };
}
