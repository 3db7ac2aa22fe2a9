import { Endpoint, type EndpointFields } from "./endpoint.ts";
import type { ProxyVersion } from "./endpoint-kind.ts";
import type { Algorithm, Pool } from "./pool.ts";
import { TagSet } from "./tag-set.ts";

/**
 * How the supervisor tells workers of its table: by JSON arrays whose first member says what happened. The state of a
 * route is told, not its history, so that many changes of one route are one operation.
 */
export type TableOperation =
  | readonly ["endpoint", id: number, ...EndpointValues]
  | readonly ["route", ...RouteValues]
  | readonly ["gone", key: string]
  | readonly ["forget", id: number];

/** An endpoint but for what only the supervisor needs. Names and values of its tags follow one another. */
type EndpointValues = readonly [
  host: string,
  port: number,
  tls: boolean,
  serverCertDomainSan: string,
  applicationId: string,
  privateInstanceId: string,
  privateInstanceIndex: string,
  tags: readonly string[] | null,
  isolationSegment: string,
  availabilityZone: string,
  routeServiceUrl: string,
  protocol: string,
  loadBalancing: string,
  hashHeader: string,
  hashBalance: number,
  proxyProtocol: ProxyVersion | "",
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

/** What tells a worker of an endpoint. */
export function endpointOperation(id: number, endpoint: Endpoint): TableOperation {
  return [
    "endpoint",
    id,
    endpoint.host,
    endpoint.port,
    endpoint.tls,
    endpoint.serverCertDomainSan,
    endpoint.applicationId,
    endpoint.privateInstanceId,
    endpoint.privateInstanceIndex,
    endpoint.tags === null ? null : [...endpoint.tags].flat(),
    endpoint.isolationSegment,
    endpoint.availabilityZone,
    endpoint.routeServiceUrl,
    endpoint.protocol,
    endpoint.loadBalancing,
    endpoint.hash?.header ?? "",
    endpoint.hash?.balance ?? 0,
    endpoint.proxyProtocol ?? "",
  ];
}

/** The endpoint that `endpointOperation` told of. */
export function endpointOf(operation: Extract<TableOperation, readonly ["endpoint", ...unknown[]]>): Endpoint {
  const [, , host, port, tls, serverCertDomainSan, applicationId, privateInstanceId, privateInstanceIndex, tags] =
    operation;
  const [isolationSegment, availabilityZone, routeServiceUrl, protocol, loadBalancing] = operation.slice(
    10,
  ) as string[];
  const [hashHeader, hashBalance, proxyProtocol] = operation.slice(15) as [string, number, ProxyVersion | ""];
  const fields: EndpointFields = {
    host,
    port,
    tls,
    serverCertDomainSan,
    applicationId,
    privateInstanceId,
    privateInstanceIndex,
    tags: tags === null ? null : tagsOf(tags),
    isolationSegment: isolationSegment!,
    availabilityZone: availabilityZone!,
    routeServiceUrl: routeServiceUrl!,
    protocol: protocol!,
    loadBalancing: loadBalancing!,
    hashHeader,
    hashBalance,
    ...(proxyProtocol !== "" && { proxyProtocol }),
  };
  return new Endpoint(fields);
}

function tagsOf(flat: readonly string[]): TagSet {
  const tags = new TagSet();
  for (let i = 0; i < flat.length; i += 2) tags.set(flat[i]!, flat[i + 1]!);
  return tags;
}

/** What tells a worker of a pool; `idOf` gives the numbers of its endpoints. `now`: `Clock.monotonic` milliseconds. */
export function routeOperation(
  pool: Pool,
  number: number,
  now: number,
  idOf: (endpoint: Endpoint) => number,
): TableOperation {
  const { hash, reservation } = pool;
  const marks = pool.members.flatMap(({ failedAt }, place) => (failedAt < 0 ? [] : [place, now - failedAt]));
  return [
    "route",
    pool.key,
    number,
    pool.name,
    pool.algorithm,
    hash === undefined ? null : [hash.header, hash.balance],
    pool.routeServiceUrl,
    reservation === undefined ? null : [reservation.routeServiceUrl, reservation.withoutEndpoints],
    pool.members.map(({ endpoint }) => idOf(endpoint)),
    marks,
  ];
}
