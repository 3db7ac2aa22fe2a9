import { HostMap, type HostWalk } from "./host-map.ts";
import type { Pool } from "./pool.ts";
import type { RestingRoutes } from "./resting-routes.ts";
import { hostText, lowerCase, routeKey } from "./uri.ts";

const slash = 0x2f;

/** One segment of a route key: a host that has paths below it, or a segment of a path. */
class TrieNode {
  readonly key: string;
  children: Map<string, TrieNode> | undefined = undefined;
  pool: Pool | undefined;

  constructor(key: string, pool: Pool | undefined) {
    this.key = key;
    this.pool = pool;
  }
}

/** What a host has: most have a route without a path and no other, and need no node. */
type Host = Pool | TrieNode;

/** The routes by host and path segments (control-plane §3.2, §3.3). */
export class Trie {
  readonly #hosts: HostMap<Host>;
  /** Hosts that begin with `*.`, by what follows; spares a lookup the making of `*.` texts. */
  readonly #wildcards = new Map<string, Host>();
  /** Length of the longest key `#wildcards` ever had: longer texts need not be looked up. */
  #longestWildcard = 0;
  #size = 0;
  readonly #resting: RestingRoutes | undefined;

  /** `seed`: a random 32-bit integer. `resting`: routes that are no objects until they are asked for. */
  constructor(seed: number, resting?: RestingRoutes) {
    this.#resting = resting;
    this.#hosts = new HostMap<Host>(seed, resting);
  }

  /** Number of pools, empty ones included (`total_routes`). */
  get size(): number {
    return this.#size;
  }

  /** The pool of exactly this trie key. */
  find(key: string): Pool | undefined {
    let from = key.indexOf("/");
    const host = this.#hosts.get(from < 0 ? key : key.slice(0, from));
    if (from < 0 || host === undefined) return poolOf(host);
    let node = host instanceof TrieNode ? host : undefined;
    while (node !== undefined && from < key.length) {
      const end = segmentEnd(key, from + 1, key.length);
      node = node.children?.get(key.slice(from + 1, end));
      from = end;
    }
    return node?.pool;
  }

  /** The same, but a pool that rests is left alone: its number. */
  peek(key: string): Pool | number | undefined {
    if (key.includes("/")) return this.find(key);
    const host = this.#hosts.peek(key);
    return typeof host === "number" ? host : poolOf(host);
  }

  /** Whether a pool of that key may rest: hosts of wildcards and of routes with paths are looked for in other ways. */
  mayRest(key: string): boolean {
    if (this.#resting === undefined || key.startsWith("*.") || key.includes("/")) return false;
    const host = this.#hosts.peek(key);
    return host === undefined || typeof host === "number";
  }

  /** Puts a pool that rests at its trie key, in the place of the pool that is there or woke up just now. */
  insertResting(key: string, id: number): void {
    if (this.#hosts.peek(key) === undefined) this.#size++;
    this.#hosts.setResting(key, id);
  }

  /** Puts a pool at its trie key, which has none. */
  insert(pool: Pool): void {
    const { key } = pool;
    const slashAt = key.indexOf("/");
    this.#size++;
    if (slashAt < 0) {
      const host = this.#hosts.get(key);
      if (host instanceof TrieNode) host.pool = pool;
      else this.#setHost(pool);
      return;
    }
    let node = this.#hostNode(key.slice(0, slashAt));
    for (let from = slashAt + 1; from <= key.length; ) {
      const end = segmentEnd(key, from, key.length);
      node = childOf(node, key.slice(from, end));
      from = end + 1;
    }
    node.pool = pool;
  }

  /** The node of a host, which it gets now if it has none. */
  #hostNode(key: string): TrieNode {
    const host = this.#hosts.get(key);
    if (host instanceof TrieNode) return host;
    const node = new TrieNode(host === undefined ? key : host.key, host);
    this.#setHost(node);
    return node;
  }

  #setHost(host: Host): void {
    this.#hosts.set(host);
    if (!host.key.startsWith("*.")) return;
    const suffix = host.key.slice(2);
    this.#wildcards.set(suffix, host);
    this.#longestWildcard = Math.max(this.#longestWildcard, suffix.length);
  }

