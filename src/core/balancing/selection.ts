import type { Endpoint } from "../routing/endpoint.ts";
import type { Pool } from "../routing/pool.ts";

/** What one request remembers between its attempts; the exchange owns it (data-plane §3.1, §4.1). */
export class Selection {
  /** Attempts so far, the one under way included. */
  attempt = 0;
  /** Where round-robin, or the walk over hash slots, goes on for this request; -1: the pool was not asked yet. */
  position = -1;
  /** Slot of the request's hash header; -1: the pool is not balanced by `hash`, or the header is missing. */
  hashSlot = -1;
  /** Instance id or address the client's session names (data-plane §3.7); empty: none. */
  stickyId = "";
  /** No other endpoint will do, for every attempt. */
  mustStick = false;
  /** The endpoint selected last had been selected before by this request. */
  again = false;

  #last: Endpoint | undefined = undefined;
  // Most requests need one attempt and never make the list.
  #before: Endpoint[] | undefined = undefined;

  /** Makes it as new, for the next request. */
  reset(): void {
    this.attempt = 0;
    this.position = -1;
    this.hashSlot = -1;
    this.stickyId = "";
    this.mustStick = false;
    this.again = false;
    this.#last = undefined;
    this.#before = undefined;
  }

  /** Counts an attempt. */
  begin(): void {
    this.attempt++;
    if (this.#last === undefined) return;
    this.#before ??= [];
    this.#before.push(this.#last);
    this.#last = undefined;
  }

  /** The endpoint chosen last was full after all: the attempt did not take place. */
  takeBack(): void {
    this.attempt--;
    this.#last = undefined;
  }

  /** Whether an earlier attempt went to this address. */
  hasTried(endpoint: Endpoint): boolean {
    if (this.#before === undefined) return false;
    for (const tried of this.#before) if (tried.address === endpoint.address) return true;
    return false;
  }

  /** Remembers the endpoint this attempt goes to. */
  chose(endpoint: Endpoint): Endpoint {
    this.again = this.hasTried(endpoint);
    this.#last = endpoint;
    return endpoint;
  }

  /**
   * The stop rule of the attempt loop (data-plane §4.1.3), to be asked after a selection: more attempts than the pool
   * has endpoints now, and the selected one was tried already.
   */
  exhausted(pool: Pool): boolean {
    return this.again && this.attempt > pool.size;
  }
}
