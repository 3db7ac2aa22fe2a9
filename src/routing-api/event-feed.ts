import type { Clock, Timer } from "../runtime/interface/clock.ts";
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
  /** Resolves when it can take more of what it missed. Those that are in step with the log are not asked. */
  room(): Promise<void>;
  /** The last call: the feed is closed. */
  closed(): void;
}

/** Follows the event log of the store, once for all readers of this process. */
export class EventFeed {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #readers = new Set<FeedReader>();
  /** Those that read what they missed. */
  readonly #behind = new Set<FeedReader>();
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

  /** Readers are ended; there will be no others. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Gives a reader what is behind `after`, and what follows. Where that is no longer known, the reader is closed. Rejects
   * with a `StorageError`; then nothing was subscribed.
   */
  async subscribe(after: number, reader: FeedReader): Promise<void> {
    this.#behind.add(reader);
    try {
      await this.#catchUp(after, reader);
    } finally {
      this.#behind.delete(reader);
    }
  }

  async #catchUp(after: number, reader: FeedReader): Promise<void> {
    let seen = after;
    // It catches up by itself, at its own pace; in step with the others, it joins.
    for (let caughtUp = false; ; ) {
      if (this.#isClosed) {
        reader.closed();
        return;
      }
      if (caughtUp) {
        if (this.#readers.size === 0 && this.#reading === undefined) this.#position = seen;
        if (seen >= this.#position) break;
      }
      const others = this.#position;
      const missed = await this.#store.events(seen, catchUpBatch);
      const { floor } = await this.#store.position();
      if (floor > seen) {
        // It took so long that what it needs is forgotten: it must begin anew.
        reader.closed();
        return;
      }
      caughtUp = missed.length < catchUpBatch;
      // Ids may be missing: events of a change that was undone, or forgotten ones.
      if (missed.length === 0) seen = Math.max(seen, others);
      else {
        seen = missed.at(-1)!.id;
        if (!reader.take(missed)) return;
        await reader.room();
      }
    }
    // Ahead of the others, or of a read under way, it must not get what it has.
    const joined: FeedReader = {
      take: (events) => reader.take(events[0]!.id > seen ? events : events.filter(({ id }) => id > seen)),
      room: () => reader.room(),
      closed: () => reader.closed(),
    };
    this.#readers.add(joined);
    this.#arm();
  }

  /** This process has written: readers need not wait for the next poll. */
  wake(): void {
    if (this.#readers.size === 0) return;
    if (this.#reading === undefined) this.#reading = this.#read();
    else this.#again = true;
  }

  /** Resolves when the readers have been told of everything that `wake` was called for. */
  async told(): Promise<void> {
    while (this.#reading !== undefined) await this.#reading;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const reader of [...this.#readers, ...this.#behind]) reader.closed();
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
