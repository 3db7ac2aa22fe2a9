import type { Clock } from "../clock.ts";
import type { FailureKind } from "../forwarding/failure.ts";
import type { Logger } from "../observe/log.ts";
import { Endpoint, inheritConnections, RestingEndpoint, type SharedCount } from "./endpoint.ts";
import { type EndpointKind, KindStore } from "./endpoint-kind.ts";
import { failureEffect, logFailedEndpoint } from "./failed-endpoint.ts";
import { appInstancePool, type InstanceSelector, processInstancePool } from "./instance-lookup.ts";
import { Pool, type PoolSettings } from "./pool.ts";
import type { SharedTurn } from "./pool-state.ts";
import { poolSettings, type RegistrySettings } from "./registry-parts.ts";
import { RestingRoutes } from "./resting-routes.ts";
import { kindOf, type TableOperation } from "./table-operations.ts";
import { TextStore } from "./text-store.ts";
import { Trie } from "./trie.ts";

/** Kinds of news that workers tell one another. */
export const newsKinds = { marked: 1, pruned: 2, erased: 3 } as const;

/** What a worker found out about a route with several endpoints, in numbers. */
export interface FailureNews {
  readonly kind: (typeof newsKinds)[keyof typeof newsKinds];
  /** Number of the route. */
  readonly route: number;
  /** `addressHash` of the endpoint; 0 where it is about all. */
  readonly address: number;
}

/** What workers share at once. */
interface Siblings {
  /** Where requests to the endpoint of that number are counted. */
  countOf(id: number): SharedCount | undefined;
  /** Whose turn it is in the route of that number. */
  turnOf(route: number): SharedTurn | undefined;
  tell(news: FailureNews): void;
  /** Gives what others have told since the last time. */
  hear(take: (news: FailureNews) => void): void;
}

/** What a worker tells its supervisor of the table. */
export interface ReplicaReports {
  /** A request to an endpoint failed in a way that matters to the others. */
  failed(key: string, address: string, kind: FailureKind): void;
  /** All failure marks of a route were erased. */
  marksErased(key: string): void;
}

/** What a replica is made of. */
export interface ReplicaParts {
  readonly settings: RegistrySettings;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Logger of the source `registry`. */
  readonly log: Logger;
  readonly reports: ReplicaReports;
  readonly siblings: Siblings;
  /** The endpoint left the table: `Transport.forget`. */
  readonly forget: (endpoint: Endpoint) => void;
  /** Hears the duration of every lookup; absent: lookups are not timed. */
  readonly lookupTimes?: { observeLookup(nanoseconds: number): void } | undefined;
}

type RouteOperation = Extract<TableOperation, readonly ["route", ...unknown[]]>;
type AloneOperation = Extract<TableOperation, readonly ["alone", ...unknown[]]>;

/**
 * A worker's copy of the routing table (architecture §6): does for requests what the registry does, and is changed by
 * what the supervisor tells. What requests find out takes effect here at once, and in the other copies when they hear of it.
 */
