/** Parts (a power of two). */
const parts = 256;
/** Slots of a part that holds little (a power of two). */
const fewSlots = 4;

/** What has a host: the key it is found by. */
interface Hosted {
  readonly key: string;
}

/** Values that are not objects as long as nobody asks for them: each has a number from 1 on. */
export interface Resting<Value> {
  hasKey(id: number, key: string): boolean;
  keyOf(id: number): string;
  /** There is such a value. */
  has(id: number): boolean;
  /** Makes an object of it; the number may get another meaning. */
  wake(id: number): Value;
}

/** What a slot has, unless it is the number of what rests. */
const [free, gone, object] = [0, -1, -2];

/**
 * Open addressing: hash and state of a slot stand side by side, objects at the slot's index. A part that grows or shrinks
 * is replaced: whoever walks over it keeps the old one.
 */
interface Part<Value> {
  readonly words: Int32Array;
  /** Empty as long as all in this part rests. */
  objects: (Value | undefined)[];
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
  readonly #resting: Resting<Value> | undefined;
  readonly #parts: Part<Value>[] = Array.from({ length: parts }, () => emptyPart<Value>(fewSlots));

  /** `seed`: a random 32-bit integer, so that nobody can choose hosts that all meet in one place. */
  constructor(seed: number, resting?: Resting<Value>) {
    this.#seed = seed;
    this.#resting = resting;
  }

