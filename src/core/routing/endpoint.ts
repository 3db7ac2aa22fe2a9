import type { MessageHeaders } from "../message.ts";
import {
  type EndpointKind,
  type HashOptions,
  type KindStore,
  type ProxyVersion,
  sameKind,
  sameNames,
} from "./endpoint-kind.ts";
import { firstTextIs, packTexts, unpackText, unpackTexts } from "./packed-texts.ts";
import { TagSet } from "./tag-set.ts";

/** Modification tag of the Routing API (control-plane §3.5); NATS registrations always have the empty one. */
interface ModificationTag {
  readonly guid: string;
  readonly index: number;
}

/** The tag of an endpoint that the Routing API leases: it tells its registrations from those of the bus. */
export class LeaseTag implements ModificationTag {
  readonly guid: string;
  readonly index: number;

  constructor(guid: string, index: number) {
    this.guid = guid;
    this.index = index;
  }
}

/** What header fields say of an endpoint, one byte per character. */
export interface EndpointHeaders {
  readonly address: string;
  readonly app: string;
  /** The instance id; without one the address. */
  readonly instance: string;
  readonly index: string;
  /** The three lines that say which instance a request is for; once a request has needed them. */
  identity: MessageHeaders | undefined;
}

/** The place where all workers count the requests in flight to one endpoint; absent where there is one worker. */
export interface SharedCount {
  /** This worker has so many. */
  publish(own: number): void;
  /** How many the other workers have. */
  others(): number;
  /** What `others` gave last; costs nothing. */
  readonly lately: number;
  /** Of workers that want one place at the same time, how often this one looks again before it gives way; all differ. */
  readonly patience: number;
}

/** What a registration says about an endpoint; absent fields take the zero value of control-plane §2.4. */
export interface EndpointFields {
  readonly host: string;
  readonly port: number;
  /** Speak TLS to it (registered with `tls_port`). */
  readonly tls?: boolean;
  readonly serverCertDomainSan?: string;
  readonly applicationId?: string;
  readonly privateInstanceId?: string;
  readonly privateInstanceIndex?: string;
  /** Null when the message had none: `/routes` shows the difference. */
  readonly tags?: ReadonlyMap<string, string> | null;
  /** Seconds; 0: the default (and maximum) of the registry. */
  readonly staleThresholdSeconds?: number;
  readonly isolationSegment?: string;
  readonly availabilityZone?: string;
  readonly routeServiceUrl?: string;
  /** Nanoseconds since the epoch, or their digits; 0n and the empty text: unknown. */
  readonly updatedAtNs?: bigint | string;
  readonly protocol?: string;
  readonly loadBalancing?: string;
  /** Header whose value chooses the endpoint with `hash`, and how far it may exceed the average load (0: any). */
  readonly hashHeader?: string;
  readonly hashBalance?: number;
  /** Connections to it begin with a PROXY header. */
  readonly proxyProtocol?: ProxyVersion | undefined;
  readonly modificationTag?: ModificationTag;
}

/** Whether `next` may take the place of `old` (control-plane §3.5): an empty or another guid, or a higher index. */
export function isSucceededBy(old: ModificationTag, next: ModificationTag): boolean {
  return old.guid === "" || next.guid === "" || old.guid !== next.guid || old.index < next.index;
}

/** The endpoint was registered by the Routing API, not by the bus. */
export function isLeased({ modificationTag }: Endpoint): boolean {
  return modificationTag instanceof LeaseTag;
}

/** Whether two tags are the same. */
export function sameTag(a: ModificationTag, b: ModificationTag): boolean {
  return a.guid === b.guid && a.index === b.index;
}

const noTag: ModificationTag = { guid: "", index: 0 };

/** What requests to an endpoint need of it again and again, worked out once it gets one. */
interface EndpointUse {
  readonly address: string;
  readonly applicationId: string;
  readonly privateInstanceId: string;
  readonly privateInstanceIndex: string;
  readonly tags: ReadonlyMap<string, string> | null;
  headers: EndpointHeaders | undefined;
  logText: EndpointLogText | undefined;
  shared: SharedCount | undefined;
}

/** What lines of the access log say of an endpoint. */
interface EndpointLogText {
  readonly address: string;
  readonly identity: string;
}

/** What an endpoint says, as it is kept of routes that rest, and told to workers. Its modification tag is the empty one. */
export class RestingEndpoint {
  readonly packed: string;
  readonly kind: EndpointKind;
  readonly staleThresholdSeconds: number;

  constructor(packed: string, kind: EndpointKind, staleThresholdSeconds: number) {
    this.packed = packed;
    this.kind = kind;
    this.staleThresholdSeconds = staleThresholdSeconds;
  }
}

/** Numbers of the packed texts; the values of the tags follow. */
export const endpointTexts = { address: 0, app: 1, instance: 2, san: 3, index: 4, updatedAt: 5, tags: 6 };

