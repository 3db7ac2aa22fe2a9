import { type EndpointKind, kindPlaces } from "./endpoint-kind.ts";
import { kindOperation, type TableOperation } from "./table-operations.ts";
import type { TableTexts } from "./table-texts.ts";

/** What one worker does not know of the table yet. It starts with everything. */
export class TableFeed {
  readonly #texts: TableTexts;
  readonly #changed: Set<string>;
  readonly #gone: number[] = [];
  /** How many changes there were to tell, and how many of them have been told, the oldest first. */
  added: number;
  taken = 0;
  /** A bit for each endpoint that the worker knows. */
  #known = new Uint8Array(128);
  /** The kind that the worker has at each place. */
  readonly #kinds: (EndpointKind | undefined)[] = new Array(kindPlaces).fill(undefined);

  constructor(texts: TableTexts) {
    this.#texts = texts;
    this.#changed = new Set(texts.registry.keys());
    this.added = this.#changed.size;
  }

  /** The worker knows everything. */
  get empty(): boolean {
    return this.#changed.size === 0 && this.#gone.length === 0;
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
