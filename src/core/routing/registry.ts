import type { Clock } from "../clock.ts";
import type { FailureKind } from "../forwarding/failure.ts";
import type { Endpoint } from "./endpoint.ts";
import { type FailureEffect, failureEffect, logFailedEndpoint } from "./failed-endpoint.ts";
import { appInstancePool, type InstanceSelector, processInstancePool } from "./instance-lookup.ts";
import type { PackedEndpoint } from "./packed-endpoint.ts";
import type { Member, Pool } from "./pool.ts";
import { remove } from "./pool-changes.ts";
import { type Place, refresh, register, registerAlone, registerAtRest } from "./registration.ts";
import type { RegistrationResult, RegistryParts } from "./registry-parts.ts";
import { type ReservationFields, reserve, unreserve } from "./reservation.ts";
import type { RestingRoutes } from "./resting-routes.ts";
import { pruneInSlices, refreshAll } from "./stale-routes.ts";
import { TableState } from "./table-state.ts";
import type { Trie } from "./trie.ts";
import { unregister } from "./unregistration.ts";
import { compareBytewise, routeKey, trieKey } from "./uri.ts";

/** The routing table: which endpoints serve which route (control-plane §3). */
export class Registry {
  readonly #table: TableState;
  readonly #trie: Trie;
  readonly #clock: Clock;
  readonly #lookupTimes: RegistryParts["lookupTimes"];

  constructor(parts: RegistryParts) {
    this.#table = new TableState(parts);
    this.#trie = this.#table.trie;
    this.#clock = parts.clock;
    this.#lookupTimes = parts.lookupTimes;
  }

  /** `Clock.monotonic` milliseconds of the latest registration, unmodified ones included; -1: there was none. */
  get lastUpdate(): number {
    return this.#table.lastUpdate;
  }

  /** Routes that are no objects until somebody needs them. */
  get resting(): RestingRoutes {
    return this.#table.resting;
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

  /** Key and number of endpoints of each route that hash-based routing serves, in no order. */
  *hashedRoutes(): Generator<readonly [key: string, endpoints: number]> {
    for (const { key, size } of this.#table.hashed) yield [key, size];
  }

  /**
   * Registers an endpoint for one uri (control-plane §3.5). The endpoint's stale threshold is capped in place. One
   * object may be registered for several uris. Undefined: not in this router's shard, no trace is left.
   */
  register(uri: string, endpoint: Endpoint): RegistrationResult | undefined {
    return register(this.#table, uri, endpoint);
  }

  /**
   * Registers an endpoint for one uri and no other, so that the route may rest until a request comes. Gives where that
   * led to; undefined: nowhere, or to an endpoint that says something else.
   */
  registerAlone(uri: string, endpoint: Endpoint): Place | undefined {
    return registerAlone(this.#table, uri, endpoint);
  }

  /**
   * The same for a route that is new and rests at once: then nothing of it need be an object. Gives its number; 0: it is
   * not of that kind, and nothing has happened.
   */
  registerAtRest(uri: string, packed: PackedEndpoint): number {
    return registerAtRest(this.#table, uri, packed);
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
    return typeof place === "number" ? this.#table.resting.versionOf(place) : place.version;
  }

  /**
   * Registers again what is in the table, to the same effect as `register` of an endpoint that says the same, but for
   * the debug line. The place must have the version it had.
   */
  refresh(place: Place): void {
    refresh(this.#table, place);
  }

  /** Takes the endpoint of the same address out of a route, whatever else differs (control-plane §3.6). */
  unregister(uri: string, endpoint: Endpoint): void {
    unregister(this.#table, uri, endpoint);
  }

  /**
   * Reserves a route, so that it is known while it has no endpoint, or renews the reservation. A route service that it
   * names holds while there is no endpoint: these say what holds with them.
   */
  reserve(uri: string, fields: ReservationFields): void {
    reserve(this.#table, uri, fields);
  }

  /** Ends a reservation; a route that has no endpoint is gone with it, as if the last one had been taken out. */
  unreserve(uri: string, fields: Pick<ReservationFields, "isolationSegment">): void {
    unreserve(this.#table, uri, fields);
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
    if (effect !== undefined) logFailedEndpoint(this.#table.log, endpoint, effect);
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
    if (effect === "prune") remove(this.#table, pool, member, now);
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
  pruneInSlices(now: number, pools: number): Generator<void, void> {
    return pruneInSlices(this.#table, now, pools);
  }

  /** Gives every endpoint a fresh update time, when pruning was suspended (control-plane §2.8). */
  refreshAll(now: number): void {
    refreshAll(this.#table, now);
  }
}
