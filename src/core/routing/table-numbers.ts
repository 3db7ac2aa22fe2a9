import type { Endpoint } from "./endpoint.ts";
import type { Pool } from "./pool.ts";

/**
 * Numbers of endpoints and of routes with several of them, the same for all workers: they name the places where requests
 * are counted and turns are kept.
 */
export class TableNumbers {
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

  /** The route has a number. */
  hasRoute(key: string): boolean {
    return this.#routes.has(key);
  }

  /** The route is gone. A worker that has not heard of it yet changes at worst whose turn it is in another. */
  forgetRoute(key: string): void {
    const number = this.#routes.get(key);
    if (number === undefined) return;
    this.#routes.delete(key);
    this.#freeRoutes.push(number);
  }

  of(endpoint: Endpoint): number {
    if (endpoint.number < 0) endpoint.number = this.fresh();
    return endpoint.number;
  }

  /** A number that no endpoint has. */
  fresh(): number {
    return this.#free.pop() ?? this.#next++;
  }

  /** The endpoint has left the table; its number is free when none of `feeds` needs it any more. Undefined: it had none. */
  forget(endpoint: Endpoint, feeds: Iterable<object>): number | undefined {
    const id = endpoint.number;
    if (id < 0) return undefined;
    endpoint.number = -1;
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
