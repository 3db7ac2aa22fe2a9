import { ByteHeap, longestRecord } from "./byte-heap.ts";
import { Endpoint, isLeased, RestingEndpoint } from "./endpoint.ts";
import type { EndpointKind } from "./endpoint-kind.ts";
import type { PackedEndpoint } from "./packed-endpoint.ts";
import { Pool, type PoolSettings } from "./pool.ts";

/** Records of a page (a power of two). */
const pageBits = 10;
const pageSize = 1 << pageBits;
/** Numbers of a record: when its endpoint was registered last, when the pool changed last, how long it lasts. */
const [updatedAt, lastChange, staleSeconds, timesEach] = [0, 1, 2, 3];
/** Words of a record: its version, its kind, where its texts are, how long they are, the number of its endpoint. */
const [version, kind, place, lengths, number, wordsEach] = [0, 1, 2, 3, 4, 5];
/** The lengths of key, name (0: it is the key) and packed text share a word. */
const [nameShift, packedShift, nameLimit, packedLimit] = [10, 20, 1 << 10, 1 << 12];

interface Page {
  readonly times: Float64Array;
  readonly words: Int32Array;
}

/** Kinds of endpoints by numbers, as long as somebody uses them. */
class KindNumbers {
  readonly #numbers = new Map<EndpointKind, number>();
  readonly #kinds: (EndpointKind | undefined)[] = [];
  readonly #users: number[] = [];
  readonly #free: number[] = [];

  take(kind: EndpointKind): number {
    let number = this.#numbers.get(kind);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#kinds.length;
      this.#numbers.set(kind, number);
      this.#kinds[number] = kind;
      this.#users[number] = 0;
    }
    this.#users[number]!++;
    return number;
  }

  at(number: number): EndpointKind {
    return this.#kinds[number]!;
  }

  release(number: number): void {
    if (--this.#users[number]! > 0) return;
    this.#numbers.delete(this.#kinds[number]!);
    this.#kinds[number] = undefined;
    this.#free.push(number);
  }
}

/**
 * Routes with one endpoint that no request has asked for: most of a large table. They are not objects, which every
 * collection of garbage would have to look at, but records of numbers and bytes; who asks for one wakes it, and then it
 * is a pool like any other. A record has a number, from 1 on.
 */
export class RestingRoutes {
  readonly #settings: PoolSettings;
  readonly #woken: ((pool: Pool) => void) | undefined;
  readonly #pages: Page[] = [];
  readonly #texts = new ByteHeap();
  readonly #kinds = new KindNumbers();
  readonly #free: number[] = [];
  #next = 1;

  /** `woken` hears of every pool that was a record until now, before it is in the table. */
  constructor(settings: PoolSettings, woken?: (pool: Pool) => void) {
    this.#settings = settings;
    this.#woken = woken;
  }

  /**
   * Makes a record of a pool that is as new: nobody holds it or its endpoint, nor was a request sent there. 0: the pool
   * is not of the kind that may rest.
   */
  rest(pool: Pool): number {
    const member = pool.at(0);
    const { key, name } = pool;
    if (member === undefined || !pool.plain) return 0;
    const { endpoint } = member;
    if (isLeased(endpoint) || endpoint.modificationTag.guid !== "" || endpoint.modificationTag.index !== 0) return 0;
    if (endpoint.loadBalancing !== "" || pool.routeServiceUrl !== endpoint.routeServiceUrl) return 0;
    return this.put(key, name, endpoint.resting, endpoint.number, member.updatedAt, pool.lastChange);
  }

