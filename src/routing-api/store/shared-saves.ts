import type { Lease } from "../lease.ts";

/** Leases of several requests that are saved together. */
interface SharedSave {
  readonly requests: (readonly Lease[])[];
  readonly saved: Promise<void>;
}

/** How a shared save comes to the database. */
interface SharedSaveParts {
  /** Saves all of these or none. */
  readonly save: (leases: readonly Lease[]) => Promise<void>;
  /** Resolves after so many milliseconds, at the earliest in the next turn of the event loop. */
  readonly soon: (ms: number) => Promise<void>;
  /** Whether a save failed for something in its leases: without them it would not have. */
  readonly isRefusal: (error: unknown) => boolean;
}

/**
 * Saves the leases of several requests in one transaction: most are heartbeats, and each would have a commit of its own.
 * What comes while a transaction is under way goes into the next; when the last one had several requests in it, the next
 * waits a little for more. When the database refuses what one request wants saved, the others do not suffer for it.
 */
export class SharedSaves {
  readonly #parts: SharedSaveParts;
  /** What the next transaction saves. */
  #open: SharedSave | undefined;
  #last: Promise<void> = Promise.resolve();
  #busy = false;

  constructor(parts: SharedSaveParts) {
    this.#parts = parts;
  }

  /** Resolves when they are saved, all of them; rejects when none is. */
  async add(leases: readonly Lease[]): Promise<void> {
    this.#open ??= this.#begin();
    const { requests, saved } = this.#open;
    requests.push(leases);
    try {
      await saved;
    } catch (error) {
      if (requests.length === 1 || !this.#parts.isRefusal(error)) throw error;
      await this.#parts.save(leases);
    }
  }

  #begin(): SharedSave {
    const requests: (readonly Lease[])[] = [];
    const saved = Promise.all([this.#last, this.#parts.soon(this.#busy ? gatheringMs : 0)]).then(() => {
      this.#busy = requests.length > 1;
      this.#open = undefined;
      return this.#parts.save(requests.flat());
    });
    this.#last = saved.catch(() => undefined);
    return { requests, saved };
  }
}

/** How long requests are waited for, milliseconds: at 2000 heartbeats a second, ten share a commit. */
const gatheringMs = 5;
