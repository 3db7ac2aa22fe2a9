import type { MessageSocket, WebSocketHandler } from "./web-socket.ts";

/** A request as a runtime's own HTTP server gives it: the part of a Fetch `Request` that is used. */
export interface NativeRequest extends Pick<Request, "method" | "url" | "body" | "signal"> {
  /** Header lines: as received where the server shows them, else as `Headers` has them. */
  readonly headers: Iterable<[string, string]>;
}

/** A response for a runtime's own HTTP server: what `new Response(body, this)` takes. Statuses are 200 to 599. */
export interface NativeResponse {
  readonly status: number;
  readonly statusText: string;
  /** Header lines, framing aside; a Content-Length is the body's. */
  readonly headers: [string, string][];
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null;
}

/** What a runtime's own HTTP server tells beside a request. */
export interface NativePeer {
  /** As on `ByteStream`; empty where the server does not tell. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The request target as received (RFC 9112 §3.2); undefined: the server shows its `url` only. */
  readonly target: string | undefined;
  /** `HTTP/1.0` or `HTTP/1.1`; the latter where the server does not tell. */
  readonly protocol: string;
}

/** An answer that makes the client's connection a WebSocket. One of `open` and `failed` is called, once. */
export interface NativeUpgrade {
  /** Header lines to add to the 101. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Subprotocol to agree on; empty: none. */
  readonly protocol: string;
  /** The WebSocket is open: gives its handler. */
  open(socket: MessageSocket): WebSocketHandler;
  /** It did not come about: the client is gone, or its request was no WebSocket handshake. */
  failed(): void;
}

/** Answers requests of a runtime's own HTTP server. Never rejects. */
export type NativeHandler = (request: NativeRequest, peer: NativePeer) => Promise<NativeResponse | NativeUpgrade>;

/** A listener of the runtime's own HTTP server. */
export interface NativeListener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting; requests under way go on. Resolves when the port is free. */
  close(): Promise<void>;
  /** Resolves when no request is under way: every answer is complete and handed to the kernel. */
  drained(): Promise<void>;
  /** Cuts every connection. */
  destroy(): Promise<void>;
}
