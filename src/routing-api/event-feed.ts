import type { Clock, Timer } from "../runtime/interface.ts";
import type { LeaseEvent } from "./lease.ts";
import type { Store } from "./store/store.ts";

/** How often the log is read while somebody listens, in milliseconds: other instances write into it too. */
const pollMs = 200;
/** Events read at a time. */
const batch = 500;
/** Events read for one reader that catches up, before it is told to wait for its turn. */
const catchUpBatch = 500;

/** Who follows the event log. */
export interface FeedReader {
  /** Events in order, each once. False: no more are wanted. */
  take(events: readonly LeaseEvent[]): boolean;
  /** The last call: the feed is closed. */
  closed(): void;
}

/** Follows the event log of the store, once for all readers of this process. */
export class EventFeed {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #readers = new Set<FeedReader>();
  /** What all readers have. */
  #position = 0;
  #timer: Timer | undefined;
  #reading: Promise<void> | undefined;
  #again = false;
  #isClosed = false;

  constructor(store: Store, clock: Clock, onError: (error: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#onError = onError;
  }

  /**
   * Gives a reader what is behind `after`, and what follows. `after` must be readable (`Store.position`). Rejects with a
   * `StorageError`; then nothing was subscribed.
   */
  async subscribe(after: number, reader: FeedReader): Promise<void> {
    let seen = after;
    // Behind the others it catches up by itself; in step with them, it joins.
    for (;;) {
      if (this.#isClosed) {
        reader.closed();
        return;
      }
      if (this.#readers.size === 0) this.#position = seen;
      if (this.#reading === undefined && seen >= this.#position) break;
      await this.#reading;
      if (seen >= this.#position) continue;
      const missed = await this.#store.events(seen, catchUpBatch);
      if (missed.length === 0) seen = Math.max(seen, this.#position);
      else {
        seen = missed.at(-1)!.id;
        if (!reader.take(missed)) return;
      }
    }
    // Ahead of the others, it must not get what it has.
    const joined: FeedReader =
      seen === this.#position
        ? reader
        : { take: (events) => reader.take(events.filter(({ id }) => id > seen)), closed: () => reader.closed() };
    this.#readers.add(joined);
    this.#arm();
  }

  /** This process has written: readers need not wait for the next poll. */
  wake(): void {
    if (this.#readers.size === 0) return;
    if (this.#reading === undefined) this.#reading = this.#read();
    else this.#again = true;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const reader of [...this.#readers]) reader.closed();
    this.#readers.clear();
  }

  #arm(): void {
    this.#timer ??= this.#clock.after(
      pollMs,
      () => {
        this.#timer = undefined;
        this.wake();
        if (this.#readers.size > 0) this.#arm();
      },
      true,
    );
  }

  async #read(): Promise<void> {
    try {
      do {
        this.#again = false;
        const events = await this.#store.events(this.#position, batch);
        if (events.length === 0 || this.#isClosed) continue;
        this.#position = events.at(-1)!.id;
        for (const reader of [...this.#readers]) if (!reader.take(events)) this.#readers.delete(reader);
        if (events.length === batch) this.#again = true;
      } while (this.#again);
    } catch (error) {
      // The next poll tries again.
      this.#onError(error);
    } finally {
      this.#reading = undefined;
    }
  }
}
