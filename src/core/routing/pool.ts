import type { Logger } from "../observe/log.ts";
import type { Endpoint } from "./endpoint.ts";
import type { HashOptions } from "./endpoint-kind.ts";
import { inFlightOf, latelyInFlight, PoolState } from "./pool-state.ts";
import { contextPathOf, hostOf } from "./uri.ts";

/** Balancing algorithms that need no options: what `balancing_algorithm` may be (data-plane §3.1). */
export type DefaultAlgorithm = "round-robin" | "least-connection";
/** Balancing algorithms a pool can use; `hash` by the options of its endpoints only (control-plane §9.1). */
export type Algorithm = DefaultAlgorithm | "hash";

/** Who owns which slot, for `hash`. */
export interface HashTable {
  readonly members: readonly Member[];
  /** For each slot an index of `members`. */
  readonly slots: Uint16Array;
}

/** What a pool needs for `hash`. */
export interface HashRouting extends HashOptions {
  /** Undefined until it is needed after the pool changed. */
  table: HashTable | undefined;
}

/** A promise that a route exists while nothing runs. */
export interface Reservation {
  /** Route service of the route while it has no endpoint; empty: none. */
  readonly routeServiceUrl: string;
  /** The route service is asked although there is no endpoint. */
  readonly withoutEndpoints: boolean;
  /** `Clock.monotonic` milliseconds after which it no longer holds. */
  readonly until: number;
}

/** What all pools of a registry share. */
export interface PoolSettings {
  /** `backends.max_conns`: requests in flight per endpoint; 0: no limit, negative: every pool is overloaded. */
  readonly maxConns: number;
  /** `balancing_algorithm`: of new pools, and where `hash` cannot serve a request. */
  readonly defaultAlgorithm: DefaultAlgorithm;
  /** Own availability zone. */
  readonly zone: string;
  /** `balancing_algorithm_az_preference` is `locally-optimistic`. */
  readonly locallyOptimistic: boolean;
  /** How long a failure is remembered, milliseconds: a quarter of `droplet_stale_threshold`. */
  readonly failureMemoryMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Hears of pools whose failure marks were all erased; absent: nobody needs to know. */
  readonly marksErased?: ((pool: Pool) => void) | undefined;
  /** Takes note of what requests of other workers found out; absent: there are none. */
  readonly catchUp?: (() => void) | undefined;
}

/** An endpoint's place in one pool. */
export class Member {
  readonly pool: Pool;
  /** Replaced in place when a registration changes it; the place and the failure mark stay (control-plane §3.5). */
  endpoint: Endpoint;
  /** `Clock.monotonic` milliseconds of the latest registration. */
  updatedAt: number;
  /** Counts what happened to it but for being refreshed: a message that led to it means the same while this is the same. */
  version = 0;
  /** `Clock.monotonic` milliseconds of the last failure, -1: unmarked. Read and written by `PoolState` only. */
  failedAt = -1;

  constructor(pool: Pool, endpoint: Endpoint, updatedAt: number) {
    this.pool = pool;
    this.endpoint = endpoint;
    this.updatedAt = updatedAt;
  }
}

/** What few pools have, or only those that get requests. */
class PoolExtras {
  readonly state = new PoolState();
  detached = false;
  hash: HashRouting | undefined = undefined;
  reservation: Reservation | undefined = undefined;
  // Most pools have one endpoint and need no index; once made, the two stay.
  byAddress: Map<string, Member> | undefined = undefined;
  byInstance: Map<string, Member> | undefined = undefined;
}

/** Never added to. */
const none: Member[] = [];

/**
 * Endpoints of one route, in registration order (control-plane §3.2, §3.5). It may be empty for a while. A table holds a
 * million of them, most with one endpoint that gets no request: those do without lists and without extras.
 */
export class Pool {
  /** Trie key of the route (`/routes` shows it). */
  readonly key: string;
  /** Uri of the first registration, original case, without a trailing slash. */
  readonly name: string;
  readonly settings: PoolSettings;
  algorithm: Algorithm;
  /** Route service of the latest registration; empty: none (§3.7). */
  routeServiceUrl = "";
  /** `Clock.monotonic` milliseconds of creation, or of the last put or removal. */
  lastChange: number;

  /** The only one, or a list. */
  #members: Member | Member[] = none;
  #extras: PoolExtras | undefined = undefined;

  constructor(key: string, name: string, settings: PoolSettings, algorithm: Algorithm, now: number) {
    this.key = key;
    this.name = name;
    this.settings = settings;
    this.algorithm = algorithm;
    this.lastChange = now;
  }

  /**
   * A pool for one request by an instance header (§3.12): what happens to it changes nothing in the table. It inherits all
   * but the endpoints and the memory of failures; the in-flight counters are the endpoints' own.
   */
  detachedCopy(now: number): Pool {
    const copy = new Pool(this.key, this.name, this.settings, this.algorithm, now);
    copy.#extra.detached = true;
    copy.routeServiceUrl = this.routeServiceUrl;
    if (this.hash !== undefined) copy.hash = { ...this.hash, table: undefined };
    return copy;
  }

  /** Made for one request. */
  get detached(): boolean {
    return this.#extras?.detached === true;
  }

  /** Host of the first registration, original case. */
  get host(): string {
    return hostOf(this.name);
  }

  /** Context path of the first registration, original case; the path of the sticky cookie. */
  get contextPath(): string {
    return contextPathOf(this.name);
  }

  /** What balancing remembers between requests. */
  get state(): PoolState {
    return this.#extra.state;
  }

  /** With algorithm `hash`, once an endpoint named a header. */
  get hash(): HashRouting | undefined {
    return this.#extras?.hash;
  }

