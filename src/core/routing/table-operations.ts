import type { EndpointKind, ProxyVersion } from "./endpoint-kind.ts";
import type { Algorithm, Pool } from "./pool.ts";

/**
 * How the supervisor tells workers of its table: by JSON arrays whose first member says what happened. The state of a
 * route is told, not its history, so that many changes of one route are one operation.
 *
 * - `kind`: what endpoints have in common; the worker keeps it at that place (`placeOfKind`).
 * - `endpoint`: one with that number, of the kind at that place, with texts as `packTexts` made them.
 * - `alone`: a route with one endpoint of that number, kind and texts, which no other route has, and with nothing that does
 *   not follow from the settings and the endpoint; an empty name is the key.
 * - `single`: a route with that one endpoint, and with nothing that does not follow from the settings and the endpoint.
 * - `route`: any route.
 * - `gone`, `forget`: a route, an endpoint that left.
 */
export type TableOperation =
  | readonly ["kind", place: number, ...KindValues]
  | readonly ["endpoint", id: number, kindPlace: number, packed: string]
  | readonly ["alone", ...AloneValues]
  | readonly ["single", key: string, id: number]
  | readonly ["route", ...RouteValues]
  | readonly ["gone", key: string]
  | readonly ["forget", id: number];

type AloneValues = readonly [key: string, name: string, id: number, kindPlace: number, packed: string];

type KindValues = readonly [
  tls: boolean,
  isolationSegment: string,
  availabilityZone: string,
  routeServiceUrl: string,
  protocol: string,
  loadBalancing: string,
  hash: readonly [header: string, balance: number] | null,
  proxyProtocol: ProxyVersion | null,
  tagNames: readonly string[] | null,
  component: string,
];

/**
 * A pool. Its number is -1 while it has one endpoint at most. Marks: places of the members with one, each followed by its
 * age in milliseconds.
 */
type RouteValues = readonly [
  key: string,
  number: number,
  name: string,
  algorithm: Algorithm,
  hash: readonly [header: string, balance: number] | null,
  routeServiceUrl: string,
  reservation: readonly [routeServiceUrl: string, withoutEndpoints: boolean] | null,
  endpoints: readonly number[],
  marks: readonly number[],
];

/** What tells a worker of a kind. */
export function kindOperation(place: number, kind: EndpointKind): TableOperation {
  const { hash } = kind;
  return [
    "kind",
    place,
    kind.tls,
    kind.isolationSegment,
    kind.availabilityZone,
    kind.routeServiceUrl,
    kind.protocol,
    kind.loadBalancing,
    hash === undefined ? null : [hash.header, hash.balance],
    kind.proxyProtocol ?? null,
    kind.tagNames,
    kind.component,
  ];
}

/** The kind that `kindOperation` told of. */
export function kindOf(operation: Extract<TableOperation, readonly ["kind", ...unknown[]]>): EndpointKind {
  const [, , tls, isolationSegment, availabilityZone, routeServiceUrl, protocol, ...others] = operation;
  const [loadBalancing, hash, proxyProtocol, tagNames, component] = others;
  return {
    tls,
    isolationSegment,
    availabilityZone,
    routeServiceUrl,
    protocol,
    loadBalancing,
    hash: hash === null ? undefined : { header: hash[0], balance: hash[1] },
    proxyProtocol: proxyProtocol ?? undefined,
    tagNames,
    component,
  };
}

/** What tells a worker of an endpoint whose kind it has at that place, as JSON. */
export function endpointText(id: number, kindPlace: number, packed: string): string {
  return `["endpoint",${id},${kindPlace},${JSON.stringify(packed)}]`;
}

/** What tells a worker of a route that rests, and of its endpoint, whose kind it has at that place, as JSON. */
export function aloneText(...values: AloneValues): string {
  return JSON.stringify(["alone", ...values] satisfies TableOperation);
}

/** What tells a worker of a pool with the endpoints of those numbers, as JSON. `now`: `Clock.monotonic` milliseconds. */
export function routeText(pool: Pool, number: number, now: number, ids: readonly number[]): string {
  const { key, name, algorithm, hash, routeServiceUrl, reservation } = pool;
  if (number < 0 && ids.length === 1 && isPlain(pool)) return `["single",${JSON.stringify(key)},${ids[0]}]`;
  const marks = pool.members.flatMap(({ failedAt }, place) => (failedAt < 0 ? [] : [place, now - failedAt]));
  const operation: TableOperation = [
    "route",
    key,
    number,
    name,
    algorithm,
    hash === undefined ? null : [hash.header, hash.balance],
    routeServiceUrl,
    reservation === undefined ? null : [reservation.routeServiceUrl, reservation.withoutEndpoints],
    ids,
    marks,
  ];
  return JSON.stringify(operation);
}

/** Everything about a pool with one endpoint follows from its settings and that endpoint. */
function isPlain(pool: Pool): boolean {
  const { endpoint, failedAt } = pool.at(0)!;
  return (
    pool.key === pool.name &&
    pool.algorithm === pool.settings.defaultAlgorithm &&
    pool.routeServiceUrl === endpoint.routeServiceUrl &&
    pool.hash === undefined &&
    pool.reservation === undefined &&
    failedAt < 0
  );
}