  /**
   * Makes a record of a route with one endpoint, which no other route has, and with nothing that does not follow from
   * the settings and the endpoint; `update` and `change` are `Clock.monotonic` milliseconds of its latest registration and
   * of the pool's latest change. 0: the texts are none that a record can hold.
   */
  put(
    key: string,
    name: string,
    { packed, kind: endpointKind, staleThresholdSeconds }: RestingEndpoint,
    endpointNumber: number,
    update: number,
    change: number,
  ): number {
    const ownName = name === key ? "" : name;
    if (!hasRoom(key, ownName, packed.length)) return 0;
    const texts = this.#texts.put(key, ownName, packed);
    if (texts < 0) return 0;
    const sizes = sizesOf(key, ownName, packed.length);
    return this.#record(texts, sizes, endpointKind, staleThresholdSeconds, endpointNumber, update, change);
  }

  /** The same of a route that is new, and of an endpoint that is no object either; `kind` is the table's own. */
  putPacked(key: string, name: string, packed: PackedEndpoint, kind: EndpointKind, life: number, now: number): number {
    const ownName = name === key ? "" : name;
    if (!hasRoom(key, ownName, packed.length)) return 0;
    const texts = this.#texts.putBytes(key, ownName, packed.bytes, packed.length);
    if (texts < 0) return 0;
    return this.#record(texts, sizesOf(key, ownName, packed.length), kind, life, -1, now, now);
  }