  set hash(hash: HashRouting | undefined) {
    if (hash !== undefined || this.#extras !== undefined) this.#extra.hash = hash;
  }

  /** The route exists even without endpoints (`router.reserve`). */
  get reservation(): Reservation | undefined {
    return this.#extras?.reservation;
  }

  set reservation(reservation: Reservation | undefined) {
    if (reservation !== undefined || this.#extras !== undefined) this.#extra.reservation = reservation;
  }

  /** One endpoint, the default algorithm, and nothing that requests, options or reservations bring along. */
  get plain(): boolean {
    const { defaultAlgorithm } = this.settings;
    return this.#extras === undefined && this.#members instanceof Member && this.algorithm === defaultAlgorithm;
  }

  get #extra(): PoolExtras {
    this.#extras ??= new PoolExtras();
    return this.#extras;
  }

  /** In registration order; removal shifts the later ones down. Only the pool changes it. */
  get members(): readonly Member[] {
    if (!(this.#members instanceof Member)) return this.#members;
    const list = [this.#members];
    // A pool that gets requests is asked again; one that is only shown or looked through stays as it is.
    if (this.#extras !== undefined) this.#members = list;
    return list;
  }

  /** Number of endpoints. */
  get size(): number {
    return this.#members instanceof Member ? 1 : this.#members.length;
  }

  /** The member at that place in registration order. */
  at(index: number): Member | undefined {
    if (!(this.#members instanceof Member)) return this.#members[index];
    return index === 0 ? this.#members : undefined;
  }

  /** Every endpoint is at `max_conns`: the request gets 503 (data-plane §3.2). False for an empty pool. */
  get overloaded(): boolean {
    const limit = this.settings.maxConns;
    if (limit === 0 || this.size === 0) return false;
    if (limit > 0) for (const { endpoint } of this.members) if (!this.isFull(endpoint)) return false;
    return true;
  }

  /**
   * The endpoint may not get another request now (data-plane §3.2). With several workers it may be full although this says
   * no, if others began requests since this one looked last: `beginRoundTrip` looks before one is sent.
   */
  isFull(endpoint: Endpoint): boolean {
    const limit = this.settings.maxConns;
    return limit > 0 && latelyInFlight(endpoint) >= limit && inFlightOf(endpoint) >= limit;
  }

  /** Looks what other workers have in flight: `isFull` is right about all endpoints then. */
  look(): void {
    for (const { endpoint } of this.members) endpoint.shared?.others();
  }

  /** Erases the failure marks of all members. */
  eraseMarks(): void {
    if (this.state.clearMarks(this.members) && !this.detached) this.settings.marksErased?.(this);
  }

  /** The member with exactly this `host:port`. */
  find(address: string): Member | undefined {
    const index = this.#extras?.byAddress;
    if (index !== undefined) return index.get(address);
    const only = this.at(0);
    return only?.endpoint.isAt(address) === true ? only : undefined;
  }

  /** The member a sticky id names: an instance id, or a `host:port` (index quirk, control-plane §3.13). */
  findSticky(id: string): Member | undefined {
    const index = this.#extras?.byInstance;
    if (index !== undefined) return index.get(id) ?? this.find(id);
    const only = this.at(0);
    return only?.endpoint.privateInstanceId === id ? only : this.find(id);
  }

  /** Appends an endpoint whose address is not in the pool. */
  add(endpoint: Endpoint, now: number): void {
    const member = new Member(this, endpoint, now);
    if (this.#members instanceof Member) this.#members = [this.#members, member];
    else if (this.#members.length === 0) this.#members = member;
    else this.#members.push(member);
    if (this.#extras?.byAddress === undefined && this.size > 1) this.#makeIndex();
    else this.#index(member);
    this.#changed();
  }

  /** The look-up table no longer holds. */
  #changed(): void {
    if (this.hash !== undefined) this.hash.table = undefined;
  }

  #makeIndex(): void {
    const extra = this.#extra;
    extra.byAddress = new Map();
    extra.byInstance = new Map();
    for (const member of this.members) this.#index(member);
  }

  #index(member: Member): void {
    const { byAddress, byInstance } = this.#extras ?? {};
    byAddress?.set(member.endpoint.address, member);
    if (byInstance !== undefined && member.endpoint.privateInstanceId !== "")
      byInstance.set(member.endpoint.privateInstanceId, member);
  }

  /** Puts another endpoint of the same address in the member's place; its failure mark survives (§3.5). */
  replace(member: Member, endpoint: Endpoint): void {
    const previous = member.endpoint.privateInstanceId;
    member.endpoint = endpoint;
    member.version++;
    if (previous === endpoint.privateInstanceId) return;
    this.#changed();
    this.#extras?.byInstance?.delete(previous);
    this.#index(member);
  }

  /** Takes a member out. An instance id that several members share is forgotten with the first (§3.13). */
  remove(member: Member, now: number): void {
    this.removeAll((each) => each === member, now);
  }

  /** Takes out every member for which `gone` holds and returns them in order. */
  removeAll(gone: (member: Member) => boolean, now: number): Member[] {
    const removed: Member[] = [];
    const left: Member[] = [];
    for (const member of this.members) (gone(member) ? removed : left).push(member);
    if (removed.length === 0) return removed;
    this.#members = left.length === 0 ? none : left;
    for (const member of removed) this.#forget(member);
    this.#changed();
    this.lastChange = now;
    return removed;
  }

  #forget(member: Member): void {
    member.version++;
    const extras = this.#extras;
    if (extras === undefined) return;
    extras.byAddress?.delete(member.endpoint.address);
    extras.byInstance?.delete(member.endpoint.privateInstanceId);
  }
}
