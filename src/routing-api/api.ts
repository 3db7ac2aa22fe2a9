import type { RequestLike } from "../core/message.ts";
import type { Clock } from "../runtime/interface/clock.ts";
import type { ApiLog } from "./api-log.ts";
import type { ApiMetrics } from "./api-metrics.ts";
import type { EventFeed } from "./event-feed.ts";
import type { MaintenanceLocks } from "./maintenance.ts";
import type { BodyLimits } from "./read-body.ts";
import type { Store } from "./store/store.ts";
import type { Authenticate } from "./tokens.ts";

/** What the handlers of the API work with. */
export interface Api {
  readonly store: Store;
  readonly feed: EventFeed;
  readonly authenticate: Authenticate;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly metrics: ApiMetrics;
  readonly locks: MaintenanceLocks;
  readonly limits: BodyLimits;
  /** Seconds: upper bound and default of leases. */
  readonly maxTtl: number;
  /** Ports that router groups must not cover; empty: no such rule (routing-api §8.3). */
  readonly reservedPorts: readonly number[];
  /** Nobody is asked for a token, so web pages must not get at it: architecture §6. */
  readonly localOnly: boolean;
  /** Of the program. */
  readonly version: string;
}

/** A request on its way through a handler. */
export interface Call {
  readonly request: RequestLike;
  /** The `:guid` of the path. */
  readonly guid: string;
  /** The session of the request's listener. */
  readonly log: ApiLog;
  /** Tells that the answer goes on behind the handler, until `over` resolves. */
  readonly lasts: (over: Promise<void>) => void;
}

/** The query of a request. */
export function queryOf({ url }: RequestLike): URLSearchParams {
  const mark = url.indexOf("?");
  return new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
}

/** Answers one method of one path. Rejects with an `ApiError` or a `StorageError`. */
export type Handler = (api: Api, call: Call) => Promise<Response>;
