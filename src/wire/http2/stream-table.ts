/** What a table of streams asks of them. */
interface Numbered {
  readonly id: number;
}

/** Slots of a fresh table; a power of two. */
const fewSlots = 16;

/**
 * The streams of a connection by their numbers (RFC 9113 §5.1.1), in open addressing: numbers go up by two, so that those open
 * at a time mostly stand side by side. A `Map` in which streams come and go holds on Bun, by the tables that it has
 * outgrown, to streams that were deleted, until the next full collection.
 */
export class StreamTable<Stream extends Numbered> {
  size = 0;
  #slots: (Stream | undefined)[] = Array(fewSlots).fill(undefined);

  get(id: number): Stream | undefined {
    return this.#slots[this.#find(id)];
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** Those that are there now, in no order. */
  all(): Stream[] {
    return this.#slots.filter((stream) => stream !== undefined);
  }

  /** Adds a stream whose number is not there. */
  add(stream: Stream): void {
    if (this.size * 2 >= this.#slots.length) {
      const all = this.all();
      this.#slots = Array(this.#slots.length * 2).fill(undefined);
      for (const other of all) this.#slots[this.#find(other.id)] = other;
    }
    this.#slots[this.#find(stream.id)] = stream;
    this.size++;
  }

  /** Does nothing when it is not there. */
  delete(id: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#find(id);
    if (slots[hole] === undefined) return;
    this.size--;
    // Streams behind it that stand away from their own slot move up: a search ends at the first empty slot.
    for (let at = (hole + 1) & mask; slots[at] !== undefined; at = (at + 1) & mask) {
      const home = (slots[at]!.id >> 1) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at];
      hole = at;
    }
    slots[hole] = undefined;
  }

  clear(): void {
    this.#slots.fill(undefined);
    this.size = 0;
  }

  /** Where that stream stands, or would. */
  #find(id: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = (id >> 1) & mask;
    for (let stream = slots[at]; stream !== undefined && stream.id !== id; stream = slots[at]) at = (at + 1) & mask;
    return at;
  }
}
