import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Endpoint } from "../../../../src/core/routing/endpoint.ts";
import { defaults, table } from "../../../unit/core/routing/recording.ts";

// A naive table: a list of pools by key, every rule of control-plane §3 spelled out over whole strings.

interface NaiveEntry {
  address: string;
  tls: boolean;
  ttl: number;
  guid: string;
  index: number;
  updatedAt: number;
}

interface NaivePool {
  entries: NaiveEntry[];
  lastChange: number;
}

class NaiveTable {
  readonly pools = new Map<string, NaivePool>();
  readonly kept: boolean;
  readonly timeout: number;

  constructor(kept: boolean, timeout: number) {
    this.kept = kept;
    this.timeout = timeout;
  }

  static key(text: string): string {
    const key = text.replace(/\/$/, "").toLowerCase().split("?")[0] as string;
    return key.replace(/\/$/, "").replace(/^\//, "");
  }

  register(uri: string, entry: NaiveEntry): void {
    const key = NaiveTable.key(uri);
    const pool = this.pools.get(key) ?? { entries: [], lastChange: entry.updatedAt };
    this.pools.set(key, pool);
    const i = pool.entries.findIndex(({ address }) => address === entry.address);
    const old = pool.entries[i];
    if (old === undefined) {
      pool.entries.push(entry);
    } else {
      const { updatedAt: _, ...before } = old;
      const { updatedAt: __, ...after } = entry;
      const equal = JSON.stringify(before) === JSON.stringify(after);
      if (!equal && !NaiveTable.succeeded(old, entry)) return;
      pool.entries[i] = entry;
    }
    pool.lastChange = entry.updatedAt;
  }

  static succeeded(old: NaiveEntry, next: NaiveEntry): boolean {
    return old.guid === "" || next.guid === "" || old.guid !== next.guid || old.index < next.index;
  }

  unregister(uri: string, entry: NaiveEntry): void {
    const key = NaiveTable.key(uri);
    const pool = this.pools.get(key);
    if (pool === undefined) return;
    const old = pool.entries.find(({ address }) => address === entry.address);
    if (old !== undefined) {
      const same = old.guid === entry.guid && old.index === entry.index;
      if (same || NaiveTable.succeeded(old, entry)) {
        pool.entries = pool.entries.filter((each) => each !== old);
        pool.lastChange = entry.updatedAt;
      }
    }
    if (this.#mayGo(pool, entry.updatedAt)) this.pools.delete(key);
  }

  fail(key: string, address: string, now: number): void {
    const pool = this.pools.get(key);
    const entry = pool?.entries.find((each) => each.address === address);
    if (pool === undefined || entry === undefined || !entry.tls) return;
    pool.entries = pool.entries.filter((each) => each !== entry);
    pool.lastChange = now;
  }

  #mayGo(pool: NaivePool, now: number): boolean {
    return pool.entries.length === 0 && (!this.kept || this.timeout === 0 || now - pool.lastChange > this.timeout);
  }

  /** Some pool lies at the key or below it. */
  #isNode(key: string): boolean {
    return [...this.pools.keys()].some((each) => each === key || each.startsWith(`${key}/`));
  }

  prune(now: number): void {
    // Parents before children, as walking a tree from its root does.
    for (const key of [...this.pools.keys()].sort()) {
      const pool = this.pools.get(key);
      if (pool === undefined) continue;
      const left = pool.entries.filter(({ tls, updatedAt, ttl }) => tls || updatedAt >= now - ttl * 1000);
      if (left.length < pool.entries.length) {
        pool.entries = left;
        pool.lastChange = now;
      }
      if (!this.#mayGo(pool, now)) continue;
      this.pools.delete(key);
      // The walk upwards of §3.8.
      for (let cut = key; !this.#isNode(cut) && cut.includes("/"); ) {
        cut = cut.slice(0, cut.lastIndexOf("/"));
        if (this.pools.get(cut)?.entries.length === 0) this.pools.delete(cut);
      }
    }
  }

  match(key: string): string | undefined {
    const segments = key.split("/");
    let last: string | undefined;
    let filled: string | undefined;
    for (let i = 1; i <= segments.length; i++) {
      const prefix = segments.slice(0, i).join("/");
      if (!this.#isNode(prefix)) break;
      last = prefix;
      if ((this.pools.get(prefix)?.entries.length ?? 0) > 0) filled = prefix;
    }
    if (filled !== undefined) return filled;
    return last !== undefined && this.pools.has(last) ? last : undefined;
  }

  lookup(host: string, path: string): string | undefined {
    let text = (host + path).replace(/\/$/, "").toLowerCase();
    for (;;) {
      const found = this.match(text.replace(/\/$/, "").replace(/^\//, ""));
      if (found !== undefined) return found;
      const rest = text.replace(/^\*\./, "");
      const dot = rest.indexOf(".");
      if (dot < 0) return undefined;
      text = `*.${rest.slice(dot + 1)}`;
    }
  }

  /** Pools with their addresses in order. */
  contents(): Record<string, string[]> {
    const all = [...this.pools].map(([key, pool]) => [key, pool.entries.map(({ address }) => address)] as const);
    return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const hosts = [
  "a.com",
  "b.a.com",
  "c.b.a.com",
  "*.a.com",
  "*.b.a.com",
  "*.com",
  "com",
  "A.Com",
  "localhost",
  "*.2",
  "*.",
];
const paths = ["", "/", "//", "/x", "/X/", "/x/y", "/x/y/z", "//x", "/x//", "/x///", "/x//y", "/v1.2/z", "/z", "/%C3"];
const host = fc.constantFrom(...hosts);
const path = fc.constantFrom(...paths);
const uri = fc
  .tuple(fc.constantFrom("", "", "/"), host, path, fc.constantFrom("", "", "?q", "?q/"))
  .map((parts) => parts.join(""));
const entry = fc.record({
  n: fc.integer({ min: 1, max: 4 }),
  tls: fc.boolean(),
  ttl: fc.constantFrom(-1, 5, 10, 120),
  guid: fc.constantFrom("", "", "g", "h"),
  index: fc.integer({ min: 0, max: 2 }),
});
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("register" as const, "registerAlone" as const), uri, entry }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("unregister" as const), uri, entry }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("fail" as const), host, path, n: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("prune" as const), after: fc.constantFrom(0, 1, 5000, 5001, 11_000) }),
  },
);
const requestHosts = [
  ...hosts.filter((each) => each !== "com"),
  "x.a.com",
  "x.y.b.a.com",
  "",
  "nobody",
  "x.2",
  "a.com.",
];