/**
 * One instance of an app, as registered. Immutable but for what belongs to the object itself: the in-flight counter
 * (data-plane §3.2) and the transport's connections (§4.8). One object may sit in several pools.
 *
 * A table holds a million of them, and few get requests: so what an endpoint says lies in one packed text and in an
 * object that it shares with its like, and is cut out when it is asked for.
 */
export class Endpoint {
  /** Seconds, capped by the registry before the endpoint is put into a pool. */
  staleThresholdSeconds: number;
  readonly modificationTag: ModificationTag;
  /** Number of pools that hold the object; 0: the transport may forget it. The registry counts. */
  routes = 0;
  /** Requests of this worker whose response head has not arrived yet; `inFlightOf` gives those of all. */
  inFlight = 0;
  /** The transport's own: its pool of connections to this endpoint. Carried over when a replacement has the same SAN. */
  connections: unknown = undefined;
  /** What supervisor and workers call it by (`TableNumbers`); -1: nothing yet, and always where there is one worker. */
  number = -1;

  readonly #packed: string;
  #kind: EndpointKind;
  #use: EndpointUse | undefined = undefined;

  constructor(fields: EndpointFields | RestingEndpoint) {
    this.staleThresholdSeconds = fields.staleThresholdSeconds ?? 0;
    if (fields instanceof RestingEndpoint) {
      this.#packed = fields.packed;
      this.#kind = fields.kind;
      this.modificationTag = noTag;
      return;
    }
    this.modificationTag = fields.modificationTag ?? noTag;
    const tags = fields.tags ?? null;
    const loadBalancing = fields.loadBalancing ?? "";
    const { hashHeader = "", hashBalance = 0, updatedAtNs = 0n } = fields;
    const hashes = loadBalancing === "hash" && hashHeader !== "";
    const packed = [
      `${fields.host}:${fields.port}`,
      fields.applicationId ?? "",
      fields.privateInstanceId ?? "",
      fields.serverCertDomainSan ?? "",
      fields.privateInstanceIndex ?? "",
      typeof updatedAtNs === "string" ? updatedAtNs : updatedAtNs === 0n ? "" : String(updatedAtNs),
    ];
    if (tags !== null) for (const value of tags.values()) packed.push(value);
    this.#packed = packTexts(packed);
    this.#kind = {
      tls: fields.tls ?? false,
      isolationSegment: fields.isolationSegment ?? "",
      availabilityZone: fields.availabilityZone ?? "",
      routeServiceUrl: fields.routeServiceUrl ?? "",
      protocol: fields.protocol ?? "http1",
      loadBalancing,
      hash: hashes ? { header: hashHeader, balance: hashBalance } : undefined,
      proxyProtocol: fields.proxyProtocol,
      tagNames: tags === null ? null : tags instanceof TagSet ? tags.names : [...tags.keys()],
      component: tags?.get("component") ?? "",
    };
  }

  /** What it says, to be kept. */
  get resting(): RestingEndpoint {
    return new RestingEndpoint(this.#packed, this.#kind, this.staleThresholdSeconds);
  }

  /** `host:port`, the identity within a pool. */
  get address(): string {
    return this.#use === undefined ? this.#text(endpointTexts.address) : this.#use.address;
  }

  get host(): string {
    const { address } = this;
    return address.slice(0, address.lastIndexOf(":"));
  }

  get port(): number {
    const { address } = this;
    return Number(address.slice(address.lastIndexOf(":") + 1));
  }

  /** Speak TLS to it. */
  get tls(): boolean {
    return this.#kind.tls;
  }

  get serverCertDomainSan(): string {
    return this.#text(endpointTexts.san);
  }

  get applicationId(): string {
    return this.#use === undefined ? this.#text(endpointTexts.app) : this.#use.applicationId;
  }

  get privateInstanceId(): string {
    return this.#use === undefined ? this.#text(endpointTexts.instance) : this.#use.privateInstanceId;
  }

  get privateInstanceIndex(): string {
    return this.#use === undefined ? this.#text(endpointTexts.index) : this.#use.privateInstanceIndex;
  }

  /** Null when the registration had none. */
  get tags(): ReadonlyMap<string, string> | null {
    if (this.#use !== undefined) return this.#use.tags;
    const names = this.#kind.tagNames;
    return names === null ? null : new TagSet(names, unpackTexts(this.#packed, this.#count, endpointTexts.tags));
  }

  /** The tag `component`; empty: none. */
  get component(): string {
    return this.#kind.component;
  }

  get isolationSegment(): string {
    return this.#kind.isolationSegment;
  }

  get availabilityZone(): string {
    return this.#kind.availabilityZone;
  }

  get routeServiceUrl(): string {
    return this.#kind.routeServiceUrl;
  }

  /** Nanoseconds since the epoch; 0n: unknown. */
  get updatedAtNs(): bigint {
    return BigInt(this.#text(endpointTexts.updatedAt));
  }

  /** The same in milliseconds, as exactly as a number can say it; 0: unknown. */
  get updatedAtMs(): number {
    const text = this.#text(endpointTexts.updatedAt);
    // Divided it would lose digits: nanoseconds of today do not fit a number exactly.
    return text.length > 6 ? Number(`${text.slice(0, -6)}.${text.slice(-6)}`) : Number(text) / 1e6;
  }

  get protocol(): string {
    return this.#kind.protocol;
  }

  get loadBalancing(): string {
    return this.#kind.loadBalancing;
  }

  /** With `loadBalancing` `hash` and a header name only (control-plane §9.1). */
  get hash(): HashOptions | undefined {
    return this.#kind.hash;
  }

  /** Connections to it begin with a PROXY header, and so each is one client's (`options.proxy_protocol`). */
  get proxyProtocol(): ProxyVersion | undefined {
    return this.#kind.proxyProtocol;
  }

  /** What header fields say of this endpoint, worked out once. */
  get headers(): EndpointHeaders | undefined {
    return this.#use?.headers;
  }

  set headers(headers: EndpointHeaders | undefined) {
    this.#inUse().headers = headers;
  }

  /** The access log's own: what its lines say of this endpoint, worked out once. */
  get logText(): EndpointLogText | undefined {
    return this.#use?.logText;
  }

  set logText(text: EndpointLogText | undefined) {
    this.#inUse().logText = text;
  }

  /** Undefined with one worker, and while nothing depends on the count. `PoolState`'s file uses it. */
  get shared(): SharedCount | undefined {
    return this.#use?.shared;
  }

  set shared(shared: SharedCount | undefined) {
    this.#inUse().shared = shared;
  }

  /** Whether that is its `host:port`; cheaper than to ask for the address. */
  isAt(address: string): boolean {
    return firstTextIs(this.#packed, this.#count, address);
  }

  /** A table keeps the endpoint: what it says and others say as well it shares with them. */
  keep(kinds: KindStore): void {
    this.#kind = kinds.own(this.#kind);
  }

  /**
   * Whether a registration brings nothing new (control-plane §3.5). The availability zone is not compared: a change of
   * the zone alone never takes effect while the entry lives.
   */
  saysTheSame(other: Endpoint): boolean {
    return (
      this.staleThresholdSeconds === other.staleThresholdSeconds &&
      sameKind(this.#kind, other.#kind) &&
      sameTag(this.modificationTag, other.modificationTag) &&
      (sameNames(this.#kind.tagNames, other.#kind.tagNames)
        ? this.#packed === other.#packed
        : this.#saysTheSameApart(other))
    );
  }

  /** The texts compared one by one, since the tags have another order, or none are as good as an empty set. */
  #saysTheSameApart(other: Endpoint): boolean {
    for (let i = 0; i < endpointTexts.tags; i++) if (this.#text(i) !== other.#text(i)) return false;
    const [tags, others] = [this.tags, other.tags];
    if ((tags?.size ?? 0) !== (others?.size ?? 0)) return false;
    if (tags === null || others === null) return true;
    for (const [name, value] of tags) if (others.get(name) !== value) return false;
    return true;
  }

  get #count(): number {
    const names = this.#kind.tagNames;
    return names === null ? endpointTexts.tags : endpointTexts.tags + names.length;
  }

  #text(index: number): string {
    return unpackText(this.#packed, this.#count, index);
  }

  #inUse(): EndpointUse {
    this.#use ??= {
      address: this.address,
      applicationId: this.applicationId,
      privateInstanceId: this.privateInstanceId,
      privateInstanceIndex: this.privateInstanceIndex,
      tags: this.tags,
      headers: undefined,
      logText: undefined,
      shared: undefined,
    };
    return this.#use;
  }
}

/**
 * `next` takes the place of `previous` in a pool: the connections move to it, unless they are of another kind
 * (control-plane §3.5 names the SAN, the others are ours). They are not shared: the previous object may live on in other
 * pools and be forgotten there.
 */
export function inheritConnections(previous: Endpoint, next: Endpoint): void {
  const usable =
    previous.serverCertDomainSan === next.serverCertDomainSan &&
    previous.tls === next.tls &&
    previous.proxyProtocol === next.proxyProtocol &&
    previous.protocol === next.protocol;
  if (!usable || next.connections !== undefined) return;
  next.connections = previous.connections;
  previous.connections = undefined;
}

/** Whether a registration brings nothing new (control-plane §3.5). */
export function sameRegistration(a: Endpoint, b: Endpoint): boolean {
  return a.saysTheSame(b);
}
