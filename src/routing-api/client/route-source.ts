import type { StreamEvent } from "./event-parser.ts";

/** Takes the events of a stream. */
export interface EventSink {
  /** False: no more until `EventStream.resume`. */
  event(event: StreamEvent): boolean;
  /** The last call: the stream ended or broke. */
  ended(error: Error): void;
}

/** An open event stream. */
export interface EventStream {
  resume(): void;
  /** The sink hears nothing further. */
  close(): void;
}

/** Where a router reads its leases: a Routing API over HTTP, or one in the same process. */
export interface RouteSource {
  /** All elements, unchecked. Rejects with `Unauthorized` when the token was not taken, or with an `Error`. */
  list(token: string): Promise<unknown[]>;
  /** Subscribes to changes. Rejects as `list`; undefined: `stopped` said so before there was a stream. */
  subscribe(token: string, sink: EventSink, stopped: () => boolean): Promise<EventStream | undefined>;
}
