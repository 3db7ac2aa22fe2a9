import type { MessageSocket, WebSocketHandler } from "../runtime/interface/web-socket.ts";

/** Bytes that may wait for one side while the other cannot be told to stop; then both are closed. */
const backlogLimit = 16 * 1024 * 1024;

/**
 * One side of a bridge of two WebSockets: hands messages, the end of back-pressure, and the close code to the other. A
 * side that cannot be paused and is too far ahead ends both with 1013 (try again later).
 */
class BridgeEnd implements WebSocketHandler {
  socket: MessageSocket | undefined;
  far: BridgeEnd | undefined;
  ended = false;
  readonly #over: () => void;

  constructor(over: () => void) {
    this.#over = over;
  }

  message(data: string | Uint8Array): void {
    const to = this.far?.socket;
    if (to === undefined || to.send(data)) return;
    this.socket?.pause();
    if (to.pending <= backlogLimit) return;
    to.close(1013, "too much is waiting");
    this.socket?.close(1013, "too much is waiting");
  }

  drained(): void {
    this.far?.socket?.resume();
  }

  closed(code: number, reason: string): void {
    const to = this.far?.socket;
    this.socket = undefined;
    this.ended = true;
    if (code === 1006) to?.destroy();
    else to?.close(code, reason);
    if (to === undefined) this.#over();
  }
}

/** Ties two WebSockets together. `over` is called once, when both have ended. */
export class WebSocketBridge {
  readonly front: BridgeEnd;
  readonly back: BridgeEnd;

  constructor(over: () => void) {
    this.front = new BridgeEnd(over);
    this.back = new BridgeEnd(over);
    this.front.far = this.back;
    this.back.far = this.front;
  }

  /** Closes both (RFC 6455 §7.4.1); each still hears the other's answer. */
  close(code: number, reason: string): void {
    this.front.socket?.close(code, reason);
    this.back.socket?.close(code, reason);
  }
}
