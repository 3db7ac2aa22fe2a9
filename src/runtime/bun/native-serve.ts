import type { ServerWebSocket } from "bun";
import { plainAddress, showAddress } from "../base/address.ts";
import { streamError } from "../base/stream-error.ts";
import type { ListenOptions } from "../interface/listening.ts";
import type { NativeHandler, NativeListener, NativeUpgrade } from "../interface/native-serving.ts";
import { type MessageSocket, maxWebSocketMessage, type WebSocketHandler } from "../interface/web-socket.ts";
import { listenFault } from "./listen-fault.ts";

/** Bytes that may wait before the sender is told to stop. */
const highWater = 64 * 1024;
/** No limit of Bun's own: how much may wait is the bridge's to decide. */
const noLimit = 2 ** 31 - 1;

/** What travels with a WebSocket of Bun from the upgrade on. */
interface Attached {
  readonly upgrade: NativeUpgrade;
  handler: WebSocketHandler | undefined;
}

/** Bun's server side of a WebSocket; it cannot be paused. */
class BunWebSocket implements MessageSocket {
  readonly #socket: ServerWebSocket<Attached>;

  constructor(socket: ServerWebSocket<Attached>) {
    this.#socket = socket;
  }

  get pending(): number {
    return this.#socket.getBufferedAmount();
  }

  send(data: string | Uint8Array): boolean {
    this.#socket.send(data as string | Uint8Array<ArrayBuffer>);
    return this.#socket.getBufferedAmount() <= highWater;
  }

  pause(): void {}

  resume(): void {}

  close(code: number, reason: string): void {
    if (code === 1005) this.#socket.close();
    else this.#socket.close(code, reason);
  }

  destroy(): void {
    this.#socket.terminate();
  }
}

/** `Runtime.serveNative` by `Bun.serve`. */
export async function serveBun(
  { host, port = 0 }: Pick<ListenOptions, "host" | "port">,
  handler: NativeHandler,
): Promise<NativeListener> {
  const start = (): Bun.Server<Attached> =>
    Bun.serve<Attached>({
      ...(host ? { hostname: host } : {}),
      port,
      development: false,
      // Also counts while a backend takes its time, so it cannot stand for the idle time between requests.
      idleTimeout: 0,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      error: () => new Response(null, { status: 502 }),
      async fetch(request, server) {
        const peer = server.requestIP(request);
        const answer = await handler(request, {
          remoteAddress: plainAddress(peer?.address),
          remotePort: peer?.port ?? 0,
          localAddress: host ?? "",
          localPort: server.port ?? 0,
          target: undefined,
          protocol: "HTTP/1.1",
        });
        if ("status" in answer) return new Response(answer.body, answer);
        const headers = answer.headers.map(([name, value]): [string, string] => [name, value]);
        if (answer.protocol !== "") headers.push(["Sec-WebSocket-Protocol", answer.protocol]);
        if (server.upgrade(request, { headers, data: { upgrade: answer, handler: undefined } })) return undefined;
        answer.failed();
        return new Response(null, { status: 400 });
      },
      websocket: {
        idleTimeout: 0,
        sendPings: false,
        perMessageDeflate: false,
        maxPayloadLength: maxWebSocketMessage,
        backpressureLimit: noLimit,
        open(socket) {
          socket.data.handler = socket.data.upgrade.open(new BunWebSocket(socket));
        },
        message(socket, data) {
          // Bun uses the memory of a message again.
          socket.data.handler?.message(typeof data === "string" ? data : new Uint8Array(data));
        },
        drain(socket) {
          socket.data.handler?.drained();
        },
        close(socket, code, reason) {
          socket.data.handler?.closed(code, reason);
        },
      },
    });
  let server: Bun.Server<Attached>;
  try {
    server = start();
  } catch (error) {
    throw streamError(listenFault(error as Error, host), `listen on ${showAddress({ host, port })}`, "listen");
  }
  return {
    host: host || (server.hostname ?? ""),
    port: server.port ?? 0,
    async close() {
      // Its promise waits for the last request; the port is free at once.
      void server.stop(false);
    },
    async drained() {
      // Bun counts requests, but does not tell when the count changes.
      while (server.pendingRequests > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    async destroy() {
      await server.stop(true);
    },
  };
}