  /** The value of a host; one that rests is woken. */
  get(host: string): Value | undefined {
    const hash = hashOf(host, this.#seed);
    const part = this.#parts[hash >>> 24] as Part<Value>;
    const slot = this.#slotOf(part, hash, host);
    if (slot < 0) return undefined;
    const state = part.words[2 * slot + 1] as number;
    if (state === object) return part.objects[slot];
    const value = this.#resting!.wake(state);
    putObject(part, slot, value);
    return value;
  }

  /** The same, but what rests is left alone: its number. */
  peek(host: string): Value | number | undefined {
    const hash = hashOf(host, this.#seed);
    const part = this.#parts[hash >>> 24] as Part<Value>;
    const slot = this.#slotOf(part, hash, host);
    if (slot < 0) return undefined;
    const state = part.words[2 * slot + 1] as number;
    return state === object ? part.objects[slot] : state;
  }

  /** Puts a value at its host, in the place of the one that is there. */
  set(value: Value): void {
    const hash = hashOf(value.key, this.#seed);
    const part = this.#parts[hash >>> 24] as Part<Value>;
    const slot = this.#slotOf(part, hash, value.key);
    if (slot >= 0) putObject(part, slot, value);
    else {
      const roomy = this.#roomy(hash);
      putObject(roomy, freeSlot(roomy, hash), value);
    }
  }

  /** From now on the value at that host is the one of that number, which rests. */
  setResting(host: string, id: number): void {
    const hash = hashOf(host, this.#seed);
    let part = this.#parts[hash >>> 24] as Part<Value>;
    let slot = this.#slotOf(part, hash, host);
    if (slot < 0) {
      part = this.#roomy(hash);
      slot = freeSlot(part, hash);
    } else if (part.objects.length > 0) part.objects[slot] = undefined;
    part.words[2 * slot + 1] = id;
  }

  delete(host: string): void {
    const hash = hashOf(host, this.#seed);
    const part = this.#parts[hash >>> 24] as Part<Value>;
    const slot = this.#slotOf(part, hash, host);
    if (slot < 0) return;
    if (part.objects.length > 0) part.objects[slot] = undefined;
    part.words[2 * slot + 1] = gone;
    part.alive--;
    if (part.alive * 16 < part.words.length && part.words.length > 2 * fewSlots) {
      this.#parts[hash >>> 24] = rebuilt(part);
    }
  }

  /**
   * All values, in lists of some of them, each as it is when it is asked for: a value that is there throughout is in one
   * list, others may be. What rests is given by its number.
   */
  *lists(): Generator<readonly (Value | number)[], void> {
    for (let number = 0; number < parts; number++) {
      const { words, objects } = this.#parts[number]!;
      const list: (Value | number)[] = [];
      for (let slot = 0; 2 * slot < words.length; slot++) {
        const state = words[2 * slot + 1]!;
        if (state !== free && state !== gone) list.push(state === object ? objects[slot]! : state);
      }
      yield list;
    }
  }

  /** A walk over all values, in no particular order; hosts may be added and removed on the way. */
  walk(): HostWalk<Value> {
    return new HostWalk(this, this.#resting, this.#parts);
  }

  /** The slot where the host's value is; -1: nowhere. */
  #slotOf({ words, objects }: Part<Value>, hash: number, host: string): number {
    const mask = (words.length >> 1) - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const state = words[2 * slot + 1] as number;
      if (state === free) return -1;
      if (words[2 * slot] !== hash || state === gone) continue;
      if (state === object ? objects[slot]!.key === host : this.#resting!.hasKey(state, host)) return slot;
    }
  }

  /** The part for that hash, with a slot to spare. */
  #roomy(hash: number): Part<Value> {
    const part = this.#parts[hash >>> 24] as Part<Value>;
    if (part.used * 8 < part.words.length * 3) return part;
    const larger = rebuilt(part);
    this.#parts[hash >>> 24] = larger;
    return larger;
  }
}

/** Gives one value after the other. */
export class HostWalk<Value extends Hosted> {
  readonly #map: HostMap<Value>;
  readonly #resting: Resting<Value> | undefined;
  readonly #parts: readonly Part<Value>[];
  #number = 0;
  #part: Part<Value>;
  #slot = 0;

  constructor(map: HostMap<Value>, resting: Resting<Value> | undefined, all: readonly Part<Value>[]) {
    this.#map = map;
    this.#resting = resting;
    this.#parts = all;
    this.#part = all[0]!;
  }

  /**
   * Undefined at the end; the number of a value that rests. A host that is there throughout comes once; one that comes,
   * goes or is woken may be missed.
   */
  next(): Value | number | undefined {
    for (;;) {
      const { words, objects } = this.#part;
      while (2 * this.#slot < words.length) {
        const slot = this.#slot++;
        const state = words[2 * slot + 1]!;
        if (state === free || state === gone) continue;
        const value = state === object ? objects[slot]! : state;
        // Of a part that was replaced meanwhile some of the values are no longer there.
        if (this.#part === this.#parts[this.#number] || this.#isThere(value)) return value;
      }
      if (++this.#number >= parts) {
        this.#number = parts;
        return undefined;
      }
      this.#part = this.#parts[this.#number]!;
      this.#slot = 0;
    }
  }

  #isThere(value: Value | number): boolean {
    if (typeof value !== "number") return this.#map.peek(value.key) === value;
    const resting = this.#resting!;
    return resting.has(value) && this.#map.peek(resting.keyOf(value)) === value;
  }
}

function emptyPart<Value>(slots: number): Part<Value> {
  return { words: new Int32Array(2 * slots), objects: [], used: 0, alive: 0 };
}

function putObject<Value>(part: Part<Value>, slot: number, value: Value): void {
  if (part.objects.length === 0) {
    part.objects = new Array<Value | undefined>(part.words.length >> 1).fill(undefined);
  }
  part.objects[slot] = value;
  part.words[2 * slot + 1] = object;
}

/** The first free slot for that hash; there must be one to spare. */
function freeSlot<Value>(part: Part<Value>, hash: number): number {
  const { words } = part;
  const mask = (words.length >> 1) - 1;
  let slot = hash & mask;
  while (words[2 * slot + 1] !== free) slot = (slot + 1) & mask;
  words[2 * slot] = hash;
  part.used++;
  part.alive++;
  return slot;
}

/** The same without what is gone, with room for as much again as half of what is there. */
function rebuilt<Value>(part: Part<Value>): Part<Value> {
  let slots = fewSlots;
  while (part.alive * 3 >= slots * 2) slots *= 2;
  const fresh = emptyPart<Value>(slots);
  for (let i = 0; 2 * i < part.words.length; i++) {
    const state = part.words[2 * i + 1] as number;
    if (state === free || state === gone) continue;
    const slot = freeSlot(fresh, part.words[2 * i] as number);
    if (state === object) putObject(fresh, slot, part.objects[i] as Value);
    else fresh.words[2 * slot + 1] = state;
  }
  return fresh;
}

function hashOf(host: string, seed: number): number {
  let hash = seed ^ host.length;
  for (let i = 0; i < host.length; i++) hash = Math.imul(hash ^ host.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
