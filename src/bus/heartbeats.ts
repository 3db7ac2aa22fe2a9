import { Member } from "../core/routing/pool.ts";
import { MessageHash } from "./message-hash.ts";

/** Parts of the memory (a power of two): each grows and is swept alone, so that none of it takes a millisecond. */
const shards = 256;
/** Slots of a shard that holds little (a power of two). */
const fewSlots = 16;
const perSlot = 5;

/** The members that a message refreshes: one for one uri, which most messages have. */
export type Refreshed = Member | readonly Member[];

/** Messages by their hash, open addressing. */
interface Shard {
  /** Four words of hash for each slot, and what the versions of the members added up to. */
  words: Int32Array;
  members: (Refreshed | undefined)[];
  used: number;
}

/** Changes with every replacement and removal of one of the members, and never comes back to what it was. */
function versionOf(members: Refreshed): number {
  if (members instanceof Member) return members.version;
  let sum = 0;
  for (const { version } of members) sum = (sum + version) | 0;
  return sum;
}

function emptyShard(slots: number): Shard {
  return {
    words: new Int32Array(slots * perSlot),
    members: new Array<Refreshed | undefined>(slots).fill(undefined),
    used: 0,
  };
}

/**
 * Remembers register messages and the members they led to. An app's heartbeat is byte for byte its message of twenty
 * seconds ago: while those members are unchanged there is nothing to decode. Changes of the table need not be told: a
 * member's version says whether it is still what the message made it.
 */
export class Heartbeats {
  readonly #hash: MessageHash;
  readonly #shards: Shard[] = Array.from({ length: shards }, () => emptyShard(fewSlots));
  #nextSweep = 0;
  /** The hash is that of the message last looked for. */
  #hashed = false;

  /** `seed`: 16 random bytes. */
  constructor(seed: Uint8Array) {
    this.#hash = new MessageHash(seed);
  }

  /** Messages that are remembered, those included that are to be forgotten at the next sweep. */
  get size(): number {
    return this.#shards.reduce((sum, { used }) => sum + used, 0);
  }

  /** The members that this message refreshes and does nothing else to; undefined: it must be decoded. */
  find(message: Uint8Array): Refreshed | undefined {
    return this.findIn(message, 0, message.length);
  }

  /** The same for a message that lies between two indexes. */
  findIn(input: Uint8Array, start: number, end: number): Refreshed | undefined {
    const hash = this.#hash;
    this.#hashed = hash.of(input, start, end);
    if (!this.#hashed) return undefined;
    const shard = this.#shards[hash.a & (shards - 1)]!;
    const slot = slotOf(shard, hash.a, hash.b, hash.c, hash.d);
    return isAlive(shard, slot) ? shard.members[slot] : undefined;
  }

  /** Remembers what the message led to that was last looked for; one that is too long is not remembered. */
  remember(members: Refreshed): void {
    if (!this.#hashed) return;
    const hash = this.#hash;
    const at = hash.a & (shards - 1);
    let shard = this.#shards[at]!;
    if (shard.used * 4 >= shard.members.length * 3) {
      shard = rebuilt(shard);
      this.#shards[at] = shard;
    }
    put(shard, hash.a, hash.b, hash.c, hash.d, members, versionOf(members));
  }

  /** Forgets, in one of the parts, the messages whose members have changed since: to be called every second or so. */
  sweep(): void {
    for (let looked = 0; looked < shards; looked++) {
      const at = this.#nextSweep;
      this.#nextSweep = (at + 1) & (shards - 1);
      const shard = this.#shards[at]!;
      if (shard.used === 0) continue;
      if (hasDead(shard)) this.#shards[at] = rebuilt(shard);
      return;
    }
  }
}

/** The slot of that hash, or the free one where it belongs. */
function slotOf({ words, members }: Shard, a: number, b: number, c: number, d: number): number {
  const mask = members.length - 1;
  let slot = b & mask;
  while (members[slot] !== undefined) {
    const at = slot * perSlot;
    if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

function put(shard: Shard, a: number, b: number, c: number, d: number, members: Refreshed, version: number): void {
  const slot = slotOf(shard, a, b, c, d);
  if (shard.members[slot] === undefined) shard.used++;
  const { words } = shard;
  const at = slot * perSlot;
  words[at] = a;
  words[at + 1] = b;
  words[at + 2] = c;
  words[at + 3] = d;
  words[at + 4] = version;
  shard.members[slot] = members;
}

function isAlive(shard: Shard, slot: number): boolean {
  const members = shard.members[slot];
  return members !== undefined && versionOf(members) === shard.words[slot * perSlot + 4];
}

function hasDead(shard: Shard): boolean {
  for (let slot = 0; slot < shard.members.length; slot++) {
    if (shard.members[slot] !== undefined && !isAlive(shard, slot)) return true;
  }
  return false;
}

/** The same without what is dead, with room for as much again as half of what is alive. */
function rebuilt(old: Shard): Shard {
  let alive = 0;
  for (let slot = 0; slot < old.members.length; slot++) if (isAlive(old, slot)) alive++;
  let slots = fewSlots;
  while (alive * 3 >= slots * 2) slots *= 2;
  const shard = emptyShard(slots);
  const { words } = old;
  for (let slot = 0; slot < old.members.length; slot++) {
    if (!isAlive(old, slot)) continue;
    const at = slot * perSlot;
    const version = words[at + 4]!;
    put(shard, words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, old.members[slot]!, version);
  }
  return shard;
}
