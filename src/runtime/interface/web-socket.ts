/** Longest WebSocket message in bytes: messages are held in memory. A longer one ends the WebSocket with 1009 or 1006. */
export const maxWebSocketMessage = 64 * 1024 * 1024;

/** What a WebSocket tells its owner. */
export interface WebSocketHandler {
  /** A whole message (RFC 6455 §5.6): text, or bytes that belong to the handler. */
  message(data: string | Uint8Array): void;
  /** After a `send` returned false: go on. */
  drained(): void;
  /** The last call, exactly once. 1005: a close frame without code; 1006: the connection ended without a close frame. */
  closed(code: number, reason: string): void;
}

/** A WebSocket (RFC 6455) by messages. `close` and `destroy` may be called at any time, after the end too. */
export interface MessageSocket {
  /** Bytes sent and not yet handed to the kernel, as far as the runtime tells. */
  readonly pending: number;
  /** False: too much is pending, wait for `drained` (the message was taken all the same). */
  send(data: string | Uint8Array): boolean;
  /** Stops reading, where the WebSocket can (W3C's cannot); else nothing happens. */
  pause(): void;
  resume(): void;
  /** Begins the closing handshake; 1005: without code. */
  close(code: number, reason: string): void;
  /** Ends the connection at once, where the WebSocket can; else closes it. */
  destroy(): void;
}
