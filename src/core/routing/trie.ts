import { HostMap } from "./host-map.ts";
import type { Pool } from "./pool.ts";
import { hostText, lowerCase, routeKey } from "./uri.ts";

const slash = 0x2f;

/** One segment of a route key: the host first, then the segments of the path. */
export class TrieNode {
  readonly segment: string;
  /** Undefined for the root. */
  readonly parent: TrieNode | undefined;
  children: Map<string, TrieNode> | undefined = undefined;
  pool: Pool | undefined = undefined;

  constructor(segment: string, parent: TrieNode | undefined) {
    this.segment = segment;
    this.parent = parent;
  }
}

/** The routes by host and path segments (control-plane §3.2, §3.3). */
export class Trie {
  readonly #root = new TrieNode("", undefined);
  readonly #hosts = new HostMap<TrieNode>();
  /** Nodes of hosts that begin with `*.`, by what follows; spares a lookup the making of `*.` texts. */
  readonly #wildcards = new Map<string, TrieNode>();
  /** Length of the longest key `#wildcards` ever had: longer texts need not be looked up. */
  #longestWildcard = 0;
  #size = 0;

  /** Number of pools, empty ones included (`total_routes`). */
  get size(): number {
    return this.#size;
  }

  /** The node of exactly this trie key, if it has a pool. */
  find(key: string): TrieNode | undefined {
    let from = key.indexOf("/");
    if (from < 0) return withPool(this.#hosts.get(key));
    let node = this.#hosts.get(key.slice(0, from));
    while (node !== undefined && from < key.length) {
      const end = segmentEnd(key, from + 1, key.length);
      node = node.children?.get(key.slice(from + 1, end));
      from = end;
    }
    return withPool(node);
  }

  /** Puts a pool at a trie key that has none. */
  insert(key: string, pool: Pool): void {
    let node = this.#root;
    for (let from = 0; from <= key.length; ) {
      const end = segmentEnd(key, from, key.length);
      node = this.#child(node, from === 0 && end === key.length ? key : key.slice(from, end));
      from = end + 1;
    }
    node.pool = pool;
    this.#size++;
  }

  #child(parent: TrieNode, segment: string): TrieNode {
    if (parent === this.#root) return this.#hosts.get(segment) ?? this.#newHost(segment);
    parent.children ??= new Map();
    const existing = parent.children.get(segment);
    if (existing !== undefined) return existing;
    const node = new TrieNode(segment, parent);
    parent.children.set(segment, node);
    return node;
  }

  #newHost(segment: string): TrieNode {
    const node = new TrieNode(segment, this.#root);
    this.#hosts.set(segment, node);
    if (segment.startsWith("*.")) {
      const suffix = segment.slice(2);
      this.#wildcards.set(suffix, node);
      this.#longestWildcard = Math.max(this.#longestWildcard, suffix.length);
    }
    return node;
  }

  /** Takes a node's pool away, and the node with its childless ancestors that have no pool (control-plane §3.6). */
  remove(node: TrieNode): void {
    node.pool = undefined;
    this.#size--;
    let leaf = node;
    while (this.#cutLeaf(leaf)) leaf = leaf.parent as TrieNode;
  }

  /** Like `remove`, but ancestors whose pool is empty go as well, before their own time (control-plane §3.8). */
  snip(node: TrieNode): void {
    node.pool = undefined;
    this.#size--;
    let leaf = node;
    while (this.#cutLeaf(leaf)) {
      leaf = leaf.parent as TrieNode;
      if (leaf.pool?.size === 0 && leaf.pool.reservation === undefined) {
        leaf.pool = undefined;
        this.#size--;
      }
    }
  }

  /** Cuts a node that has neither pool nor children off its parent; false: it stays. */
  #cutLeaf(node: TrieNode): boolean {
    const parent = node.parent;
    if (parent === undefined || node.pool !== undefined || node.children !== undefined) return false;
    if (parent === this.#root) {
      this.#hosts.delete(node.segment);
      if (node.segment.startsWith("*.")) this.#wildcards.delete(node.segment.slice(2));
    } else if (parent.children?.delete(node.segment) && parent.children.size === 0) {
      parent.children = undefined;
    }
    return true;
  }

  /** All nodes with a pool, in no particular order; nodes may be added and removed on the way. */
  *nodes(): Generator<TrieNode, void> {
    const levels: Iterator<TrieNode, unknown>[] = [this.#hosts.values()];
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const { value: node, done } = level.next();
      if (done === true) {
        levels.pop();
        continue;
      }
      const children = node.children;
      if (node.pool !== undefined) yield node;
      if (children !== undefined) levels.push(children.values());
    }
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
    const node = this.#hosts.get(host);
    if (node !== undefined && host !== "" && (path === "" || path.charCodeAt(0) === slash)) {
      const pool = node.children === undefined ? node.pool : descend(node, path, 1, withoutTwoSlashes(path));
      if (pool !== undefined) return pool;
    }
    return this.#lookupKey(routeKey(hostText(host) + path));
  }

  #lookupKey(key: string): Pool | undefined {
    const end = key.charCodeAt(key.length - 1) === slash ? key.length - 1 : key.length;
    const start = key.charCodeAt(0) === slash && end > 0 ? 1 : 0;
    let hostEnd = segmentEnd(key, start, end);
    const node = this.#hosts.get(key.slice(start, hostEnd));
    if (node !== undefined) {
      const pool = descend(node, key, hostEnd + 1, end);
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

function withPool(node: TrieNode | undefined): TrieNode | undefined {
  return node?.pool === undefined ? undefined : node;
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
function descend(host: TrieNode, text: string, from: number, end: number): Pool | undefined {
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

function filled(node: TrieNode): Pool | undefined {
  const { pool } = node;
  return pool !== undefined && (pool.size > 0 || pool.reservation !== undefined) ? pool : undefined;
}
