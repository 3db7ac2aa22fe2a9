/** Longer keys, and more of them, are not remembered. */
const [longestKey, mostKeys] = [64, 64];
/** One of so many surprises changes what is expected (a power of two): senders may differ. */
const surprisesEach = 8;

/**
 * The keys that objects of one kind have, in the order in which they came lately: a key that comes where it is expected is
 * not cut out of the text, nor is it a text that nobody has looked up before.
 */
export class KeyOrder {
  readonly #keys: string[] = [];
  #surprises = 0;

  /** What is expected as key number `index`; empty: nothing. */
  at(index: number): string {
    return this.#keys[index] ?? "";
  }

  /** Another key came, which stands in the text as it is. */
  surprise(index: number, key: string): void {
    if (index > this.#keys.length || index >= mostKeys || key.length < 2 || key.length > longestKey) return;
    if (index < this.#keys.length && this.#surprises++ % surprisesEach !== 0) return;
    // A copy: what is cut out of a text may hold on to all of it.
    this.#keys[index] = [key.slice(0, 1), key.slice(1)].join("");
  }
}
