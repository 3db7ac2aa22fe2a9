import type { MessageSocket, WebSocketHandler } from "../interface/web-socket.ts";

/** Bytes that may wait before the sender is told to stop. */
const highWater = 64 * 1024;
/** How often a socket that has no drain event is asked whether it has drained, in milliseconds. */
const drainCheckMs = 10;

/** What is used of a WebSocket of the W3C kind, open; npm's `ws` has `pause`, `resume` and `terminate` beside it. */
interface OpenWebSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
  addEventListener(type: "error", listener: () => void): void;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  pause?(): void;
  resume?(): void;
  terminate?(): void;
}

/** A WebSocket of the W3C kind as a `MessageSocket`. */
export class StandardWebSocket implements MessageSocket {
  readonly #socket: OpenWebSocket;
  #handler: WebSocketHandler | undefined;
  #over = false;
  #waiting: ReturnType<typeof setInterval> | undefined;

  constructor(socket: OpenWebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
  }

  /** Takes the handler; what the socket tells goes to it from now on. */
  serve(handler: WebSocketHandler): void {
    this.#handler = handler;
    this.#socket.addEventListener("message", ({ data }) => {
      if (!this.#over) handler.message(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    });
    this.#socket.addEventListener("close", ({ code, reason }) => {
      if (this.#over) return;
      this.#over = true;
      clearInterval(this.#waiting);
      // Deno tells 0 where the standard says 1006.
      handler.closed(code === 0 ? 1006 : code, reason);
    });
    // A close event follows.
    this.#socket.addEventListener("error", () => {});
  }

  get pending(): number {
    return this.#socket.bufferedAmount;
  }

  send(data: string | Uint8Array): boolean {
    if (this.#over) return true;
    try {
      this.#socket.send(data as string | Uint8Array<ArrayBuffer>);
    } catch {
      return true; // closing: its close event tells
    }
    if (this.#socket.bufferedAmount <= highWater) return true;
    this.#waiting ??= setInterval(() => this.#checkDrained(), drainCheckMs);
    return false;
  }

  #checkDrained(): void {
    if (this.#socket.bufferedAmount > 0) return;
    clearInterval(this.#waiting);
    this.#waiting = undefined;
    this.#handler?.drained();
  }

  pause(): void {
    this.#socket.pause?.();
  }

  resume(): void {
    if (!this.#over) this.#socket.resume?.();
  }

  close(code: number, reason: string): void {
    if (this.#over) return;
    // A paused socket would not see the peer's close frame.
    this.#socket.resume?.();
    if (code === 1005) this.#socket.close();
    else this.#socket.close(code, reason);
  }

  destroy(): void {
    if (this.#over) return;
    if (this.#socket.terminate === undefined) this.#socket.close(1011, "");
    else this.#socket.terminate();
  }
}
