/** With more names than this a look-up goes by an index. */
const fewNames = 32;

/**
 * Tags of an endpoint (control-plane §2.4): names and values side by side, which takes a fraction of a Map's memory.
 */
export class TagSet implements ReadonlyMap<string, string> {
  readonly #names: readonly string[];
  readonly #values: string[];
  #index: Map<string, number> | undefined;

  /** `names` are distinct, and `values` theirs; the set keeps both lists. */
  constructor(names: readonly string[] = [], values: string[] = []) {
    this.#names = names;
    this.#values = values;
    if (names.length > fewNames) this.#makeIndex();
  }

  /** In their order; not changed any more once a table keeps the tags. */
  get names(): readonly string[] {
    return this.#names;
  }

  get size(): number {
    return this.#names.length;
  }

  get [Symbol.toStringTag](): string {
    return "TagSet";
  }

  /** Adds a tag, or changes the one of that name; only whoever reads the message does. */
  set(name: string, value: string): void {
    const at = this.#at(name);
    if (at >= 0) {
      this.#values[at] = value;
      return;
    }
    this.#index?.set(name, this.#names.length);
    (this.#names as string[]).push(name);
    this.#values.push(value);
    if (this.#index === undefined && this.#names.length > fewNames) this.#makeIndex();
  }

  #makeIndex(): void {
    this.#index = new Map(this.#names.map((each, position) => [each, position]));
  }

  #at(name: string): number {
    return this.#index === undefined ? this.#names.indexOf(name) : (this.#index.get(name) ?? -1);
  }

  get(name: string): string | undefined {
    const at = this.#at(name);
    return at < 0 ? undefined : this.#values[at];
  }

  has(name: string): boolean {
    return this.#at(name) >= 0;
  }

  forEach(callback: (value: string, name: string, map: ReadonlyMap<string, string>) => void): void {
    for (const [name, value] of this) callback(value, name, this);
  }

  *entries(): MapIterator<[string, string]> {
    for (let i = 0; i < this.#names.length; i++) yield [this.#names[i] as string, this.#values[i] as string];
  }

  keys(): MapIterator<string> {
    return this.#names.values();
  }

  values(): MapIterator<string> {
    return this.#values.values();
  }

  [Symbol.iterator](): MapIterator<[string, string]> {
    return this.entries();
  }
}