describe("registry against a naive table (control-plane §3)", () => {
  it("holds and finds the same after any sequence", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), fc.constantFrom(0, 5000), (steps, kept, timeout) => {
        const { registry, clock, log } = table({ empty_pool_response_code_503: kept, empty_pool_timeout: timeout });
        log.level = 4;
        const naive = new NaiveTable(kept, timeout);
        for (const each of steps) {
          const now = clock.monotonic();
          if (each.do === "prune") {
            clock.advance(each.after);
            registry.prune(clock.monotonic());
            naive.prune(clock.monotonic());
          } else if (each.do === "fail") {
            const pool = registry.lookup(each.host, each.path);
            const member = pool?.find(`h${each.n}:80`);
            if (pool === undefined || member === undefined) continue;
            registry.endpointFailed(pool, member.endpoint, "dial");
            naive.fail(pool.key, member.endpoint.address, now);
          } else {
            const { n, tls, ttl, guid, index } = each.entry;
            const modificationTag = { guid, index };
            const fields = { host: `h${n}`, port: 80, tls, staleThresholdSeconds: ttl, modificationTag };
            registry[each.do](each.uri, new Endpoint(fields));
            const naively = each.do === "registerAlone" ? "register" : each.do;
            naive[naively](each.uri, { address: `h${n}:80`, tls, ttl, guid, index, updatedAt: now });
          }
          const contents = registry
            .routes()
            .map(([key, pool]) => [key, pool.members.map(({ endpoint }) => endpoint.address)] as const);
          assert.deepEqual(Object.fromEntries(contents), naive.contents());
          assert.equal(registry.totalRoutes, naive.pools.size);
        }
        for (const requestHost of requestHosts) {
          for (const requestPath of paths) {
            const found = registry.lookup(requestHost, requestPath)?.key;
            assert.equal(found, naive.lookup(requestHost, requestPath), `${requestHost} ${requestPath}`);
          }
        }
        for (const address of ["h1:80", "h2:80", "h3:80", "h4:80"]) {
          const routes = registry.routes();
          const objects = new Set(routes.map(([, pool]) => pool.find(address)?.endpoint));
          objects.delete(undefined);
          for (const object of objects) {
            const pools = routes.filter(([, pool]) => pool.find(address)?.endpoint === object).length;
            assert.equal(object?.routes, pools);
          }
        }
      }),
      { seed: 3, numRuns: 400 },
    );
  });

  it("finds random hosts and paths as the naive table does", () => {
    const letters = fc.constantFrom("a", "b", "A", ".", ".", "/", "*", "*.");
    const text = (max: number) => fc.array(letters, { maxLength: max }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(
        fc.array(text(7), { maxLength: 12 }),
        fc.array(fc.tuple(text(7), text(7)), { maxLength: 20 }),
        (uris, requests) => {
          const { registry, log } = table();
          log.level = 4;
          const naive = new NaiveTable(false, 0);
          for (const each of uris) {
            registry.register(each, new Endpoint({ host: "h", port: 80 }));
            naive.register(each, { address: "h:80", tls: false, ttl: 0, guid: "", index: 0, updatedAt: 0 });
          }
          for (const [requestHost, requestPath] of requests) {
            const found = registry.lookup(requestHost, requestPath)?.key;
            assert.equal(found, naive.lookup(requestHost, requestPath), `${requestHost} ${requestPath}`);
          }
        },
      ),
      { seed: 3, numRuns: 2000 },
    );
  });
});

describe("pruning times (control-plane §3.10)", () => {
  it("an endpoint goes at the first tick more than its threshold after its last registration", () => {
    const heartbeats = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        heartbeats,
        fc.integer({ min: -5, max: 300 }),
        fc.integer({ min: 1, max: 60_000 }),
        (pauses, ttl, tick) => {
          const { registry, clock, log } = table();
          log.level = 4;
          const limit = defaults.droplet_stale_threshold;
          const threshold = ttl === 0 ? limit : Math.min(ttl * 1000, limit);
          let last = clock.monotonic();
          registry.register("a.com", new Endpoint({ host: "h", port: 80, staleThresholdSeconds: ttl }));
          for (const pause of pauses) {
            for (let at = tick; at <= pause; at += tick) {
              clock.advance(tick);
              registry.prune(clock.monotonic());
              assert.equal(registry.totalRoutes, clock.monotonic() - last > threshold ? 0 : 1);
            }
            last = clock.monotonic();
            registry.register("a.com", new Endpoint({ host: "h", port: 80, staleThresholdSeconds: ttl }));
          }
        },
      ),
      { seed: 3, numRuns: 60 },
    );
  });
});
