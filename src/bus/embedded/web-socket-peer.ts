import { type RawData, WebSocket, WebSocketServer } from "ws";
import { isLoopbackHost } from "../../core/loopback-host.ts";
import type { Peer } from "./client-session.ts";

/** Who may open a WebSocket. */
interface WebSocketRules {
  /** Origins of web pages that may; all others, and `null`, may not. A client without `Origin` is no web page. */
  readonly origins: readonly string[];
}

interface UpgradeHeaders {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
}

/**
 * Whether an upgrade may go on (architecture §6): a web page must not be able to register routes, neither directly nor
 * by a name of its own that resolves to this machine.
 */
function mayUpgrade(headers: UpgradeHeaders, rules: WebSocketRules): boolean {
  if (!isLoopbackHost(headers.host ?? "")) return false;
  return headers.origin === undefined || rules.origins.includes(headers.origin);
}

/** A listening WebSocket port. */
export interface WebSocketListener {
  readonly port: number;
  close(): Promise<void>;
}

/** What the server does with a client that came by WebSocket. */
interface WebSocketSession {
  data(bytes: Uint8Array): void;
  closed(): void;
}

class WebSocketPeer implements Peer {
  readonly remoteAddress: string;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, remoteAddress: string) {
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
  }

  get pending(): number {
    return this.#socket.bufferedAmount;
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  end(): void {
    this.#socket.close(1000);
  }

  destroy(): void {
    this.#socket.terminate();
  }
}

function bytesOf(data: RawData): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (!Array.isArray(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const all = new Uint8Array(data.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of data) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Listens for WebSockets on `host`. Rejects with the runtime's error when the port cannot be bound. */
export async function listenWebSocket(
  host: string,
  port: number,
  maxFrame: number,
  rules: WebSocketRules,
  accept: (peer: Peer) => WebSocketSession,
): Promise<WebSocketListener> {
  const server = new WebSocketServer({
    host,
    port,
    perMessageDeflate: false,
    maxPayload: maxFrame,
    verifyClient: ({ req }: { req: { headers: UpgradeHeaders } }) => mayUpgrade(req.headers, rules),
  });
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });
  server.on("error", () => {});
  server.on("connection", (socket, request) => {
    const session = accept(new WebSocketPeer(socket, request.socket.remoteAddress ?? host));
    socket.on("message", (data) => session.data(bytesOf(data)));
    socket.on("error", () => socket.terminate());
    socket.on("close", () => session.closed());
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a WebSocket server without a port");
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of server.clients) socket.terminate();
        server.close(() => resolve());
      }),
  };
}