  #deleteHost(key: string): void {
    this.#hosts.delete(key);
    if (key.startsWith("*.")) this.#wildcards.delete(key.slice(2));
  }

  /** Takes a pool out, and its node with the childless ancestors that have no pool (control-plane §3.6). */
  remove(pool: Pool): void {
    this.#take(pool, () => {});
  }

  /**
   * Like `remove`, but ancestors whose pool is empty go as well, before their own time (control-plane §3.8). Gives the keys
   * of the pools that went.
   */
  snip(pool: Pool): string[] {
    const gone = [pool.key];
    this.#take(pool, (ancestor) => {
      if (ancestor.pool?.size !== 0 || ancestor.pool.reservation !== undefined) return;
      gone.push(ancestor.pool.key);
      ancestor.pool = undefined;
      this.#size--;
    });
    return gone;
  }

  #take({ key }: Pool, meet: (ancestor: TrieNode) => void): void {
    this.#size--;
    const way = this.#wayTo(key);
    if (way.length === 0) {
      this.#deleteHost(key);
      return;
    }
    way.at(-1)!.pool = undefined;
    for (let depth = way.length - 1; depth >= 0; depth--) {
      const { key: segment, pool, children } = way[depth]!;
      if (pool !== undefined || children !== undefined) return;
      const parent = way[depth - 1];
      if (parent === undefined) {
        this.#deleteHost(segment);
        return;
      }
      if (parent.children?.delete(segment) && parent.children.size === 0) parent.children = undefined;
      meet(parent);
    }
  }

  /** The nodes on the way to a key that is there; none for a host that needs no node. */
  #wayTo(key: string): TrieNode[] {
    let from = key.indexOf("/");
    const host = this.#hosts.get(from < 0 ? key : key.slice(0, from));
    if (!(host instanceof TrieNode)) return [];
    const way = [host];
    while (from >= 0 && from < key.length) {
      const end = segmentEnd(key, from + 1, key.length);
      way.push(way.at(-1)!.children!.get(key.slice(from + 1, end))!);
      from = end;
    }
    return way;
  }

  /**
   * The keys of all pools, in lists of some of them, each as it is when it is asked for: the key of a pool that is there
   * throughout is in one list.
   */
  *keys(): Generator<readonly string[], void> {
    for (const hosts of this.#hosts.lists()) {
      const keys: string[] = [];
      for (const host of hosts) {
        if (typeof host === "number") keys.push(this.#resting!.keyOf(host));
        else addKeys(host, keys);
      }
      yield keys;
    }
  }

  /** A walk over all pools, in no particular order; pools may be added and removed on the way. */
  walk(): PoolWalk {
    return new PoolWalk(this.#hosts.walk(), this.#resting);
  }

  /**
   * The pool for a request (control-plane §3.3): the deepest non-empty pool on the way that its host and path walk
   * through the trie, else the pool of the last node reached, even if empty; while there is none, the same with
   * leftmost labels replaced by `*`.
   *
   * @param host as received, without port, one character per byte.
   * @param path percent-encoded, without query (`routeKeyPath`).
   */
  lookup(host: string, path: string): Pool | undefined {
    // A host that is a key as it stands needs no normalisation: keys are lower-case and hold neither `?` nor `/`.
    const known = this.#hosts.get(host);
    if (known !== undefined && host !== "" && (path === "" || path.charCodeAt(0) === slash)) {
      if (!(known instanceof TrieNode)) return known;
      const pool = descend(known, path, 1, withoutTwoSlashes(path));
      if (pool !== undefined) return pool;
    }
    return this.#lookupKey(routeKey(hostText(host) + path));
  }

  #lookupKey(key: string): Pool | undefined {
    const end = key.charCodeAt(key.length - 1) === slash ? key.length - 1 : key.length;
    const start = key.charCodeAt(0) === slash && end > 0 ? 1 : 0;
    let hostEnd = segmentEnd(key, start, end);
    const host = this.#hosts.get(key.slice(start, hostEnd));
    if (host !== undefined) {
      const pool = descend(host, key, hostEnd + 1, end);
      if (pool !== undefined) return pool;
    }
    if (this.#wildcards.size === 0) return undefined;
    // Each round cuts through the first `.` of the whole key, path included, and prepends `*.`. (A key that begins with
    // `*.` is to lose that first; leaving it only repeats the walk above.)
    let from = 0;
    for (let dot = key.indexOf(".", from); dot >= 0; dot = key.indexOf(".", from)) {
      from = dot + 1;
      if (hostEnd < from) hostEnd = segmentEnd(key, from, end);
      if (hostEnd - from > this.#longestWildcard) continue;
      const wildcard = this.#wildcards.get(key.slice(from, hostEnd));
      const pool = wildcard === undefined ? undefined : descend(wildcard, key, hostEnd + 1, end);
      if (pool !== undefined) return pool;
    }
    return undefined;
  }
}

/** Gives one pool after the other. */
export class PoolWalk {
  readonly #hosts: HostWalk<Host>;
  readonly #resting: RestingRoutes | undefined;
  /** Of the host that was met last: what is left on each level below it. */
  readonly #levels: Iterator<TrieNode, unknown>[] = [];

  constructor(hosts: HostWalk<Host>, resting: RestingRoutes | undefined) {
    this.#hosts = hosts;
    this.#resting = resting;
  }

  /** Undefined at the end; the number of a pool that rests. */
  next(): Pool | number | undefined {
    for (;;) {
      const node = this.#levels.length === 0 ? this.#hosts.next() : this.#below();
      if (node === undefined) return undefined;
      if (!(node instanceof TrieNode)) return node;
      if (node.children !== undefined) this.#levels.push(node.children.values());
      if (node.pool !== undefined) return node.pool;
    }
  }

  #below(): Host | number | undefined {
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const { value: node, done } = level.next();
      if (done !== true) return node;
      this.#levels.pop();
    }
    return this.#hosts.next();
  }

  /** All pools; those that rest go on resting, and what happens to them here changes nothing. */
  *[Symbol.iterator](): Generator<Pool, void> {
    for (let pool = this.next(); pool !== undefined; pool = this.next()) {
      yield typeof pool === "number" ? this.#resting!.view(pool) : pool;
    }
  }
}

