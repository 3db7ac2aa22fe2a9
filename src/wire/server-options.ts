import type { Client } from "../core/client.ts";
import type { RequestLike, ResponseLike, Tunnel } from "../core/message.ts";
import type { ListenOptions } from "../runtime/interface.ts";
import type { HeadLimits } from "./request-head.ts";

/**
 * Answers requests: the router's core, or any Fetch handler (`server-fetch.ts`). `request` and `client` may be one
 * object. A handler that throws or rejects makes an empty 502.
 */
export type Handler = (request: RequestLike, client: Client) => Promise<ResponseLike | Tunnel> | ResponseLike | Tunnel;

/** How a server is to serve. */
export interface ServerOptions {
  readonly listen: ListenOptions;
  readonly limits: HeadLimits;
  /** Milliseconds that a connection may wait between two requests (data-plane §4.7 `frontend_idle_timeout`); 0: for ever. */
  readonly idleTimeoutMs: number;
  /** Milliseconds from the first byte of a head (first request: from accept) to its last; 0: for ever (§4.7). */
  readonly readHeaderTimeoutMs: number;
  /** A response may start before its request has been read (data-plane §1.4.17). Default false. */
  readonly concurrentReadWrite?: boolean;
  /** Connections served at a time; more get a 503 at once. Default: no bound of ours. */
  readonly maxConnections?: number;
  /** Hears what a handler threw. */
  readonly onError?: (error: unknown) => void;
}
