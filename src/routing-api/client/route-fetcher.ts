import type { Clock, Timer } from "../../core/clock.ts";
import { Level, type Logger } from "../../core/observe/log.ts";
import { Unauthorized } from "./accepted.ts";
import { type ApiRoute, loggedApiRoute, readApiRoute } from "./api-route.ts";
import { Breather } from "./breather.ts";
import { EndingLog } from "./ending-log.ts";
import type { StreamEvent } from "./event-parser.ts";
import { LeasedRoutes, type RouteTable } from "./leased-routes.ts";
import type { EventStream, RouteSource } from "./route-source.ts";

/** Where tokens come from: `UaaClient`, or nowhere. */
export interface TokenSource {
  /** `refused`: a token that the API did not take. Rejects with an `Error`. */
  token(refused?: string): Promise<string>;
}

/** What a route fetcher is made of. */
interface RouteFetcherParts {
  readonly api: RouteSource;
  readonly tokens: TokenSource;
  readonly table: RouteTable;
  readonly clock: Clock;
  /** Logger of the source `route-fetcher`. */
  readonly log: Logger;
  /** Counters `token_fetch_errors` and `subscribe_events_errors`. */
  readonly metrics: { tokenFetchFailed(): void; eventStreamFailed(): void };
  /** Milliseconds between lists: half of `prune_stale_droplets_interval`; 0 or less: only after each subscription. */
  readonly listIntervalMs: number;
}

const queueLength = 1024;
const pauseMs = 1000;

/**
 * Keeps the routing table as the Routing API has it: subscribes to its events, lists everything once after that and by
 * the clock, and begins anew whenever the stream ends (control-plane §7.4, routing-api §15.3). Nothing that the API does
 * or fails to do ends it, or touches the table but for what it says.
 */
export class RouteFetcher {
  readonly #parts: RouteFetcherParts;
  /** `stopping` is its last line (control-plane §8.5), whatever is under way then. */
  readonly #log: EndingLog;
  readonly #routes: LeasedRoutes;
  readonly #queue: StreamEvent[] = [];
  #syncing: Promise<void> = Promise.resolve();
  /** Lists under way or waiting: events wait until they are done. */
  #syncs = 0;
  #ticker: Timer | undefined;
  #stream: EventStream | undefined;
  #streamEnded: ((error: Error) => void) | undefined;
  #refused: string | undefined;
  #stopped = false;
  #markSynced: () => void = () => {};
  /** Resolves when a whole list is in the table for the first time. */
  readonly synced: Promise<void> = new Promise((resolve) => {
    this.#markSynced = resolve;
  });

  constructor(parts: RouteFetcherParts) {
    this.#parts = parts;
    this.#log = new EndingLog(parts.log);
    this.#routes = new LeasedRoutes(parts.table, parts.clock);
  }

  start(): void {
    const { listIntervalMs } = this.#parts;
    this.#log.debug("created-ticker", { interval: listIntervalMs * 1e6 });
    this.#log.info("syncer-started");
    this.#tick();
    void this.#follow();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#log.end("stopping");
    this.#ticker?.cancel();
    this.#stream?.close();
  }

