import type { Clock } from "../clock.ts";
import type { FailureKind } from "../forwarding/failure.ts";
import { Level, type Logger } from "../observe/log.ts";
import { type Endpoint, inheritConnections, isLeased, isSucceededBy, sameRegistration, sameTag } from "./endpoint.ts";
import { type EndpointKind, KindStore } from "./endpoint-kind.ts";
import { registrationData } from "./endpoint-lines.ts";
import { type FailureEffect, failureEffect, logFailedEndpoint } from "./failed-endpoint.ts";
import { appInstancePool, type InstanceSelector, processInstancePool } from "./instance-lookup.ts";
import type { PackedEndpoint } from "./packed-endpoint.ts";
import { type DefaultAlgorithm, type Member, Pool, type PoolSettings, type Reservation } from "./pool.ts";
import { RestingRoutes } from "./resting-routes.ts";
import { SetAside } from "./set-aside.ts";
import { inShard, type ShardingMode } from "./sharding.ts";
import { TextStore } from "./text-store.ts";
import { Trie } from "./trie.ts";
import { compareBytewise, routeKey, trieKey, withoutTrailingSlash } from "./uri.ts";

/** The configuration the table needs; names as in gorouter.yml, durations in milliseconds. */
export interface RegistrySettings {
  readonly zone: string;
  readonly backends: { readonly max_conns: number };
  readonly balancing_algorithm: DefaultAlgorithm;
  readonly balancing_algorithm_az_preference: "none" | "locally-optimistic";
  readonly empty_pool_response_code_503: boolean;
  readonly empty_pool_timeout: number;
  readonly droplet_stale_threshold: number;
  readonly isolation_segments: readonly string[];
  readonly routing_table_sharding_mode: ShardingMode;
}

/** What a registration did (control-plane §3.5). */
type RegistrationResult = "added" | "updated" | "unmodified";

/** Hears what the metrics count (control-plane §3.14). `component` is the tag of that name, or empty. */
export interface RegistryObserver {
  registered(component: string, action: RegistrationResult): void;
  unregistered(component: string): void;
  /** Endpoints removed from one pool by pruning. */
  pruned(endpoints: number): void;
  /** From `endpoint_updated_at_ns` to now; negative with skewed clocks. */
  registrationLatency(milliseconds: number): void;
}

/** What a reservation says (`router.reserve`). */
export interface ReservationFields extends Omit<Reservation, "until"> {
  /** Seconds that it holds without being renewed; 0 or less: `droplet_stale_threshold`. */
  readonly lifeSeconds: number;
  readonly isolationSegment: string;
}

/** What a registry is made of. */
interface RegistryParts {
  readonly settings: RegistrySettings;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Logger of the source `registry`. */
  readonly log: Logger;
  readonly observer?: RegistryObserver | undefined;
  /** Hears the duration of every lookup; absent: lookups are not timed. */
  readonly lookupTimes?: { observeLookup(nanoseconds: number): void } | undefined;
  /** The endpoint left its last pool: `Transport.forget`. */
  readonly forget?: ((endpoint: Endpoint) => void) | undefined;
  /** Hears of what requests may notice; absent: nobody does. */
  readonly changes?: TableChanges | undefined;
}

/** Where a registration led to: a member of a pool, or the number of a route that rests. */
export type Place = Member | number;

/** Who keeps a copy of the table up to date. */
export interface TableChanges {
  /** The route with that trie key changed, came, or went. */
  changed(key: string): void;
}

/** What all pools of a table with these settings share. */
export function poolSettings(settings: RegistrySettings, random: () => number, log: Logger): PoolSettings {
  return {
    maxConns: settings.backends.max_conns,
    defaultAlgorithm: settings.balancing_algorithm,
    zone: settings.zone,
    locallyOptimistic: settings.balancing_algorithm_az_preference === "locally-optimistic",
    failureMemoryMs: settings.droplet_stale_threshold / 4,
    random,
    log,
  };
}

/** The routing table: which endpoints serve which route (control-plane §3). */
export class Registry {
  /** `Clock.monotonic` milliseconds of the latest registration, unmodified ones included; -1: there was none. */
  lastUpdate = -1;
  /** Routes that are no objects until somebody needs them. */
  readonly resting: RestingRoutes;

