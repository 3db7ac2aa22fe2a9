import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/** A WebSocket backend by npm's `ws`: echoes messages; `close CODE REASON` as text makes it close so. */
export class WebSocketEcho {
  readonly port: number;
  /** Sockets that are open, oldest first. */
  readonly sockets = new Set<WebSocket>();
  /** Close codes and reasons it got, in order; 1006 when a connection was cut. */
  readonly closes: string[] = [];
  /** Payloads of the pings it got. */
  readonly pings: string[] = [];
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.on("error", () => {});
      socket.on("ping", (payload) => this.pings.push(payload.toString()));
      socket.on("message", (data, isBinary) => {
        const order = isBinary ? undefined : /^close (\d+) (.*)$/.exec(String(data));
        if (order) socket.close(Number(order[1]), order[2]);
        else socket.send(data, { binary: isBinary });
      });
      socket.on("close", (code, reason) => {
        this.sockets.delete(socket);
        this.closes.push(`${code} ${reason}`);
      });
    });
  }

  /** Starts on a free port of 127.0.0.1; it takes the first subprotocol that is offered. */
  static async start(): Promise<WebSocketEcho> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, maxPayload: 32 * 1024 * 1024 });
    await new Promise((resolve) => server.once("listening", resolve));
    return new WebSocketEcho(server);
  }

  /** Cuts what is open and stops listening. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
