import { Endpoint, LeaseTag } from "../../core/routing/endpoint.ts";

/** An HTTP route as the Routing API lists it (routing-api §6.1), checked. */
export interface ApiRoute {
  /** Host and path. */
  readonly route: string;
  readonly ip: string;
  readonly port: number;
  /** Seconds; null: none given. Both that and 0 leave it to the router, and mean for ever with a reservation. */
  readonly ttl: number | null;
  readonly logGuid: string;
  readonly routeServiceUrl: string;
  readonly tag: LeaseTag;
  /** Our own server's: the route exists without a backend. */
  readonly reserved: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error(`${what} is no object: ${shown(value)}`);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "").slice(0, 200);
}

function text(from: Fields, name: string): string {
  const value = from[name] ?? "";
  if (typeof value !== "string") throw new Error(`${name} is no text: ${shown(value)}`);
  return value;
}

function integer(from: Fields, name: string, minimum: number, maximum: number): number {
  const value = from[name] ?? 0;
  if (typeof value !== "number" || !Number.isInteger(value) || value < minimum || value > maximum)
    throw new Error(`${name} is no whole number from ${minimum} to ${maximum}: ${shown(value)}`);
  return value;
}

/**
 * Reads an element of a list, or the data of an event. Absent fields and null are empty; others than ours are ignored.
 *
 * @throws Error naming the field that cannot be used and its value.
 */
export function readApiRoute(value: unknown): ApiRoute {
  const from = fieldsOf(value, "route");
  const tag = fieldsOf(from["modification_tag"] ?? {}, "modification_tag");
  const route = text(from, "route");
  const ip = text(from, "ip");
  const reserved = from["reserved"] === true;
  if (route === "") throw new Error(`route is empty: ${shown(value)}`);
  if (ip === "" && !reserved) throw new Error(`ip is empty: ${shown(value)}`);
  return {
    route,
    ip,
    port: integer(from, "port", 0, 65535),
    // Another value than 0 to who reads the log (control-plane §7.1).
    ttl: (from["ttl"] ?? null) === null ? null : integer(from, "ttl", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    logGuid: text(from, "log_guid"),
    routeServiceUrl: text(from, "route_service_url"),
    tag: new LeaseTag(text(tag, "guid"), integer(tag, "index", 0, 2 ** 32 - 1)),
    reserved,
  };
}

/** What the routing table keeps of it (control-plane §7.4): never TLS; protocol empty, which is HTTP/1. */
export function leasedEndpoint(route: ApiRoute): Endpoint {
  return new Endpoint({
    host: route.ip,
    port: route.port,
    applicationId: route.logGuid,
    serverCertDomainSan: route.logGuid,
    staleThresholdSeconds: route.ttl ?? 0,
    routeServiceUrl: route.routeServiceUrl,
    protocol: "",
    modificationTag: route.tag,
  });
}

/** The same with the names, and in the order, that log lines have (control-plane §7.4, `received-event`). */
export function loggedApiRoute(route: ApiRoute): Readonly<Record<string, unknown>> {
  return {
    route: route.route,
    port: route.port,
    ip: route.ip,
    ttl: route.ttl,
    log_guid: route.logGuid,
    ...(route.routeServiceUrl === "" ? {} : { route_service_url: route.routeServiceUrl }),
    modification_tag: { guid: route.tag.guid, index: route.tag.index },
  };
}