/** Adds the keys of all pools of a host. */
function addKeys(host: Host, keys: string[]): void {
  if (!(host instanceof TrieNode)) {
    keys.push(host.key);
    return;
  }
  const left = [host];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node.pool !== undefined) keys.push(node.pool.key);
    if (node.children !== undefined) for (const child of node.children.values()) left.push(child);
  }
}

function poolOf(host: Host | undefined): Pool | undefined {
  return host instanceof TrieNode ? host.pool : host;
}

function childOf(parent: TrieNode, segment: string): TrieNode {
  parent.children ??= new Map();
  const existing = parent.children.get(segment);
  if (existing !== undefined) return existing;
  const node = new TrieNode(segment, undefined);
  parent.children.set(segment, node);
  return node;
}

/** Where the segment that starts at `from` ends: at the next slash before `end`, or there. */
function segmentEnd(text: string, from: number, end: number): number {
  const next = text.indexOf("/", from);
  return next < 0 || next > end ? end : next;
}

/** Length of a path without its one or two trailing slashes: routeKey takes one, the trie key another. */
function withoutTwoSlashes(path: string): number {
  let end = path.length;
  if (end > 0 && path.charCodeAt(end - 1) === slash) end--;
  if (end > 0 && path.charCodeAt(end - 1) === slash) end--;
  return end;
}

/** Walks the segments of `text` between `from` and `end` (none when `from > end`) as far as nodes exist. */
function descend(host: Host, text: string, from: number, end: number): Pool | undefined {
  if (!(host instanceof TrieNode)) return host;
  let node = host;
  let found = filled(node);
  for (let start = from; start <= end && node.children !== undefined; ) {
    const stop = segmentEnd(text, start, end);
    const segment = text.slice(start, stop);
    const next = node.children.get(segment) ?? node.children.get(lowerCase(segment));
    if (next === undefined) break;
    node = next;
    found = filled(node) ?? found;
    start = stop + 1;
  }
  return found ?? node.pool;
}

function filled({ pool }: TrieNode): Pool | undefined {
  return pool !== undefined && (pool.size > 0 || pool.reservation !== undefined) ? pool : undefined;
}
