import type { Clock } from "../core/clock.ts";
import type { StreamEvent } from "./client/event-parser.ts";
import type { EventSink, EventStream, RouteSource } from "./client/route-source.ts";
import type { EventFeed } from "./event-feed.ts";
import type { Store } from "./store/store.ts";

/** Elements read in one go, so that requests hardly wait: a database file is read on the thread that serves them. */
const pageLength = 500;

/** The leases of an API in the same process, as its router reads them: no token, no HTTP, reservations included. */
export class LocalRoutes implements RouteSource {
  readonly #store: Store;
  readonly #feed: EventFeed;
  readonly #clock: Clock;

  constructor(store: Store, feed: EventFeed, clock: Clock) {
    this.#store = store;
    this.#feed = feed;
    this.#clock = clock;
  }

  async list(): Promise<unknown[]> {
    const elements: unknown[] = [];
    for (let after = 0; ; ) {
      const page = await this.#store.page({ kind: "http", reservations: true }, { after, limit: pageLength });
      for (const json of page.elements) elements.push(JSON.parse(json));
      if (page.elements.length < pageLength) return elements;
      after = page.last;
      await new Promise<void>((resolve) => this.#clock.after(0, resolve));
    }
  }

  async subscribe(_token: string, sink: EventSink): Promise<EventStream> {
    const { last } = await this.#store.position();
    let open = true;
    let full = false;
    const waiting: StreamEvent[] = [];
    const give = (): void => {
      while (open && !full) {
        const event = waiting.shift();
        if (event === undefined) return;
        full = !sink.event(event);
      }
    };
    await this.#feed.subscribe(last, {
      take: (events) => {
        for (const { kind, name, json } of events) if (kind === "http") waiting.push({ name, data: json });
        give();
        return open;
      },
      room: () => Promise.resolve(),
      closed: () => {
        if (open) sink.ended(new Error("EOF"));
        open = false;
      },
    });
    return {
      resume: () => {
        full = false;
        give();
      },
      close: () => {
        open = false;
      },
    };
  }
}
