import type { Client } from "../core/client.ts";
import type { RequestLike, ResponseLike, Tunnel } from "../core/message.ts";
import type { ByteStream, ByteStreamHandler } from "../runtime/interface/byte-stream.ts";
import type { ListenOptions } from "../runtime/interface/listening.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { ProxyOptions } from "./proxy-protocol/entry.ts";
import type { HeadLimits } from "./request-head.ts";
import type { Listed } from "./roster.ts";
import type { HttpDate } from "./server-date.ts";
import type { TimerWheel } from "./timer-wheel.ts";
import type { ServerTlsOptions } from "./tls-entry.ts";

/**
 * Answers requests: the router's core, or any Fetch handler (`server-fetch.ts`). `request` and `client` may be one
 * object. A handler that throws or rejects makes an empty 502.
 */
export type Handler = (request: RequestLike, client: Client) => Promise<ResponseLike | Tunnel> | ResponseLike | Tunnel;

/** A WebSocket between a client and a backend. */
interface CarriedWebSocket {
  /** Tells both ends that the server is going away (RFC 6455 §7.4.1). `mask` makes a masking key. */
  farewell(mask: () => Uint8Array): void;
}

/** What a server keeps until it is over. */
export interface Hosted extends Listed {
  /** The server drains: closes the connection if it is idle, else as soon as it is. */
  drain(): void;
  /** The WebSockets it carries whose ends can be told to close. Absent: it never carries one. */
  webSockets?(): readonly CarriedWebSocket[];
  /** Cuts the connection. */
  destroy(): void;
}

/** A client's connection as its server sees it, whatever it speaks. */
export interface HostedConnection extends Hosted, ByteStreamHandler {}

/** What a connection counts as (control-plane §8.4). */
export type Counted = "none" | "active" | "idle";

/** What exchanges take from their server. */
export interface ExchangeParts {
  readonly options: ServerOptions;
  readonly handler: Handler;
  readonly date: HttpDate;
  readonly latin1: (bytes: Uint8Array, start: number, end: number) => string;
}

/** What connections take from their server. */
export interface ConnectionHost extends ExchangeParts {
  readonly wheel: TimerWheel;
  /** Connections are closed as soon as they are idle. */
  readonly draining: boolean;
  count(from: Counted, to: Counted): void;
  /** A connection became a tunnel, which takes its place. */
  took(tunnel: Hosted): void;
  removed(connection: Hosted): void;
  /** For what must not be guessed. */
  readonly runtime: Pick<Runtime, "randomBytes">;
}

/** Makes a connection on a stream that speaks HTTP/2; it calls `host.removed` with itself when it is over. */
export type MakeConnection = (stream: ByteStream, host: ConnectionHost) => HostedConnection;

/** How a server is to serve. */
export interface ServerOptions {
  /** Where; for TLS see `tls`. */
  readonly listen: Omit<ListenOptions, "tls">;
  /** Connections may begin with a PROXY header, which comes before TLS. */
  readonly proxy?: ProxyOptions;
  /** TLS; without it the listener is a plain one. */
  readonly tls?: ServerTlsOptions;
  /** Serves secured streams whose ALPN protocol is `h2` (RFC 9113 §3.2); offer `h2` in `tls` only with it. */
  readonly http2?: MakeConnection;
  readonly limits: HeadLimits;
  /** Milliseconds that a connection may wait between two requests (data-plane §4.7 `frontend_idle_timeout`); 0: for ever. */
  readonly idleTimeoutMs: number;
  /** Milliseconds from the first byte of a head (first request: from accept) to its last; 0: for ever (§4.7). */
  readonly readHeaderTimeoutMs: number;
  /**
   * Milliseconds from the end of a request's head until its answer is out, or the connection is cut. Default: for ever. An
   * HTTP/2 connection takes no notice.
   */
  readonly answerTimeoutMs?: number;
  /** A response may start before its request has been read (data-plane §1.4.17). Default false. */
  readonly concurrentReadWrite?: boolean;
  /** With `http2`: plain connections may begin with its preface (RFC 9113 §3.3). Default: they speak HTTP/1.x. */
  readonly http2PriorKnowledge?: boolean;
  /** Connections served at a time; more get a 503 at once. Default: no bound of ours. */
  readonly maxConnections?: number;
  /** Open WebSockets can be closed in order by `Server.farewell`. Default false: their bytes are not looked at. */
  readonly webSocketFarewell?: boolean;
  /** Hears what a handler threw. */
  readonly onError?: (error: unknown) => void;
}
