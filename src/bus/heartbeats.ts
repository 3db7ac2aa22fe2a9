import type { Place } from "../core/routing/registration.ts";
import { MessageHash } from "./message-hash.ts";

/** Parts of the memory (a power of two): each grows and is swept alone, so that none of it takes a millisecond. */
const shards = 256;
/** Slots of a shard that holds little (a power of two). */
const fewSlots = 16;
/** Words of a slot: four of hash, what the versions of the places added up to, and the state. */
const [version, state, perSlot] = [4, 5, 6];
/** What a slot has, unless it is the number of a route that rests. */
const [free, listed] = [0, -1];

/** The places that a message refreshes: one for one uri, which most messages have. */
export type Refreshed = Place | readonly Place[];

/** Tells whether a place still is what it was: `Registry.versionOf`. */
interface Versions {
  versionOf(place: Place): number;
}

/** Messages by their hash, open addressing. */
interface Shard {
  readonly words: Int32Array;
  /** Places that are objects, at the index of the slot; empty as long as there are none. */
  places: (Refreshed | undefined)[];
  used: number;
}

function emptyShard(slots: number): Shard {
  return { words: new Int32Array(slots * perSlot), places: [], used: 0 };
}

/**
 * Remembers register messages and the places they led to. An app's heartbeat is byte for byte its message of twenty
 * seconds ago: while those places are unchanged there is nothing to decode. Changes of the table need not be told: a
 * place's version says whether it is still what the message made it.
 */
export class Heartbeats {
  readonly #hash: MessageHash;
  readonly #table: Versions;
  readonly #shards: Shard[] = Array.from({ length: shards }, () => emptyShard(fewSlots));
  #nextSweep = 0;
  /** The hash is that of the message last looked for. */
  #hashed = false;

  /** `seed`: 16 random bytes. */
  constructor(seed: Uint8Array, table: Versions) {
    this.#hash = new MessageHash(seed);
    this.#table = table;
  }

  /** Messages that are remembered, those included that are to be forgotten at the next sweep. */
  get size(): number {
    return this.#shards.reduce((sum, { used }) => sum + used, 0);
  }

  /**
   * The places that the message between two indexes refreshes and does nothing else to; undefined: it must be decoded.
   */
  find(input: Uint8Array, start = 0, end = input.length): Refreshed | undefined {
    const hash = this.#hash;
    this.#hashed = hash.of(input, start, end);
    if (!this.#hashed) return undefined;
    const shard = this.#shards[hash.a & (shards - 1)]!;
    const slot = slotOf(shard, hash.a, hash.b, hash.c, hash.d);
    const place = placeIn(shard, slot);
    if (place === undefined || this.#versionOf(place) !== shard.words[slot * perSlot + version]) return undefined;
    return place;
  }

  /** Remembers what the message led to that was last looked for; one that is too long is not remembered. */
  remember(places: Refreshed): void {
    if (!this.#hashed) return;
    const hash = this.#hash;
    const at = hash.a & (shards - 1);
    let shard = this.#shards[at]!;
    if (shard.used * 4 * perSlot >= shard.words.length * 3) {
      shard = this.#rebuilt(shard);
      this.#shards[at] = shard;
    }
    put(shard, hash.a, hash.b, hash.c, hash.d, places, this.#versionOf(places));
  }

  /** Forgets, in one of the parts, the messages whose places have changed since: to be called every second or so. */
  sweep(): void {
    for (let looked = 0; looked < shards; looked++) {
      const at = this.#nextSweep;
      this.#nextSweep = (at + 1) & (shards - 1);
      const shard = this.#shards[at]!;
      if (shard.used === 0) continue;
      if (this.#aliveIn(shard) < shard.used) this.#shards[at] = this.#rebuilt(shard);
      return;
    }
  }

  /** Changes with every replacement and removal at one of the places, and never comes back to what it was. */
  #versionOf(places: Refreshed): number {
    if (!isList(places)) return this.#table.versionOf(places);
    let sum = 0;
    for (const place of places) sum = (sum + this.#table.versionOf(place)) | 0;
    return sum;
  }

  #isAlive(shard: Shard, slot: number): boolean {
    const place = placeIn(shard, slot);
    return place !== undefined && this.#versionOf(place) === shard.words[slot * perSlot + version];
  }

  #aliveIn(shard: Shard): number {
    let alive = 0;
    for (let slot = 0; slot * perSlot < shard.words.length; slot++) if (this.#isAlive(shard, slot)) alive++;
    return alive;
  }

  /** The same without what is dead, with room for as much again as half of what is alive. */
  #rebuilt(old: Shard): Shard {
    const alive = this.#aliveIn(old);
    let slots = fewSlots;
    while (alive * 3 >= slots * 2) slots *= 2;
    const shard = emptyShard(slots);
    const { words } = old;
    for (let slot = 0; slot * perSlot < words.length; slot++) {
      if (!this.#isAlive(old, slot)) continue;
      const at = slot * perSlot;
      const [a, b, c, d] = [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!];
      put(shard, a, b, c, d, placeIn(old, slot)!, words[at + version]!);
    }
    return shard;
  }
}

function slotsOf(words: Int32Array): number {
  return words.length / perSlot;
}

function isList(places: Refreshed): places is readonly Place[] {
  return Array.isArray(places);
}

function placeIn({ words, places }: Shard, slot: number): Refreshed | undefined {
  const found = words[slot * perSlot + state]!;
  return found === free ? undefined : found === listed ? places[slot] : found;
}

/** The slot of that hash, or the free one where it belongs. */
function slotOf({ words }: Shard, a: number, b: number, c: number, d: number): number {
  const mask = slotsOf(words) - 1;
  let slot = b & mask;
  for (;;) {
    const at = slot * perSlot;
    if (words[at + state] === free) return slot;
    if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return slot;
    slot = (slot + 1) & mask;
  }
}

function put(shard: Shard, a: number, b: number, c: number, d: number, places: Refreshed, sum: number): void {
  const slot = slotOf(shard, a, b, c, d);
  const { words } = shard;
  const at = slot * perSlot;
  if (words[at + state] === free) shard.used++;
  words[at] = a;
  words[at + 1] = b;
  words[at + 2] = c;
  words[at + 3] = d;
  words[at + version] = sum;
  if (typeof places === "number") {
    words[at + state] = places;
    if (shard.places.length > 0) shard.places[slot] = undefined;
    return;
  }
  words[at + state] = listed;
  if (shard.places.length === 0) shard.places = new Array<Refreshed | undefined>(slotsOf(words)).fill(undefined);
  shard.places[slot] = places;
}
