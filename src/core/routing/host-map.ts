/** Parts (a power of two). */
const parts = 256;
/** Slots of a part that holds little (a power of two). */
const fewSlots = 4;

/** What has a host: the key it is found by. */
interface Hosted {
  readonly key: string;
}

/** In the place of what was taken out, so that a search goes on behind it. */
const gone: Hosted = { key: "" };

/** Open addressing: hash and value of a slot stand at the same index. */
interface Part<Value> {
  hashes: Int32Array;
  /** Replaced, never changed in place, when the part grows or shrinks: whoever walks over it keeps the old one. */
  slots: (Value | undefined)[];
  /** Slots that are not free, those of what is gone included. */
  used: number;
  alive: number;
}

/**
 * Values by host. They bring their hosts along, so that an entry takes two words; and they lie in parts, none of which is
 * ever large: a map of a million entries that grows or shrinks holds up everything else for hundreds of milliseconds.
 */
export class HostMap<Value extends Hosted> {
  readonly #seed: number;
  readonly #parts: Part<Value>[] = Array.from({ length: parts }, () => emptyPart(fewSlots));

  /** `seed`: a random 32-bit integer, so that nobody can choose hosts that all meet in one place. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  get(host: string): Value | undefined {
    const hash = hashOf(host, this.#seed);
    const { hashes, slots } = this.#parts[hash >>> 24] as Part<Value>;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = slots[slot];
      if (value === undefined) return undefined;
      if (hashes[slot] === hash && value !== (gone as Value) && value.key === host) return value;
    }
  }

  /** Puts a value at its host, in the place of the one that is there. */
  set(value: Value): void {
    const hash = hashOf(value.key, this.#seed);
    const part = this.#parts[hash >>> 24] as Part<Value>;
    const slot = slotOf(part, hash, value.key);
    if (slot >= 0) {
      part.slots[slot] = value;
      return;
    }
    if (part.used * 4 >= part.slots.length * 3) rebuild(part);
    append(part, hash, value);
  }

  delete(host: string): void {
    const hash = hashOf(host, this.#seed);
    const part = this.#parts[hash >>> 24] as Part<Value>;
    const slot = slotOf(part, hash, host);
    if (slot < 0) return;
    part.slots[slot] = gone as Value;
    part.alive--;
    if (part.alive * 8 < part.slots.length && part.slots.length > fewSlots) rebuild(part);
  }

  /** A walk over all values, in no particular order; hosts may be added and removed on the way. */
  walk(): HostWalk<Value> {
    return new HostWalk(this, this.#parts);
  }
}

/** Gives one value after the other. */
export class HostWalk<Value extends Hosted> {
  readonly #map: HostMap<Value>;
  readonly #parts: readonly Part<Value>[];
  #part = 0;
  #slots: readonly (Value | undefined)[];
  #slot = 0;

  constructor(map: HostMap<Value>, all: readonly Part<Value>[]) {
    this.#map = map;
    this.#parts = all;
    this.#slots = all[0]!.slots;
  }

  /** Undefined at the end. A host that is there throughout comes once, one that comes or goes may be missed. */
  next(): Value | undefined {
    for (;;) {
      while (this.#slot < this.#slots.length) {
        const value = this.#slots[this.#slot++];
        if (value === undefined || value === (gone as Value)) continue;
        // Of slots that were replaced meanwhile some of the values are no longer there.
        if (this.#slots === this.#parts[this.#part]!.slots || this.#map.get(value.key) === value) return value;
      }
      if (++this.#part >= parts) {
        this.#part = parts;
        return undefined;
      }
      this.#slots = this.#parts[this.#part]!.slots;
      this.#slot = 0;
    }
  }
}

function emptyPart<Value>(slots: number): Part<Value> {
  return { hashes: new Int32Array(slots), slots: new Array(slots).fill(undefined), used: 0, alive: 0 };
}

/** The slot where the host's value is; -1: nowhere. */
function slotOf<Value extends Hosted>({ hashes, slots }: Part<Value>, hash: number, host: string): number {
  const mask = slots.length - 1;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const value = slots[slot];
    if (value === undefined) return -1;
    if (hashes[slot] === hash && value !== (gone as Value) && value.key === host) return slot;
  }
}

/** Puts a value that is not there into a free slot, of which there must be one to spare. */
function append<Value>(part: Part<Value>, hash: number, value: Value): void {
  const mask = part.slots.length - 1;
  let slot = hash & mask;
  while (part.slots[slot] !== undefined) slot = (slot + 1) & mask;
  part.slots[slot] = value;
  part.hashes[slot] = hash;
  part.used++;
  part.alive++;
}

/** The same without what is gone, with room for as much again as half of what is there. */
function rebuild<Value extends Hosted>(part: Part<Value>): void {
  let slots = fewSlots;
  while (part.alive * 3 >= slots * 2) slots *= 2;
  const fresh = emptyPart<Value>(slots);
  for (let i = 0; i < part.slots.length; i++) {
    const value = part.slots[i];
    if (value !== undefined && value !== (gone as Value)) append(fresh, part.hashes[i] as number, value);
  }
  Object.assign(part, fresh);
}

function hashOf(host: string, seed: number): number {
  let hash = seed ^ host.length;
  for (let i = 0; i < host.length; i++) hash = Math.imul(hash ^ host.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