  #record(
    texts: number,
    sizes: number,
    endpointKind: EndpointKind,
    staleThresholdSeconds: number,
    endpointNumber: number,
    update: number,
    change: number,
  ): number {
    const id = this.#free.pop() ?? this.#newNumber();
    const { times, words } = this.#pages[id >> pageBits]!;
    const time = (id & (pageSize - 1)) * timesEach;
    times[time + updatedAt] = update;
    times[time + lastChange] = change;
    times[time + staleSeconds] = staleThresholdSeconds;
    const word = (id & (pageSize - 1)) * wordsEach;
    words[word + kind] = this.#kinds.take(endpointKind);
    words[word + place] = texts;
    words[word + number] = endpointNumber;
    words[word + lengths] = sizes;
    return id;
  }

  /** The record as a pool, and it is no more. */
  wake(id: number): Pool {
    const pool = this.view(id);
    const words = this.#wordsOf(id);
    const at = (id & (pageSize - 1)) * wordsEach;
    words[at + version]!++;
    const sizes = words[at + lengths]!;
    this.#texts.free(words[at + place]!, keyLength(sizes) + nameLength(sizes) + packedLength(sizes));
    this.#kinds.release(words[at + kind]!);
    words[at + lengths] = 0;
    this.#free.push(id);
    this.#woken?.(pool);
    return pool;
  }

  /** A pool that says what the record does, to be looked at: what happens to it changes nothing. */
  view(id: number): Pool {
    const words = this.#wordsOf(id);
    const at = (id & (pageSize - 1)) * wordsEach;
    const key = this.keyOf(id);
    const time = (id & (pageSize - 1)) * timesEach;
    const { times } = this.#pages[id >> pageBits]!;
    const changed = times[time + lastChange]!;
    const pool = new Pool(key, this.nameOf(id) || key, this.#settings, this.#settings.defaultAlgorithm, changed);
    const endpoint = new Endpoint(this.endpointOf(id));
    endpoint.routes = 1;
    endpoint.number = words[at + number]!;
    pool.add(endpoint, times[time + updatedAt]!);
    pool.routeServiceUrl = endpoint.routeServiceUrl;
    return pool;
  }

  keyOf(id: number): string {
    const words = this.#wordsOf(id);
    const at = (id & (pageSize - 1)) * wordsEach;
    return this.#texts.text(words[at + place]!, 0, keyLength(words[at + lengths]!));
  }

  /** The uri of the first registration where it is not the key, without a trailing slash; empty: it is the key. */
  nameOf(id: number): string {
    const words = this.#wordsOf(id);
    const at = (id & (pageSize - 1)) * wordsEach;
    const sizes = words[at + lengths]!;
    return this.#texts.text(words[at + place]!, keyLength(sizes), nameLength(sizes));
  }

  /** What the endpoint says. */
  endpointOf(id: number): RestingEndpoint {
    const words = this.#wordsOf(id);
    const at = (id & (pageSize - 1)) * wordsEach;
    const sizes = words[at + lengths]!;
    const packed = this.#texts.text(words[at + place]!, keyLength(sizes) + nameLength(sizes), packedLength(sizes));
    const seconds = this.#pages[id >> pageBits]!.times[(id & (pageSize - 1)) * timesEach + staleSeconds]!;
    return new RestingEndpoint(packed, this.#kinds.at(words[at + kind]!), seconds);
  }

  /** `Endpoint.number` of the endpoint. */
  numberOf(id: number): number {
    return this.#wordsOf(id)[(id & (pageSize - 1)) * wordsEach + number]!;
  }

  /** Gives the endpoint its number. */
  giveNumber(id: number, endpointNumber: number): void {
    this.#wordsOf(id)[(id & (pageSize - 1)) * wordsEach + number] = endpointNumber;
  }

  /** Whether the route has that trie key. A record that is no more has none. */
  hasKey(id: number, key: string): boolean {
    const words = this.#wordsOf(id);
    const at = (id & (pageSize - 1)) * wordsEach;
    return keyLength(words[at + lengths]!) === key.length && this.#texts.startsWith(words[at + place]!, key);
  }

  /** There is such a record. */
  has(id: number): boolean {
    return this.#wordsOf(id)[(id & (pageSize - 1)) * wordsEach + lengths] !== 0;
  }

  /** Other than at any earlier time when the record said something else, or was of another route. */
  versionOf(id: number): number {
    return this.#wordsOf(id)[(id & (pageSize - 1)) * wordsEach + version]!;
  }

  /** The tag `component` of the endpoint, or empty. */
  componentOf(id: number): string {
    return this.#kinds.at(this.#wordsOf(id)[(id & (pageSize - 1)) * wordsEach + kind]!).component;
  }

  /** The route was registered again as it is. */
  refresh(id: number, now: number): void {
    const time = (id & (pageSize - 1)) * timesEach;
    const { times } = this.#pages[id >> pageBits]!;
    times[time + updatedAt] = now;
    times[time + lastChange] = now;
  }

  /** The endpoint counts as registered now, though nothing was heard of it. */
  spare(id: number, now: number): void {
    this.#pages[id >> pageBits]!.times[(id & (pageSize - 1)) * timesEach + updatedAt] = now;
  }

  /** Last registered longer ago than it promised; endpoints with TLS never are (control-plane §3.10). */
  isStale(id: number, now: number): boolean {
    const { times, words } = this.#pages[id >> pageBits]!;
    const time = (id & (pageSize - 1)) * timesEach;
    if (times[time + updatedAt]! >= now - times[time + staleSeconds]! * 1000) return false;
    return !this.#kinds.at(words[(id & (pageSize - 1)) * wordsEach + kind]!).tls;
  }

  #newNumber(): number {
    const id = this.#next++;
    if (id >> pageBits === this.#pages.length) {
      const page = { times: new Float64Array(pageSize * timesEach), words: new Int32Array(pageSize * wordsEach) };
      this.#pages.push(page);
    }
    return id;
  }

  #wordsOf(id: number): Int32Array {
    return this.#pages[id >> pageBits]!.words;
  }
}

/** Whether a record can hold a key, a name (empty: it is the key) and a packed text of that length. */
function hasRoom(key: string, name: string, packed: number): boolean {
  if (key.length === 0 || key.length >= nameLimit || name.length >= nameLimit || packed >= packedLimit) return false;
  return key.length + name.length + packed <= longestRecord;
}

function sizesOf(key: string, name: string, packed: number): number {
  return key.length | (name.length << nameShift) | (packed << packedShift);
}

function keyLength(sizes: number): number {
  return sizes & (nameLimit - 1);
}

function nameLength(sizes: number): number {
  return (sizes >>> nameShift) & (nameLimit - 1);
}

function packedLength(sizes: number): number {
  return sizes >>> packedShift;
}