  #tick(): void {
    const { clock, listIntervalMs } = this.#parts;
    if (listIntervalMs <= 0) return;
    this.#ticker = clock.after(
      listIntervalMs,
      () => {
        void this.#sync("failed-to-fetch-routes").then(() => {
          if (!this.#stopped) this.#tick();
        });
      },
      true,
    );
  }

  async #follow(): Promise<void> {
    const { clock } = this.#parts;
    while (!this.#stopped) {
      await this.#followOnce();
      await new Promise<void>((resolve) => clock.after(pauseMs, resolve, true));
    }
  }

  /** From the token to the end of the stream. */
  async #followOnce(): Promise<void> {
    const { tokens, metrics } = this.#parts;
    this.#log.debug("fetching-token");
    let token: string;
    try {
      token = await tokens.token(this.#refused);
      this.#refused = undefined;
    } catch (error) {
      metrics.tokenFetchFailed();
      this.#log.error("failed-to-fetch-token", { error: (error as Error).message });
      return;
    }
    this.#log.debug("token-fetched-successfully");
    const ended = new Promise<Error>((resolve) => {
      this.#streamEnded = resolve;
    });
    try {
      if (!(await this.#subscribe(token))) return;
    } catch (error) {
      if (error instanceof Unauthorized) this.#refused = token;
      metrics.eventStreamFailed();
      this.#log.error("failed-subscribing-to-routing-api-event-stream", { error: (error as Error).message });
      return;
    }
    this.#log.info("Successfully-subscribed-to-routing-api-event-stream");
    await this.#sync("failed-to-refresh-routes");
    const error = await ended;
    this.#stream?.close();
    this.#stream = undefined;
    if (this.#stopped) return;
    metrics.eventStreamFailed();
    this.#log.error("failed-getting-next-event: ", { error: error.message });
  }

  /** False: stopped before there was a stream. */
  async #subscribe(token: string): Promise<boolean> {
    const { api } = this.#parts;
    this.#log.info("subscribing-to-routing-api-event-stream");
    // From here on events wait for the list that follows.
    this.#queue.length = 0;
    const sink = {
      event: (event: StreamEvent): boolean => this.#received(event),
      ended: (error: Error): void => this.#streamEnded?.(error),
    };
    this.#syncs++;
    try {
      this.#stream = await api.subscribe(token, sink, () => this.#stopped);
    } finally {
      this.#syncs--;
    }
    return this.#stream !== undefined;
  }

  /** False when too many wait. */
  #received(event: StreamEvent): boolean {
    if (this.#syncs === 0) this.#apply(event);
    else this.#queue.push(event);
    return this.#queue.length < queueLength;
  }

  /** Events that came during a list, which may be older than they are. */
  #applyWaiting(): void {
    const events = this.#queue.splice(0);
    for (const event of events) this.#apply(event);
    if (events.length >= queueLength) this.#stream?.resume();
  }

  #apply({ name, data }: StreamEvent): void {
    if (this.#stopped) return;
    let route: ApiRoute;
    try {
      route = readApiRoute(JSON.parse(data));
    } catch (error) {
      // As upstream, it ends the stream; the list that follows repairs what it should have said.
      this.#streamEnded?.(new Error(`bad ${name} event: ${(error as Error).message}`));
      return;
    }
    if (this.#log.level <= Level.debug)
      this.#log.debug("received-event", { event: { Route: loggedApiRoute(route), Action: name } });
    if (name === "Upsert") this.#routes.upsert(route);
    else if (name === "Delete") this.#routes.delete(route);
  }

  /** A list, one at a time. Never rejects. */
  #sync(failure: string): Promise<void> {
    this.#syncs++;
    this.#syncing = this.#syncing.then(async () => {
      try {
        if (!this.#stopped) await this.#fetchAll();
      } catch (error) {
        this.#log.error(failure, { error: (error as Error).message });
      }
      this.#syncs--;
      if (this.#syncs === 0) this.#applyWaiting();
    });
    return this.#syncing;
  }

  async #fetchAll(): Promise<void> {
    this.#log.debug("syncer-fetch-routes-started");
    try {
      const routes = await this.#checked(await this.#list());
      this.#log.debug("syncer-refreshing-endpoints", { "number-of-routes": routes.length });
      if (this.#stopped) return;
      await this.#routes.replaceBy(routes);
      this.#markSynced();
    } finally {
      this.#log.debug("syncer-fetch-routes-completed");
    }
  }

  async #list(): Promise<unknown[]> {
    const { api } = this.#parts;
    this.#log.debug("syncer-fetching-token");
    const token = await this.#token();
    this.#log.debug("syncer-fetching-routes");
    try {
      return await api.list(token);
    } catch (error) {
      if (!(error instanceof Unauthorized)) throw error;
      return await api.list(await this.#token(token));
    }
  }

  async #token(refused?: string): Promise<string> {
    const { tokens, metrics } = this.#parts;
    try {
      return await tokens.token(refused);
    } catch (error) {
      metrics.tokenFetchFailed();
      throw error;
    }
  }

  /** One bad element does no harm to the others. */
  async #checked(list: readonly unknown[]): Promise<ApiRoute[]> {
    const { clock } = this.#parts;
    const breather = new Breather(clock);
    const routes: ApiRoute[] = [];
    for (const [index, element] of list.entries()) {
      try {
        routes.push(readApiRoute(element));
      } catch (error) {
        this.#log.error("invalid-route-from-routing-api", { index, error: (error as Error).message });
      }
      if (breather.due) await breather.breathe();
    }
    return routes;
  }
}