export class TableReplica {
  readonly #parts: ReplicaParts;
  readonly #pools: PoolSettings;
  readonly #trie: Trie;
  readonly #texts = new TextStore();
  readonly #kindStore = new KindStore(this.#texts);
  /** By the places that the supervisor names. */
  readonly #kinds: EndpointKind[] = [];
  readonly #resting: RestingRoutes;
  /** By their numbers, which are dense; those of routes that rest are none yet. */
  readonly #endpoints: (Endpoint | undefined)[] = [];
  /** Routes with several endpoints. */
  readonly #numbered = new Map<number, Pool>();
  readonly #numbers = new Map<Pool, number>();
  /** Endpoints that left while requests to them were under way. */
  readonly #leaving = new Map<number, Endpoint>();
  #released: number[] = [];

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    const take = (news: FailureNews): void => this.#take(news);
    this.#pools = {
      ...poolSettings(parts.settings, parts.random, parts.log),
      marksErased: (pool) => this.#erased(pool),
      catchUp: () => parts.siblings.hear(take),
    };
    this.#resting = new RestingRoutes(this.#pools, (pool) => this.#woken(pool));
    this.#trie = new Trie((parts.random() * 2 ** 32) | 0, this.#resting);
  }

  /** Does what the supervisor told. */
  apply(operations: readonly TableOperation[]): void {
    for (const operation of operations) this.#do(operation);
  }

  #do(operation: TableOperation): void {
    switch (operation[0]) {
      case "kind":
        this.#kinds[operation[1]] = this.#kindStore.own(kindOf(operation));
        break;
      case "endpoint":
        this.#addEndpoint(operation[1], new RestingEndpoint(operation[3], this.#kinds[operation[2]]!, 0));
        break;
      case "alone":
        this.#putAlone(operation);
        break;
      case "single":
        this.#putSingle(operation[1], operation[2], operation[1]);
        break;
      case "route":
        this.#put(operation);
        break;
      case "gone": {
        const pool = this.#trie.find(operation[1]);
        if (pool === undefined) break;
        this.#trie.remove(pool);
        this.#unnumber(pool);
        break;
      }
      case "forget":
        this.#forget(operation[1]);
        break;
    }
  }

  #addEndpoint(id: number, said: RestingEndpoint): void {
    const endpoint = new Endpoint(said);
    endpoint.number = id;
    this.#endpoints[id] = endpoint;
  }

  #forget(id: number): void {
    const endpoint = this.#endpoints[id];
    if (endpoint === undefined) return;
    this.#endpoints[id] = undefined;
    this.#parts.forget(endpoint);
    this.#leaving.set(id, endpoint);
  }

  /** Numbers of endpoints that left the table and to which no request is under way any more, each once. */
  takeReleased(): readonly number[] {
    for (const [id, endpoint] of this.#leaving) {
      if (endpoint.inFlight > 0) continue;
      this.#leaving.delete(id);
      this.#released.push(id);
    }
    const released = this.#released;
    this.#released = [];
    return released;
  }

  /** The route may rest until a request comes. */
  #putAlone([, key, name, id, kindPlace, packed]: AloneOperation): void {
    const found = this.#trie.peek(key);
    if (typeof found === "number" && this.#resting.numberOf(found) === id) return;
    const said = new RestingEndpoint(packed, this.#kinds[kindPlace]!, 0);
    if (this.#trie.mayRest(key)) {
      // The endpoint of a route that rests there is one that leaves.
      if (found !== undefined) this.#trie.find(key);
      const now = this.#parts.clock.monotonic();
      const route = this.#resting.put(key, name || key, said, id, now, now);
      if (route > 0) {
        this.#trie.insertResting(key, route);
        return;
      }
    }
    if (this.#endpoints[id] === undefined) this.#addEndpoint(id, said);
    this.#putSingle(key, id, name || key);
  }

  /** A pool that rested is one now. */
  #woken(pool: Pool): void {
    const { endpoint } = pool.at(0)!;
    this.#endpoints[endpoint.number] = endpoint;
    if (this.#countsMatter(pool)) this.#share(endpoint, endpoint.number);
  }

  /** A route with one endpoint, and with nothing that does not follow from the settings and the endpoint. */
  #putSingle(key: string, id: number, name: string): void {
    const now = this.#parts.clock.monotonic();
    const pool = this.#trie.find(key);
    const endpoint = this.#endpoints[id]!;
    const { routeServiceUrl } = endpoint;
    if (pool !== undefined) {
      this.#put(["route", key, -1, name, this.#pools.defaultAlgorithm, null, routeServiceUrl, null, [id], []]);
      return;
    }
    const added = this.#add(key, name, now);
    added.routeServiceUrl = routeServiceUrl;
    added.add(endpoint, now);
    if (this.#countsMatter(added)) this.#share(endpoint, id);
  }

  #put([, key, number, name, algorithm, hash, serviceUrl, reservation, ids, marks]: RouteOperation): void {
    const now = this.#parts.clock.monotonic();
    const pool = this.#trie.find(key) ?? this.#add(key, name, now);
    pool.algorithm = algorithm;
    if (hash === null) pool.hash = undefined;
    else if (pool.hash?.header !== hash[0] || pool.hash.balance !== hash[1]) {
      pool.hash = { header: hash[0], balance: hash[1], table: pool.hash?.table };
    }
    pool.routeServiceUrl = this.#texts.own(serviceUrl);
    // The supervisor says when it ends.
    pool.reservation =
      reservation === null
        ? undefined
        : { routeServiceUrl: reservation[0], withoutEndpoints: reservation[1], until: Number.POSITIVE_INFINITY };
    const endpoints = ids.map((id) => this.#endpoints[id]!);
    const fresh = setMembers(pool, endpoints, now);
    for (let i = 0; i < marks.length; i += 2) {
      const member = pool.members[marks[i]!];
      if (member !== undefined && fresh.has(member.endpoint)) pool.state.mark(member, now - marks[i + 1]!);
    }
    if (number >= 0) this.#number(number, pool);
    if (this.#countsMatter(pool)) for (const [place, id] of ids.entries()) this.#share(endpoints[place]!, id);
  }

  #add(key: string, name: string, now: number): Pool {
    const pool = new Pool(key === name ? name : key, name, this.#pools, this.#pools.defaultAlgorithm, now);
    this.#trie.insert(pool);
    return pool;
  }

  #number(number: number, pool: Pool): void {
    if (this.#numbered.get(number) === pool) return;
    this.#numbered.set(number, pool);
    this.#numbers.set(pool, number);
    pool.state.turn = this.#parts.siblings.turnOf(number);
  }

  #unnumber(pool: Pool): void {
    const number = this.#numbers.get(pool);
    if (number === undefined) return;
    this.#numbers.delete(pool);
    // Another route may have the number by now.
    if (this.#numbered.get(number) === pool) this.#numbered.delete(number);
  }

  /** Whether what is in flight has a say in where requests of that pool go. */
  #countsMatter({ algorithm, hash }: Pool): boolean {
    const { maxConns, defaultAlgorithm } = this.#pools;
    const least = algorithm === "least-connection" || defaultAlgorithm === "least-connection";
    return maxConns > 0 || least || (hash?.balance ?? 0) > 0;
  }

  #share(endpoint: Endpoint, id: number): void {
    if (endpoint.shared !== undefined) return;
    endpoint.shared = this.#parts.siblings.countOf(id);
    if (endpoint.inFlight > 0) endpoint.shared?.publish(endpoint.inFlight);
  }

  /** Another worker found something out. */
  #take({ kind, route, address }: FailureNews): void {
    const pool = this.#numbered.get(route);
    if (pool === undefined) return;
    if (kind === newsKinds.erased) {
      pool.state.clearMarks(pool.members);
      return;
    }
    const member = pool.members.find(({ endpoint }) => addressHash(endpoint.address) === address);
    if (member === undefined) return;
    const now = this.#parts.clock.monotonic();
    if (kind === newsKinds.pruned) pool.remove(member, now);
    else pool.state.mark(member, now);
  }

  #erased(pool: Pool): void {
    const { siblings, reports } = this.#parts;
    const route = this.#numbers.get(pool);
    if (route !== undefined) siblings.tell({ kind: newsKinds.erased, route, address: 0 });
    reports.marksErased(pool.key);
  }

  /** As `Registry.lookup`. */
  lookup(host: string, path: string): Pool | undefined {
    const { lookupTimes, clock } = this.#parts;
    if (lookupTimes === undefined) return this.#trie.lookup(host, path);
    const start = clock.monotonic();
    const pool = this.#trie.lookup(host, path);
    lookupTimes.observeLookup((clock.monotonic() - start) * 1e6);
    return pool;
  }

  /** As `Registry.lookupAppInstance`. */
  lookupAppInstance(host: string, path: string, selector: InstanceSelector): Pool | undefined {
    const pool = this.lookup(host, path);
    return pool === undefined ? undefined : appInstancePool(pool, selector, this.#parts.clock.monotonic());
  }

  /** As `Registry.lookupProcessInstance`. */
  lookupProcessInstance(host: string, path: string, selector: InstanceSelector): Pool | undefined {
    const pool = this.lookup(host, path);
    return pool === undefined ? undefined : processInstancePool(pool, selector, this.#parts.clock.monotonic());
  }

  /** As `Registry.endpointFailed`; the supervisor and the other workers hear of it. */
  endpointFailed(pool: Pool, endpoint: Endpoint, kind: FailureKind): void {
    const member = pool.find(endpoint.address);
    const effect = member === undefined ? undefined : failureEffect(member.endpoint, kind);
    if (member === undefined || effect === undefined) return;
    const now = this.#parts.clock.monotonic();
    if (effect === "prune") pool.remove(member, now);
    else pool.state.mark(member, now);
    logFailedEndpoint(this.#parts.log, endpoint, effect);
    if (pool.detached) return;
    const { siblings, reports } = this.#parts;
    const route = this.#numbers.get(pool);
    if (route !== undefined) {
      const news = effect === "prune" ? newsKinds.pruned : newsKinds.marked;
      siblings.tell({ kind: news, route, address: addressHash(endpoint.address) });
    }
    reports.failed(pool.key, endpoint.address, kind);
  }
}

/** 32 bits of a `host:port` (FNV-1a), to tell the endpoints of one route apart. */
function addressHash(address: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
  return hash | 0;
}

/** Makes `endpoints` the members of a pool, in that order; gives those that are new to it. Failure marks stay. */
function setMembers(pool: Pool, endpoints: readonly Endpoint[], now: number): ReadonlySet<Endpoint> {
  const fresh = new Set<Endpoint>();
  if (pool.size > 0) {
    const wanted = new Set(endpoints.map(({ address }) => address));
    pool.removeAll(({ endpoint }) => !wanted.has(endpoint.address), now);
  }
  for (const [place, endpoint] of endpoints.entries()) {
    const member = pool.members[place];
    if (member === undefined) {
      pool.add(endpoint, now);
      fresh.add(endpoint);
    } else if (member.endpoint.address !== endpoint.address) {
      return reorder(pool, endpoints, fresh, now);
    } else if (member.endpoint !== endpoint) {
      const previous = member.endpoint;
      pool.replace(member, endpoint);
      inheritConnections(previous, endpoint);
    }
  }
  return fresh;
}

/** Members left and came back between two looks, and so stand at other places. */
function reorder(pool: Pool, endpoints: readonly Endpoint[], fresh: Set<Endpoint>, now: number): ReadonlySet<Endpoint> {
  const before = new Map(pool.removeAll(() => true, now).map((member) => [member.endpoint.address, member]));
  for (const endpoint of endpoints) {
    pool.add(endpoint, now);
    const previous = before.get(endpoint.address);
    if (previous === undefined) fresh.add(endpoint);
    else {
      if (previous.endpoint !== endpoint) inheritConnections(previous.endpoint, endpoint);
      if (previous.failedAt >= 0) pool.state.mark(pool.find(endpoint.address)!, previous.failedAt);
    }
  }
  return fresh;
}
