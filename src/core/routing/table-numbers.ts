import type { Endpoint } from "./endpoint.ts";
import type { Pool } from "./pool.ts";

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
