import type { TextStore } from "./text-store.ts";

/** Version of the PROXY header that an endpoint wants. */
export type ProxyVersion = "v1" | "v2";

/** What hash-based routing needs to know of a route (control-plane §9.1). */
export interface HashOptions {
  /** Request header whose value chooses the endpoint. */
  readonly header: string;
  /** An endpoint with more than this times the average load is passed over; 0: no limit. */
  readonly balance: number;
}

/** What a registration says that many endpoints have in common; the table keeps one object for all that are alike. */
export interface EndpointKind {
  readonly tls: boolean;
  readonly isolationSegment: string;
  readonly availabilityZone: string;
  readonly routeServiceUrl: string;
  readonly protocol: string;
  readonly loadBalancing: string;
  readonly hash: HashOptions | undefined;
  readonly proxyProtocol: ProxyVersion | undefined;
  /** Null when there were no tags, not even an empty set. */
  readonly tagNames: readonly string[] | null;
  /** The tag of that name, or empty: what registrations and requests are counted by. */
  readonly component: string;
}

/** Places for kinds that are remembered (a power of two). */
export const kindPlaces = 512;

/** The same in all but the zone, which no registration is compared by, and the names of tags. */
export function sameKind(a: EndpointKind, b: EndpointKind): boolean {
  return (
    a === b ||
    (a.tls === b.tls &&
      a.routeServiceUrl === b.routeServiceUrl &&
      a.protocol === b.protocol &&
      a.isolationSegment === b.isolationSegment &&
      a.loadBalancing === b.loadBalancing &&
      a.hash?.header === b.hash?.header &&
      a.hash?.balance === b.hash?.balance &&
      a.proxyProtocol === b.proxyProtocol)
  );
}

/** The same names in the same order; none at all is not the same as an empty list. */
export function sameNames(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Kinds seen lately, so that endpoints of one kind share one object. */
export class KindStore {
  readonly #recent: (EndpointKind | undefined)[] = new Array(kindPlaces).fill(undefined);
  readonly #texts: TextStore;

  constructor(texts: TextStore) {
    this.#texts = texts;
  }

  /** An equal kind whose texts are the table's own. */
  own(kind: EndpointKind): EndpointKind {
    const place = placeOfKind(kind);
    const known = this.#recent[place];
    if (
      known !== undefined &&
      sameKind(known, kind) &&
      known.availabilityZone === kind.availabilityZone &&
      known.component === kind.component &&
      sameNames(known.tagNames, kind.tagNames)
    ) {
      return known;
    }
    const texts = this.#texts;
    const { hash } = kind;
    const copy: EndpointKind = {
      tls: kind.tls,
      isolationSegment: texts.own(kind.isolationSegment),
      availabilityZone: texts.own(kind.availabilityZone),
      routeServiceUrl: texts.own(kind.routeServiceUrl),
      protocol: texts.own(kind.protocol),
      loadBalancing: texts.own(kind.loadBalancing),
      hash: hash === undefined ? undefined : { header: texts.own(hash.header), balance: hash.balance },
      proxyProtocol: kind.proxyProtocol,
      tagNames: kind.tagNames === null ? null : texts.ownNames(kind.tagNames),
      component: texts.own(kind.component),
    };
    this.#recent[place] = copy;
    return copy;
  }
}

/** Where a kind is remembered, from 0 to `kindPlaces`: by what kinds usually differ in. */
export function placeOfKind(kind: EndpointKind): number {
  let hash = (kind.tagNames?.length ?? 0) * 2 + (kind.tls ? 1 : 0);
  hash = ends(hash, kind.availabilityZone);
  hash = ends(hash, kind.isolationSegment);
  hash = ends(hash, kind.component);
  hash = ends(hash, kind.protocol);
  const { routeServiceUrl: url } = kind;
  for (let i = 0; i < url.length; i++) hash = (Math.imul(hash, 31) + url.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 9)) & (kindPlaces - 1);
}

function ends(hash: number, text: string): number {
  const { length } = text;
  if (length === 0) return Math.imul(hash, 31);
  return (Math.imul(hash, 31) + Math.imul(length, 7) + text.charCodeAt(0) * 3 + text.charCodeAt(length - 1)) | 0;
}
