import type { Lease } from "../lease.ts";

/** Leases of several requests that are saved together. */
interface SharedSave {
  readonly leases: Lease[];
  readonly saved: Promise<void>;
  requests: number;
}

/**
 * Saves the leases of several requests in one transaction: most are heartbeats, and each would have a commit of its own.
 * What comes while a transaction is under way goes into the next; when the last one had several requests in it, the next
 * waits a little for more.
 */
export class SharedSaves {
  readonly #save: (leases: readonly Lease[]) => Promise<void>;
  readonly #soon: (ms: number) => Promise<void>;
  /** What the next transaction saves. */
  #open: SharedSave | undefined;
  #last: Promise<void> = Promise.resolve();
  #busy = false;

  /** `soon` resolves after so many milliseconds, at the earliest in the next turn of the event loop. */
  constructor(save: (leases: readonly Lease[]) => Promise<void>, soon: (ms: number) => Promise<void>) {
    this.#save = save;
    this.#soon = soon;
  }

  /** Resolves when they are saved, all of them; rejects when none is. */
  add(leases: readonly Lease[]): Promise<void> {
    this.#open ??= this.#begin();
    for (const lease of leases) this.#open.leases.push(lease);
    this.#open.requests++;
    return this.#open.saved;
  }

  #begin(): SharedSave {
    const leases: Lease[] = [];
    const saved = Promise.all([this.#last, this.#soon(this.#busy ? gatheringMs : 0)]).then(() => {
      this.#busy = shared.requests > 1;
      this.#open = undefined;
      return this.#save(leases);
    });
    this.#last = saved.catch(() => undefined);
    const shared: SharedSave = { leases, saved, requests: 0 };
    return shared;
  }
}

/** How long requests are waited for, milliseconds: at 2000 heartbeats a second, ten share a commit. */
const gatheringMs = 5;