  readonly #settings: RegistrySettings;
  readonly #pools: PoolSettings;
  readonly #segments: ReadonlySet<string>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #observer: RegistryObserver | undefined;
  readonly #lookupTimes: RegistryParts["lookupTimes"];
  readonly #forget: ((endpoint: Endpoint) => void) | undefined;
  readonly #trie: Trie;
  readonly #texts = new TextStore();
  readonly #kinds = new KindStore(this.#texts);
  readonly #aside = new SetAside();
  readonly #changes: TableChanges | undefined;

  constructor(parts: RegistryParts) {
    const { settings, clock, log } = parts;
    this.#settings = settings;
    this.#segments = new Set(settings.isolation_segments);
    this.#clock = clock;
    this.#log = log;
    this.#observer = parts.observer;
    this.#lookupTimes = parts.lookupTimes;
    this.#forget = parts.forget;
    this.#changes = parts.changes;
    this.#pools = poolSettings(settings, parts.random, log);
    this.resting = new RestingRoutes(this.#pools);
    this.#trie = new Trie((parts.random() * 2 ** 32) | 0, this.resting);
  }

  /** Number of pools, empty ones included. */
  get totalRoutes(): number {
    return this.#trie.size;
  }

  /** Number of distinct addresses over all pools; counts them anew. */
  get endpointCount(): number {
    const addresses = new Set<string>();
    for (const pool of this.#trie.walk()) for (const { endpoint } of pool.members) addresses.add(endpoint.address);
    return addresses.size;
  }

  /** All routes with their pools, in bytewise order of their keys (control-plane §4.3). */
  routes(): Array<readonly [key: string, pool: Pool]> {
    const routes: Array<readonly [string, Pool]> = [];
    for (const pool of this.#trie.walk()) routes.push([pool.key, pool]);
    return routes.sort((a, b) => compareBytewise(a[0], b[0]));
  }

  /**
   * Registers an endpoint for one uri (control-plane §3.5). The endpoint's stale threshold is capped in place. One
   * object may be registered for several uris. Undefined: not in this router's shard, no trace is left.
   */
  register(uri: string, endpoint: Endpoint): RegistrationResult | undefined {
    if (!this.#isOurs(endpoint)) return undefined;
    const now = this.#clock.monotonic();
    let pool = this.#trie.find(trieKey(routeKey(uri)));
    if (pool === undefined) {
      pool = this.#newPool(uri, now);
      this.#trie.insert(pool);
    }
    return this.#enter(uri, pool, endpoint, now);
  }

  /**
   * Registers an endpoint for one uri and no other, so that the route may rest until a request comes. Gives where that
   * led to; undefined: nowhere, or to an endpoint that says something else.
   */
  registerAlone(uri: string, endpoint: Endpoint): Place | undefined {
    if (!this.#isOurs(endpoint)) return undefined;
    const now = this.#clock.monotonic();
    const key = trieKey(routeKey(uri));
    const mayRest = this.#trie.mayRest(key);
    const known = this.#trie.find(key);
    const pool = known ?? this.#newPool(uri, now);
    this.#enter(uri, pool, endpoint, now);
    const id = mayRest ? this.resting.rest(pool) : 0;
    if (id > 0) {
      this.#trie.insertResting(key, id);
      return id;
    }
    if (known === undefined) this.#trie.insert(pool);
    const member = pool.find(endpoint.address);
    if (member === undefined) return undefined;
    return member.endpoint === endpoint || sameRegistration(member.endpoint, endpoint) ? member : undefined;
  }

  /**
   * The same for a route that is new and rests at once: then nothing of it need be an object. Gives its number; 0: it is
   * not of that kind, and nothing has happened.
   */
  registerAtRest(uri: string, packed: PackedEndpoint): number {
    const { kind } = packed;
    if (this.#log.level <= Level.info || kind.loadBalancing !== "" || !this.#isOurs(kind)) return 0;
    const key = trieKey(routeKey(uri));
    if (!this.#trie.mayRest(key) || this.#trie.peek(key) !== undefined) return 0;
    const now = this.#clock.monotonic();
    const limit = this.#settings.droplet_stale_threshold / 1000;
    const wanted = packed.staleThresholdSeconds;
    const life = wanted > limit || wanted === 0 ? limit : wanted;
    const id = this.resting.putPacked(key, withoutTrailingSlash(uri), packed, this.#kinds.own(kind), life, now);
    if (id === 0) return 0;
    this.#trie.insertResting(key, id);
    this.lastUpdate = now;
    this.#changes?.changed(key);
    this.#observer?.registered(kind.component, "added");
    if (packed.updatedAtMs !== 0) this.#observer?.registrationLatency(this.#clock.now() - packed.updatedAtMs);
    return id;
  }

  #isOurs({ isolationSegment }: Pick<EndpointKind, "isolationSegment">): boolean {
    return inShard(this.#settings.routing_table_sharding_mode, this.#segments, isolationSegment);
  }

  #enter(uri: string, pool: Pool, endpoint: Endpoint, now: number): RegistrationResult {
    const limit = this.#settings.droplet_stale_threshold / 1000;
    if (endpoint.staleThresholdSeconds > limit || endpoint.staleThresholdSeconds === 0) {
      endpoint.staleThresholdSeconds = limit;
    }
    const result = this.#put(pool, endpoint, now);
    this.lastUpdate = now;
    this.#observer?.registered(endpoint.component, result);
    if (result === "added") {
      const { updatedAtMs } = endpoint;
      if (updatedAtMs !== 0) this.#observer?.registrationLatency(this.#clock.now() - updatedAtMs);
      if (this.#log.level <= Level.info) {
        this.#log.info("endpoint-registered", registrationData(withoutTrailingSlash(uri), endpoint));
      }
    } else if (this.#log.level <= Level.debug) {
      const message = result === "updated" ? "endpoint-registered" : "endpoint-not-registered";
      this.#log.debug(message, registrationData(withoutTrailingSlash(uri), endpoint));
    }
    return result;
  }

  /** The pool with exactly that trie key. */
  poolAt(key: string): Pool | undefined {
    return this.#trie.find(key);
  }

  /** The same, but one that rests is left alone: its number among `resting`. */
  peekAt(key: string): Pool | number | undefined {
    return this.#trie.peek(key);
  }

  /**
   * The trie keys of all routes, in lists of some of them, each as it is when it is asked for: that of a route that is
   * there throughout is in one.
   */
  keys(): Iterator<readonly string[], void> {
    return this.#trie.keys();
  }

  /** The place that a registration of this endpoint for this uri led to; undefined: none. */
  placeOf(uri: string, endpoint: Endpoint): Member | undefined {
    return this.#trie.find(trieKey(routeKey(uri)))?.find(endpoint.address);
  }

  /** Another one each time that the place gets another endpoint or none. */
  versionOf(place: Place): number {
    return typeof place === "number" ? this.resting.versionOf(place) : place.version;
  }

  /**
   * Registers again what is in the table, to the same effect as `register` of an endpoint that says the same, but for
   * the debug line. The place must have the version it had.
   */
  refresh(place: Place): void {
    const now = this.#clock.monotonic();
    this.lastUpdate = now;
    if (typeof place === "number") {
      this.resting.refresh(place, now);
      this.#observer?.registered(this.resting.componentOf(place), "updated");
      return;
    }
    const { pool, endpoint } = place;
    this.#renew(pool, endpoint, now);
    place.updatedAt = now;
    this.#observer?.registered(endpoint.component, "updated");
  }

  #newPool(uri: string, now: number): Pool {
    const own = this.#texts.own(uri);
    const key = routeKey(own);
    const name = withoutTrailingSlash(own);
    const path = trieKey(key);
    const algorithm = this.#settings.balancing_algorithm;
    const pool = new Pool(path, name, this.#pools, algorithm, now);
    this.#changes?.changed(path);
    if (this.#log.level <= Level.info) this.#log.info("route-registered", { uri: key });
    if (this.#log.level <= Level.debug) this.#log.debug("uri-added", { uri: key });
    return pool;
  }

  #put(pool: Pool, endpoint: Endpoint, now: number): RegistrationResult {
    const member = pool.find(endpoint.address);
    if (member === undefined) {
      if (endpoint.routes === 0) endpoint.keep(this.#kinds);
      pool.add(endpoint, now);
      endpoint.routes++;
      this.#changes?.changed(pool.key);
    } else if (isLeased(member.endpoint) !== isLeased(endpoint)) {
      if (!this.#supersede(pool, member, endpoint, now)) return "unmodified";
    } else if (member.endpoint !== endpoint && !sameRegistration(member.endpoint, endpoint)) {
      if (!isSucceededBy(member.endpoint.modificationTag, endpoint.modificationTag)) return "unmodified";
      this.#replace(pool, member, endpoint);
    }
    this.#renew(pool, endpoint, now);
    if (member === undefined) return "added";
    member.updatedAt = now;
    return "updated";
  }

  /** What every registration that counts does to a pool. */
  #renew(pool: Pool, endpoint: Endpoint, now: number): void {
    if (pool.routeServiceUrl !== endpoint.routeServiceUrl) {
      pool.routeServiceUrl = endpoint.routeServiceUrl;
      this.#changes?.changed(pool.key);
    }
    if (endpoint.loadBalancing !== "") this.#useAlgorithm(pool, endpoint);
    pool.lastChange = now;
  }

  /** Bus and Routing API name the same address. False: the bus has the place, and the lease waits. */
  #supersede(pool: Pool, member: Member, endpoint: Endpoint, now: number): boolean {
    if (isLeased(endpoint)) {
      const waiting = this.#aside.find(pool, endpoint.address)?.endpoint.modificationTag;
      const { modificationTag: tag } = endpoint;
      if (waiting === undefined || sameTag(waiting, tag) || isSucceededBy(waiting, tag)) {
        this.#aside.put(pool, endpoint, now);
      }
      return false;
    }
    this.#aside.put(pool, member.endpoint, member.updatedAt);
    this.#replace(pool, member, endpoint);
    return true;
  }

  #replace(pool: Pool, member: Member, endpoint: Endpoint): void {
    const previous = member.endpoint;
    if (endpoint.routes === 0) endpoint.keep(this.#kinds);
    pool.replace(member, endpoint);
    this.#changes?.changed(pool.key);
    endpoint.routes++;
    inheritConnections(previous, endpoint);
    this.#release(previous);
  }

  /** The endpoint left a pool; with its last one it is forgotten. */
  #release(endpoint: Endpoint): void {
    endpoint.routes--;
    if (endpoint.routes === 0) this.#forget?.(endpoint);
  }

  /** The latest valid option wins, an empty one changes nothing (control-plane §3.9). */
  #useAlgorithm(pool: Pool, endpoint: Endpoint): void {
    const { loadBalancing: wanted, hash } = endpoint;
    if (hash !== undefined && (hash.header !== pool.hash?.header || hash.balance !== pool.hash.balance)) {
      pool.hash = { ...hash, table: pool.hash?.table };
      this.#changes?.changed(pool.key);
    }
    if (wanted === pool.algorithm) return;
    if (wanted === "round-robin" || wanted === "least-connection" || wanted === "hash") {
      pool.algorithm = wanted;
      if (wanted !== "hash") pool.hash = undefined;
      this.#changes?.changed(pool.key);
      const data = { endpointLBAlgorithm: wanted, poolLBAlgorithm: wanted };
      this.#log.debug("setting-pool-load-balancing-algorithm-to-that-of-an-endpoint", data);
    } else {
      const data = { endpointLBAlgorithm: wanted, poolLBAlgorithm: pool.algorithm };
      this.#log.error("invalid-endpoint-load-balancing-algorithm-provided-keeping-pool-lb-algo", data);
    }
  }

  /** Takes the endpoint of the same address out of a route, whatever else differs (control-plane §3.6). */
  unregister(uri: string, endpoint: Endpoint): void {
    if (!inShard(this.#settings.routing_table_sharding_mode, this.#segments, endpoint.isolationSegment)) return;
    const key = routeKey(uri);
    const pool = this.#trie.find(trieKey(key));
    if (pool !== undefined) this.#take(pool, key, endpoint);
    this.#observer?.unregistered(endpoint.component);
  }

  #take(pool: Pool, key: string, endpoint: Endpoint): void {
    const now = this.#clock.monotonic();
    const member = pool.find(endpoint.address);
    const own = member !== undefined && isLeased(member.endpoint) === isLeased(endpoint);
    const waiting = isLeased(endpoint) ? this.#aside.find(pool, endpoint.address) : undefined;
    const stored = (own ? member.endpoint : waiting?.endpoint)?.modificationTag;
    const given = endpoint.modificationTag;
    if (stored !== undefined && (sameTag(stored, given) || isSucceededBy(stored, given))) {
      if (own) this.#remove(pool, member, now);
      else this.#aside.take(pool, endpoint.address, now);
      this.#log.info("endpoint-unregistered", registrationData(key, endpoint));
    } else {
      this.#log.info("endpoint-not-unregistered", registrationData(key, endpoint));
    }
    if (!this.#mayGo(pool, now)) return;
    this.#trie.remove(pool);
    this.#changes?.changed(pool.key);
    this.#log.info("route-unregistered", { uri: key });
  }

  /**
   * Reserves a route, so that it is known while it has no endpoint, or renews the reservation. A route service that it
   * names holds while there is no endpoint: these say what holds with them.
   */
  reserve(uri: string, fields: ReservationFields): void {
    if (!inShard(this.#settings.routing_table_sharding_mode, this.#segments, fields.isolationSegment)) return;
    const key = routeKey(uri);
    const now = this.#clock.monotonic();
    let pool = this.#trie.find(trieKey(key));
    if (pool === undefined) {
      pool = this.#newPool(uri, now);
      this.#trie.insert(pool);
    }
    const { routeServiceUrl, withoutEndpoints } = fields;
    const life = fields.lifeSeconds > 0 ? fields.lifeSeconds * 1000 : this.#settings.droplet_stale_threshold;
    if (pool.reservation === undefined)
      this.#log.info("route-reserved", { uri: key, route_service_url: routeServiceUrl });
    pool.reservation = { routeServiceUrl, withoutEndpoints, until: now + life };
    if (pool.size === 0) pool.routeServiceUrl = routeServiceUrl;
    this.#changes?.changed(pool.key);
  }

  /** Ends a reservation; a route that has no endpoint is gone with it, as if the last one had been taken out. */
  unreserve(uri: string, { isolationSegment }: Pick<ReservationFields, "isolationSegment">): void {
    if (!inShard(this.#settings.routing_table_sharding_mode, this.#segments, isolationSegment)) return;
    const key = routeKey(uri);
    const pool = this.#trie.find(trieKey(key));
    if (pool?.reservation === undefined) return;
    pool.reservation = undefined;
    this.#changes?.changed(pool.key);
    this.#log.info("route-unreserved", { uri: key });
    if (pool.size > 0) return;
    this.#trie.remove(pool);
    this.#log.info("route-unregistered", { uri: key });
  }

  /** What a reservation says of the route service holds again when the last endpoint has gone. */
  #emptied(pool: Pool): void {
    if (pool.size === 0 && pool.reservation !== undefined) pool.routeServiceUrl = pool.reservation.routeServiceUrl;
  }

  #remove(pool: Pool, member: Member, now: number): void {
    if (this.#handOver(pool, member, now)) return;
    pool.remove(member, now);
    this.#emptied(pool);
    if (pool.detached) return;
    this.#changes?.changed(pool.key);
    this.#release(member.endpoint);
  }

  /** What the bus no longer registers stays as the Routing API leases it, if it does. */
  #handOver(pool: Pool, member: Member, now: number): boolean {
    const lease = pool.detached ? undefined : this.#aside.take(pool, member.endpoint.address, now);
    if (lease === undefined) return false;
    this.#replace(pool, member, lease.endpoint);
    member.updatedAt = lease.updatedAt;
    this.#renew(pool, lease.endpoint, now);
    return true;
  }

  /** Whether a pool is empty and has been kept long enough (control-plane §3.8). */
  #mayGo(pool: Pool, now: number): boolean {
    if (pool.size > 0 || pool.reservation !== undefined) return false;
    const { empty_pool_response_code_503: kept, empty_pool_timeout: timeout } = this.#settings;
    return !kept || timeout <= 0 || now - pool.lastChange > timeout;
  }

  /**
   * The pool that serves a request, possibly empty; undefined: unknown route (control-plane §3.3).
   *
   * @param host as received, without port, one character per byte.
   * @param path percent-encoded, without query: `routeKeyPath(target)`.
   */
  lookup(host: string, path: string): Pool | undefined {
    if (this.#lookupTimes === undefined) return this.#trie.lookup(host, path);
    const start = this.#clock.monotonic();
    const pool = this.#trie.lookup(host, path);
    this.#lookupTimes.observeLookup((this.#clock.monotonic() - start) * 1e6);
    return pool;
  }

  /** A pool of its own with the one endpoint that `X-CF-App-Instance` asks for (control-plane §3.12). */
  lookupAppInstance(host: string, path: string, selector: InstanceSelector): Pool | undefined {
    const pool = this.lookup(host, path);
    return pool === undefined ? undefined : appInstancePool(pool, selector, this.#clock.monotonic());
  }

  /** A pool of its own with all endpoints that `X-CF-Process-Instance` asks for (control-plane §3.12). */
  lookupProcessInstance(host: string, path: string, selector: InstanceSelector): Pool | undefined {
    const pool = this.lookup(host, path);
    return pool === undefined ? undefined : processInstancePool(pool, selector, this.#clock.monotonic());
  }

  /**
   * A request to the endpoint failed (control-plane §3.11, data-plane §4.5): a TLS endpoint leaves the pool when it
   * cannot be reached or is not who it should be, others are marked; a reset marks either; nothing else matters.
   */
  endpointFailed(pool: Pool, endpoint: Endpoint, kind: FailureKind): void {
    const effect = this.#failed(pool, endpoint.address, kind);
    if (effect !== undefined) logFailedEndpoint(this.#log, endpoint, effect);
  }

  /** The same of a request of another process, which has logged it. */
  endpointFailedElsewhere(key: string, address: string, kind: FailureKind): void {
    const pool = this.poolAt(key);
    if (pool !== undefined) this.#failed(pool, address, kind);
  }

  #failed(pool: Pool, address: string, kind: FailureKind): FailureEffect | undefined {
    const member = pool.find(address);
    const effect = member === undefined ? undefined : failureEffect(member.endpoint, kind);
    if (member === undefined || effect === undefined) return undefined;
    const now = this.#clock.monotonic();
    if (effect === "prune") this.#remove(pool, member, now);
    else pool.state.mark(member, now);
    return effect;
  }

  /**
   * Removes what expired, and empty pools whose time has come (control-plane §3.8, §3.10). TLS endpoints never expire.
   *
   * @param now `Clock.monotonic` milliseconds.
   */
  prune(now: number): void {
    for (const _ of this.pruneInSlices(now, Number.POSITIVE_INFINITY));
  }

  /** `prune` in slices of so many pools, for tables too large for one go; the table may change between slices. */
  *pruneInSlices(now: number, pools: number): Generator<void, void> {
    let left = pools;
    const walk = this.#trie.walk();
    for (let pool = walk.next(); pool !== undefined; pool = walk.next()) {
      this.#pruneNext(pool, now);
      if (--left > 0) continue;
      left = pools;
      yield;
    }
  }

  #pruneNext(pool: Pool | number, now: number): void {
    if (typeof pool !== "number") this.#prunePool(pool, now);
    else if (this.resting.isStale(pool, now)) this.#prunePool(this.#trie.find(this.resting.keyOf(pool))!, now);
  }

  #prunePool(pool: Pool, now: number): void {
    if (pool.reservation !== undefined && pool.reservation.until < now) {
      pool.reservation = undefined;
      this.#changes?.changed(pool.key);
      this.#log.info("pruned-reservation", { uri: pool.key });
    }
    if (hasStale(pool, now)) {
      const removed = pool.removeAll((member) => isStale(member, now) && !this.#handOver(pool, member, now), now);
      if (removed.length === 0) return;
      this.#changes?.changed(pool.key);
      for (const { endpoint } of removed) this.#release(endpoint);
      this.#emptied(pool);
      if (this.#log.level <= Level.info) {
        this.#log.info("pruned-route", {
          uri: pool.key,
          endpoints: removed.map(({ endpoint }) => endpoint.address),
          isolation_segment: removed[0]?.endpoint.isolationSegment || "-",
        });
      }
      this.#observer?.pruned(removed.length);
    }
    if (!this.#mayGo(pool, now)) return;
    for (const key of this.#trie.snip(pool)) this.#changes?.changed(key);
  }

  /** Gives every endpoint a fresh update time, when pruning was suspended (control-plane §2.8). */
  refreshAll(now: number): void {
    this.#aside.refreshAll(now);
    const walk = this.#trie.walk();
    for (let pool = walk.next(); pool !== undefined; pool = walk.next()) {
      if (typeof pool === "number") {
        this.resting.spare(pool, now);
        continue;
      }
      if (pool.reservation !== undefined) {
        const until = Math.max(pool.reservation.until, now + this.#settings.droplet_stale_threshold);
        pool.reservation = { ...pool.reservation, until };
      }
      for (const member of pool.members) member.updatedAt = now;
    }
  }
}

/** Last registered longer ago than it promised; endpoints with TLS never are (control-plane §3.10). */
function isStale(member: Member, now: number): boolean {
  return !member.endpoint.tls && member.updatedAt < now - member.endpoint.staleThresholdSeconds * 1000;
}

function hasStale(pool: Pool, now: number): boolean {
  for (let i = 0; i < pool.size; i++) if (isStale(pool.at(i)!, now)) return true;
  return false;
}
