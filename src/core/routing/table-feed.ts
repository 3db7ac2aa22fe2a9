import { type EndpointKind, kindPlaces } from "./endpoint-kind.ts";
import { kindOperation, type TableOperation } from "./table-operations.ts";
import type { TableTexts } from "./table-texts.ts";

/** What one worker does not know of the table yet. It starts with everything. */
export class TableFeed {
  readonly #texts: TableTexts;
  /** The keys of the table that the worker starts with, as far as they are left; the first change of all. */
  #whole: Iterator<readonly string[], void> | undefined;
  #list: readonly string[] = [];
  #place = 0;
  readonly #changed = new Set<string>();
  readonly #gone: number[] = [];
  /** How many changes there were to tell, and how many of them have been told, the oldest first. */
  added = 1;
  taken = 0;
  /** A bit for each endpoint that the worker knows. */
  #known = new Uint8Array(128);
  /** The kind that the worker has at each place. */
  readonly #kinds: (EndpointKind | undefined)[] = new Array(kindPlaces).fill(undefined);

  constructor(texts: TableTexts) {
    this.#texts = texts;
    this.#whole = texts.registry.keys();
  }

  /** The worker knows everything. */
  get empty(): boolean {
    return this.#whole === undefined && this.#changed.size === 0 && this.#gone.length === 0;
  }

  changed(key: string): void {
    if (this.#changed.has(key)) return;
    this.#changed.add(key);
    this.added++;
  }

  /** The endpoint of that number has left the table. */
  forget(id: number): void {
    if (this.#knows(id)) this.#gone.push(id);
    else this.#texts.numbers.released(id, this);
  }

  /** The next operations as a JSON array, of about so many characters at most; undefined: there is nothing to tell. */
  take(characters: number): string | undefined {
    if (this.empty) return undefined;
    const told: string[] = [];
    let size = 0;
    for (let key = this.#nextOfWhole(); key !== undefined; key = this.#nextOfWhole()) {
      size += this.#tellRoute(key, told);
      if (size >= characters) return `[${told.join(",")}]`;
    }
    for (const key of this.#changed) {
      if (size >= characters) return `[${told.join(",")}]`;
      this.#changed.delete(key);
      this.taken++;
      size += this.#tellRoute(key, told);
    }
    for (const id of this.#gone.splice(0)) {
      this.#know(id, false);
      told.push(JSON.stringify(["forget", id] satisfies TableOperation));
    }
    return `[${told.join(",")}]`;
  }

  /** A key of the table that the worker starts with; undefined: it knows all. */
  #nextOfWhole(): string | undefined {
    if (this.#whole === undefined) return undefined;
    while (this.#place === this.#list.length) {
      const { done, value } = this.#whole.next();
      if (done === true) {
        this.#whole = undefined;
        this.#list = [];
        this.taken++;
        return undefined;
      }
      [this.#list, this.#place] = [value, 0];
    }
    return this.#list[this.#place++];
  }

  /** Gives the number of characters. */
  #tellRoute(key: string, told: string[]): number {
    const text = this.#texts.of(key);
    if (text === undefined) {
      told.push(JSON.stringify(["gone", key] satisfies TableOperation));
      return key.length;
    }
    let size = 0;
    for (const { id, kind, kindPlace, operation } of text.endpoints) {
      if (this.#knows(id)) continue;
      if (this.#kinds[kindPlace] !== kind) {
        this.#kinds[kindPlace] = kind;
        told.push(JSON.stringify(kindOperation(kindPlace, kind)));
      }
      this.#know(id, true);
      if (operation === undefined) continue;
      told.push(operation);
      size += operation.length;
    }
    told.push(text.operation);
    return size + text.operation.length;
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
