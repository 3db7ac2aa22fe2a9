import type { Clock } from "../clock.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Pool } from "./pool.ts";
import type { Registry } from "./registry.ts";
import { endpointOperation, routeOperation, type TableOperation } from "./table-operations.ts";

/**
 * Numbers of endpoints and of routes with several of them, the same for all workers: they name the places where requests
 * are counted and turns are kept.
 */
export class TableNumbers {
  readonly #ids = new Map<Endpoint, number>();
  /** Numbers whose endpoint is gone, with the feeds whose workers may still count requests there. */
  readonly #leaving = new Map<number, Set<object>>();
  readonly #free: number[] = [];
  #next = 0;
  readonly #routes = new Map<string, number>();
  readonly #freeRoutes: number[] = [];
  #nextRoute = 0;

  /** The number of a route: from the day on that it has a second endpoint, until it goes. */
  ofRoute({ key, size }: Pool): number {
    let number = this.#routes.get(key);
    if (number === undefined) {
      if (size < 2) return -1;
      number = this.#freeRoutes.pop() ?? this.#nextRoute++;
      this.#routes.set(key, number);
    }
    return number;
  }

  /** The route is gone. A worker that has not heard of it yet changes at worst whose turn it is in another. */
  forgetRoute(key: string): void {
    const number = this.#routes.get(key);
    if (number === undefined) return;
    this.#routes.delete(key);
    this.#freeRoutes.push(number);
  }

  of(endpoint: Endpoint): number {
    let id = this.#ids.get(endpoint);
    if (id === undefined) {
      id = this.#free.pop() ?? this.#next++;
      this.#ids.set(endpoint, id);
    }
    return id;
  }

  /** The endpoint has left the table; its number is free when none of `feeds` needs it any more. Undefined: it had none. */
  forget(endpoint: Endpoint, feeds: Iterable<object>): number | undefined {
    const id = this.#ids.get(endpoint);
    if (id === undefined) return undefined;
    this.#ids.delete(endpoint);
    this.#leaving.set(id, new Set(feeds));
    return id;
  }

  /** That feed's worker no longer counts anything there. */
  released(id: number, feed: object): void {
    const feeds = this.#leaving.get(id);
    if (feeds === undefined) return;
    feeds.delete(feed);
    if (feeds.size > 0) return;
    this.#leaving.delete(id);
    this.#free.push(id);
  }

  /** The feed's worker is gone. */
  dropped(feed: object): void {
    for (const id of [...this.#leaving.keys()]) this.released(id, feed);
  }

  /** Above all numbers so far. */
  get bound(): number {
    return this.#next;
  }
}

/** What one worker does not know of the table yet. It starts with everything. */
export class TableFeed {
  readonly #registry: Registry;
  readonly #numbers: TableNumbers;
  readonly #clock: Clock;
  readonly #changed: Set<string>;
  readonly #gone: number[] = [];
  /** A bit for each endpoint that the worker knows. */
  #known = new Uint8Array(128);

  constructor(registry: Registry, numbers: TableNumbers, clock: Clock) {
    this.#registry = registry;
    this.#numbers = numbers;
    this.#clock = clock;
    this.#changed = new Set(registry.keys());
  }

  /** The worker knows everything. */
  get empty(): boolean {
    return this.#changed.size === 0 && this.#gone.length === 0;
  }

  changed(key: string): void {
    this.#changed.add(key);
  }

  /** The endpoint of that number has left the table. */
  forget(id: number): void {
    if (this.#knows(id)) this.#gone.push(id);
    else this.#numbers.released(id, this);
  }

  /** The next operations as a JSON array, of about so many characters at most; undefined: there is nothing to tell. */
  take(characters: number): string | undefined {
    if (this.empty) return undefined;
    const now = this.#clock.monotonic();
    const texts: string[] = [];
    let size = 0;
    const put = (operation: TableOperation): void => {
      const text = JSON.stringify(operation);
      size += text.length;
      texts.push(text);
    };
    for (const key of this.#changed) {
      if (size >= characters) return `[${texts.join(",")}]`;
      this.#changed.delete(key);
      const pool = this.#registry.poolAt(key);
      if (pool === undefined) put(["gone", key]);
      else {
        put(
          routeOperation(pool, this.#numbers.ofRoute(pool), now, (endpoint) => {
            const id = this.#numbers.of(endpoint);
            if (!this.#knows(id)) {
              this.#know(id, true);
              put(endpointOperation(id, endpoint));
            }
            return id;
          }),
        );
      }
    }
    for (const id of this.#gone.splice(0)) {
      this.#know(id, false);
      put(["forget", id]);
    }
    return `[${texts.join(",")}]`;
  }

  #knows(id: number): boolean {
    return ((this.#known[id >> 3] ?? 0) & (1 << (id & 7))) !== 0;
  }

  #know(id: number, known: boolean): void {
    const place = id >> 3;
    if (place >= this.#known.length) {
      const larger = new Uint8Array(Math.max(place + 1, this.#known.length * 2));
      larger.set(this.#known);
      this.#known = larger;
    }
    const bit = 1 << (id & 7);
    this.#known[place] = known ? this.#known[place]! | bit : this.#known[place]! & ~bit;
  }
}
