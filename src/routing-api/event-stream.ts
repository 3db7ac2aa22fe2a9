import type { Clock, Timer } from "../runtime/interface/clock.ts";
import type { EventFeed, FeedReader } from "./event-feed.ts";
import { admits, type LeaseEvent, type LeaseFilter } from "./lease.ts";
import type { Store } from "./store/store.ts";

/** Events that wait for a slow reader; with more its stream ends (routing-api §9). */
const bufferedEvents = 1024;
/** Elements of a snapshot that are read at a time. */
const pageLength = 500;
/** Bytes that may wait in the stream itself, so that events go out together. */
const highWater = 64 * 1024;
/** A quiet stream says so often that it lives, in milliseconds. */
const keepAliveMs = 15_000;

/** A comment (WHATWG HTML §9.2.5). Without an empty line: it ends no event, whoever reads it. */
const keepAlive = ":\n";

function frame(id: number, name: string, json: string): string {
  return `id: ${id}\nevent: ${name}\ndata: ${json}\n\n`;
}

/** A part of a snapshot. Without an id: who comes back before its end must be shown it anew. */
function snapshotFrame(name: string, json: string): string {
  return `event: ${name}\ndata: ${json}\n\n`;
}

/** What a stream begins with. */
export interface StreamStart {
  /** The position of the event log from where events follow. */
  readonly position: number;
  /** First what there is: `Reset`, an `Upsert` for each element, `Synced`. */
  readonly snapshot: boolean;
}

/** Who hears of the end of a stream. */
interface StreamWatch {
  /** Called once, when the stream is over, whoever ended it. */
  ended(): void;
  /** The reader was too slow: the stream ends behind what waits. */
  cut(waitingEvents: number): void;
}

/** One reader's stream of events (text/event-stream). */
class EventStream implements FeedReader {
  readonly #filter: LeaseFilter;
  readonly #clock: Clock;
  readonly #watch: StreamWatch;
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #waiting: string[] = [];
  /** The feed gives no more; what waits still goes out. */
  #last = false;
  #over = false;
  /** Caught up: from now on a reader that is too slow is cut. */
  live = false;
  #timer: Timer | undefined;
  #roomMade: () => void = () => {};
  #noteFull: () => void = () => {};
  /** Resolves when the reader must read before it can be told more of what it missed. */
  readonly full: Promise<void> = new Promise((resolve) => {
    this.#noteFull = resolve;
  });

  constructor(filter: LeaseFilter, clock: Clock, watch: StreamWatch) {
    this.#filter = filter;
    this.#clock = clock;
    this.#watch = watch;
  }

  get over(): boolean {
    return this.#over || this.#last;
  }

  get body(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          this.#rearm();
        },
        pull: () => this.#flush(),
        cancel: () => this.#finish(),
      },
      { highWaterMark: highWater, size: (chunk) => chunk?.length ?? 0 },
    );
  }

  /** Resolves when there is room for more. */
  async show(frames: readonly string[]): Promise<void> {
    this.#waiting.push(...frames);
    await this.room();
  }

  take(events: readonly LeaseEvent[]): boolean {
    if (this.over) return false;
    for (const event of events) {
      if (!admits(this.#filter, event)) continue;
      if (this.live && this.#waiting.length >= bufferedEvents && !this.#hasRoom()) {
        this.#watch.cut(this.#waiting.length);
        this.closed();
        return false;
      }
      this.#waiting.push(frame(event.id, event.name, event.json));
    }
    this.#flush();
    return true;
  }

  async room(): Promise<void> {
    if (this.#over || this.#hasRoom()) return;
    this.#noteFull();
    await new Promise<void>((resolve) => {
      this.#roomMade = resolve;
    });
  }

  closed(): void {
    this.#last = true;
    this.#flush();
    this.#roomMade();
  }

  #hasRoom(): boolean {
    this.#flush();
    return this.#waiting.length < bufferedEvents;
  }

  #flush(): void {
    const controller = this.#controller;
    if (this.#over || controller === undefined) return;
    while ((controller.desiredSize ?? 0) > 0) {
      if (this.#waiting.length === 0) break;
      this.#send(this.#waiting.splice(0).join(""));
    }
    if (this.#waiting.length < bufferedEvents) this.#roomMade();
    if (!this.#last || this.#waiting.length > 0) return;
    this.#finish();
    controller.close();
  }

  #send(text: string): void {
    this.#controller!.enqueue(this.#encoder.encode(text));
    this.#rearm();
  }

  #rearm(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(
      keepAliveMs,
      () => {
        if (this.#over) return;
        if ((this.#controller?.desiredSize ?? 0) > 0) this.#send(keepAlive);
        else this.#rearm();
      },
      true,
    );
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#last = true;
    this.#waiting = [];
    this.#timer?.cancel();
    this.#roomMade();
    this.#watch.ended();
  }
}

/** What a stream is made from. */
export interface StreamSource {
  readonly store: Store;
  readonly feed: EventFeed;
  readonly clock: Clock;
}

/**
 * Shows what there was at the position, page by page, at the reader's pace: nothing is held but what waits for it. Elements
 * may be newer than the position; the events that follow tell of their changes once more.
 */
async function showSnapshot(
  stream: EventStream,
  { store, feed }: StreamSource,
  filter: LeaseFilter,
  position: number,
): Promise<void> {
  await stream.show([snapshotFrame("Reset", "{}")]);
  for (let after = 0; !stream.over && !feed.isClosed; ) {
    const { elements, last } = await store.page(filter, { after, limit: pageLength, upTo: position });
    await stream.show(elements.map((element) => snapshotFrame("Upsert", element)));
    after = last;
    if (elements.length === pageLength) continue;
    await stream.show([frame(position, "Synced", "{}")]);
    return;
  }
}

/** The body of an event stream (routing-api §9). Rejects as `EventFeed.subscribe`. */
export async function openEventStream(
  source: StreamSource,
  { position, snapshot }: StreamStart,
  filter: LeaseFilter,
  watch: StreamWatch,
): Promise<ReadableStream<Uint8Array>> {
  const stream = new EventStream(filter, source.clock, watch);
  const { body } = stream;
  const begin = async (): Promise<void> => {
    if (snapshot) await showSnapshot(stream, source, filter, position);
    await source.feed.subscribe(position, stream);
    stream.live = true;
  };
  const begun = begin();
  // Who is told much must begin to read; if the rest cannot be had, it comes back for it.
  void stream.full.then(() => begun.catch(() => stream.closed()));
  await Promise.race([begun, stream.full]);
  return body;
}
