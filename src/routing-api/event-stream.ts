import type { Clock, Timer } from "../runtime/interface.ts";
import type { EventFeed, FeedReader } from "./event-feed.ts";
import { admits, type LeaseEvent, type LeaseFilter } from "./lease.ts";

/** Events that wait for a slow reader; with more its stream ends (routing-api §9). */
const bufferedEvents = 1024;
/** Bytes that may wait in the stream itself, so that events go out together. */
const highWater = 64 * 1024;
/** A quiet stream says so often that it lives, in milliseconds. */
const keepAliveMs = 15_000;

/** A comment (WHATWG HTML §9.2.5). Without an empty line: it ends no event, whoever reads it. */
const keepAlive = ":\n";

function frame(id: number, name: string, json: string): string {
  return `id: ${id}\nevent: ${name}\ndata: ${json}\n\n`;
}

/** What a stream begins with. */
export interface StreamStart {
  /** The position of the event log from where events follow. */
  readonly position: number;
  /**
   * All elements as they are at that position: told as `Reset`, an `Upsert` each, `Synced`. Undefined: none, the reader
   * has what came before.
   */
  readonly elements: readonly string[] | undefined;
}

/** Texts of a snapshot, joined into pieces of a size that is good to send. */
function* snapshotPieces({ position, elements }: StreamStart): Generator<string> {
  if (elements === undefined) return;
  let piece = frame(position, "Reset", "{}");
  for (const element of elements) {
    piece += frame(position, "Upsert", element);
    if (piece.length < highWater) continue;
    yield piece;
    piece = "";
  }
  yield piece + frame(position, "Synced", "{}");
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
  readonly #start: Iterator<string>;
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #waiting: string[] = [];
  /** The feed gives no more; what waits still goes out. */
  #last = false;
  #over = false;
  #begun = false;
  /** Caught up: from now on a reader that is too slow is cut. */
  live = false;
  #timer: Timer | undefined;
  #roomMade: () => void = () => {};
  #noteFull: () => void = () => {};
  /** Resolves when the reader must read before it can be told more of what it missed. */
  readonly full: Promise<void> = new Promise((resolve) => {
    this.#noteFull = resolve;
  });

  constructor(start: StreamStart, filter: LeaseFilter, clock: Clock, watch: StreamWatch) {
    this.#filter = filter;
    this.#clock = clock;
    this.#watch = watch;
    this.#start = snapshotPieces(start);
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

  take(events: readonly LeaseEvent[]): boolean {
    if (this.#over || this.#last) return false;
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
      const begin = this.#start.next();
      this.#begun = begin.done === true;
      const text = begin.done === true ? this.#waiting.splice(0).join("") : begin.value;
      if (text === "") break;
      this.#send(text);
    }
    if (this.#waiting.length < bufferedEvents) this.#roomMade();
    if (!this.#last || !this.#begun || this.#waiting.length > 0) return;
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

/** The body of an event stream (routing-api §9). Rejects as `EventFeed.subscribe`. */
export async function openEventStream(
  feed: EventFeed,
  start: StreamStart,
  filter: LeaseFilter,
  clock: Clock,
  watch: StreamWatch,
): Promise<ReadableStream<Uint8Array>> {
  const stream = new EventStream(start, filter, clock, watch);
  const { body } = stream;
  const subscribed = feed.subscribe(start.position, stream).then(() => {
    stream.live = true;
  });
  // Who missed much must begin to read; if the rest cannot be had, it comes back for it.
  void stream.full.then(() => subscribed.catch(() => stream.closed()));
  await Promise.race([subscribed, stream.full]);
  return body;
}
