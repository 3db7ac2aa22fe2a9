import type { MessageHeaders } from "../message.ts";
import { TagSet } from "./tag-set.ts";
import type { TextStore } from "./text-store.ts";

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

/** Version of the PROXY header that an endpoint wants. */
export type ProxyVersion = "v1" | "v2";

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
  /** Nanoseconds since the epoch; 0n: unknown. */
  readonly updatedAtNs?: bigint;
  readonly protocol?: string;
  readonly loadBalancing?: string;
  /** Header whose value chooses the endpoint with `hash`, and how far it may exceed the average load (0: any). */
  readonly hashHeader?: string;
  readonly hashBalance?: number;
  /** Connections to it begin with a PROXY header. */
  readonly proxyProtocol?: ProxyVersion | undefined;
  readonly modificationTag?: ModificationTag;
}

/** What hash-based routing needs to know of a route (control-plane §9.1). */
export interface HashOptions {
  /** Request header whose value chooses the endpoint. */
  readonly header: string;
  /** An endpoint with more than this times the average load is passed over; 0: no limit. */
  readonly balance: number;
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

/**
 * One instance of an app, as registered. Immutable but for what belongs to the object itself: the in-flight counter
 * (data-plane §3.2) and the transport's connections (§4.8). One object may sit in several pools.
 */
export class Endpoint {
  /** `host:port`, the identity within a pool. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly serverCertDomainSan: string;
  readonly applicationId: string;
  readonly privateInstanceId: string;
  readonly privateInstanceIndex: string;
  readonly tags: ReadonlyMap<string, string> | null;
  /** Seconds, capped by the registry before the endpoint is put into a pool. */
  staleThresholdSeconds: number;
  readonly isolationSegment: string;
  readonly availabilityZone: string;
  readonly routeServiceUrl: string;
  readonly updatedAtNs: bigint;
  readonly protocol: string;
  readonly loadBalancing: string;
  /** With `loadBalancing` `hash` and a header name only (control-plane §9.1). */
  readonly hash: HashOptions | undefined;
  /** Connections to it begin with a PROXY header, and so each is one client's (`options.proxy_protocol`). */
  readonly proxyProtocol: ProxyVersion | undefined;
  readonly modificationTag: ModificationTag;

  /** Number of pools that hold the object; 0: the transport may forget it. The registry counts. */
  routes = 0;
  /** Requests sent whose response head has not arrived yet. */
  inFlight = 0;
  /** The transport's own: its pool of connections to this endpoint. Carried over when a replacement has the same SAN. */
  connections: unknown = undefined;
  /** What header fields say of this endpoint, worked out once. */
  headers: EndpointHeaders | undefined = undefined;
  /** The access log's own: what its lines say of this endpoint, worked out once. */
  logText: { readonly address: string; readonly identity: string } | undefined = undefined;

  constructor(fields: EndpointFields) {
    this.host = fields.host;
    this.port = fields.port;
    this.address = `${fields.host}:${fields.port}`;
    this.tls = fields.tls ?? false;
    this.serverCertDomainSan = fields.serverCertDomainSan ?? "";
    this.applicationId = fields.applicationId ?? "";
    this.privateInstanceId = fields.privateInstanceId ?? "";
    this.privateInstanceIndex = fields.privateInstanceIndex ?? "";
    this.tags = fields.tags ?? null;
    this.staleThresholdSeconds = fields.staleThresholdSeconds ?? 0;
    this.isolationSegment = fields.isolationSegment ?? "";
    this.availabilityZone = fields.availabilityZone ?? "";
    this.routeServiceUrl = fields.routeServiceUrl ?? "";
    this.updatedAtNs = fields.updatedAtNs ?? 0n;
    this.protocol = fields.protocol ?? "http1";
    this.loadBalancing = fields.loadBalancing ?? "";
    const { hashHeader = "", hashBalance = 0 } = fields;
    const hashes = this.loadBalancing === "hash" && hashHeader !== "";
    this.hash = hashes ? { header: hashHeader, balance: hashBalance } : undefined;
    this.proxyProtocol = fields.proxyProtocol;
    this.modificationTag = fields.modificationTag ?? noTag;
  }

  /** A table keeps the endpoint: its texts, which came out of a message, become the table's own. */
  keep(texts: TextStore): void {
    const own = this as { -readonly [Key in keyof Endpoint]: Endpoint[Key] };
    own.host = texts.own(this.host);
    own.address = texts.own(this.address);
    own.serverCertDomainSan = texts.own(this.serverCertDomainSan);
    own.applicationId = texts.own(this.applicationId);
    own.privateInstanceId = texts.own(this.privateInstanceId);
    own.privateInstanceIndex = texts.own(this.privateInstanceIndex);
    own.isolationSegment = texts.own(this.isolationSegment);
    own.availabilityZone = texts.own(this.availabilityZone);
    own.routeServiceUrl = texts.own(this.routeServiceUrl);
    own.protocol = texts.own(this.protocol);
    own.loadBalancing = texts.own(this.loadBalancing);
    if (this.tags instanceof TagSet) this.tags.keep(texts);
  }
}

/**
 * Whether a registration brings nothing new (control-plane §3.5). The availability zone is not compared: a change of
 * the zone alone never takes effect while the entry lives.
 */
export function sameRegistration(a: Endpoint, b: Endpoint): boolean {
  return (
    a.address === b.address &&
    a.tls === b.tls &&
    a.updatedAtNs === b.updatedAtNs &&
    a.applicationId === b.applicationId &&
    a.privateInstanceId === b.privateInstanceId &&
    a.privateInstanceIndex === b.privateInstanceIndex &&
    a.staleThresholdSeconds === b.staleThresholdSeconds &&
    a.serverCertDomainSan === b.serverCertDomainSan &&
    a.routeServiceUrl === b.routeServiceUrl &&
    a.protocol === b.protocol &&
    a.isolationSegment === b.isolationSegment &&
    a.loadBalancing === b.loadBalancing &&
    a.hash?.header === b.hash?.header &&
    a.hash?.balance === b.hash?.balance &&
    a.proxyProtocol === b.proxyProtocol &&
    sameTag(a.modificationTag, b.modificationTag) &&
    sameTags(a.tags, b.tags)
  );
}

/** No tags and an empty set of tags are the same. */
function sameTags(a: ReadonlyMap<string, string> | null, b: ReadonlyMap<string, string> | null): boolean {
  if (a === b) return true;
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false;
  if (a === null || b === null) return true;
  if (a instanceof TagSet && b instanceof TagSet) return a.equals(b);
  for (const [name, value] of a) if (b.get(name) !== value) return false;
  return true;
}
