import { goJson } from "../core/go-json.ts";
import { ApiError } from "./api-error.ts";
import type { DecodedObject, Fields } from "./decode-body.ts";
import type { Lease, LeaseKey, ModificationTag } from "./lease.ts";
import { urlTextFault } from "./url-text.ts";

/** Fields of an HTTP route (routing-api §6.1); the last two are ours. */
export const httpRouteFields: Fields = {
  route: "string",
  port: "uint16",
  ip: "string",
  ttl: "*int",
  log_guid: "string",
  route_service_url: "string",
  route_guid: "string",
  reserved: "bool",
};

interface HttpRoute {
  readonly route: string;
  readonly port: number;
  readonly ip: string;
  readonly ttl: number;
  readonly logGuid: string;
  readonly routeServiceUrl: string;
  readonly routeGuid: string;
  readonly reserved: boolean;
}

function readRoute(from: DecodedObject, maxTtl: number): HttpRoute {
  const text = (name: string): string => (from[name] as string | undefined) ?? "";
  return {
    route: text("route"),
    port: (from["port"] as number | undefined) ?? 0,
    ip: text("ip"),
    ttl: (from["ttl"] as number | undefined) ?? maxTtl,
    logGuid: text("log_guid"),
    routeServiceUrl: text("route_service_url"),
    routeGuid: text("route_guid"),
    reserved: from["reserved"] === true,
  };
}

const invalid = (message: string): ApiError => new ApiError(400, "RouteInvalidError", message);
const badService = (message: string): ApiError => new ApiError(400, "RouteServiceUrlInvalidError", message);

/** Throws what is wrong with a route, the first fault of routing-api §6.2. */
function check(route: HttpRoute, maxTtl: number | undefined): void {
  const fault = urlTextFault(route.route);
  if (fault !== undefined) throw invalid(fault);
  const service = route.routeServiceUrl;
  if (service !== "") {
    if (!service.startsWith("https://")) throw badService("Route service url must use HTTPS.");
    const serviceFault = urlTextFault(service);
    if (serviceFault !== undefined) throw badService(serviceFault);
  }
  if (route.reserved) {
    if (route.port !== 0 || route.ip !== "")
      throw invalid("A reserved route has no backend: leave out ip and port, or leave out reserved");
  } else if (route.port === 0) throw invalid("Each route request requires a port greater than 0");
  if (route.route === "") throw invalid("Each route request requires a valid route");
  if (!route.reserved && route.ip === "") throw invalid("Each route request requires an IP");
  if (maxTtl === undefined) return;
  if (route.ttl > maxTtl) throw invalid(`Max ttl is ${maxTtl}`);
  // A reservation may hold for ever.
  if (route.ttl < 0 || (route.ttl === 0 && !route.reserved)) throw invalid("Request requires a ttl greater than 0");
}

/** `route_service_url` is no part of it, unlike upstream: it is a value of the route and can change (docs/differences.md). */
function identityOf({ route, ip, port }: HttpRoute): string {
  return JSON.stringify([route, ip, port]);
}

function render(route: HttpRoute, tag: ModificationTag, previous: string | undefined): string {
  const stored = previous === undefined ? {} : (JSON.parse(previous) as { log_guid?: string; route_guid?: string });
  const routeGuid = route.routeGuid === "" ? stored.route_guid : route.routeGuid;
  return goJson({
    route: route.route,
    port: route.port,
    ip: route.ip,
    ttl: route.ttl,
    log_guid: route.logGuid === "" ? (stored.log_guid ?? "") : route.logGuid,
    route_service_url: route.routeServiceUrl === "" ? undefined : route.routeServiceUrl,
    modification_tag: { guid: tag.guid, index: tag.index },
    route_guid: routeGuid,
    reserved: route.reserved ? true : undefined,
  });
}

/**
 * The leases of a create request. `maxTtl` in seconds.
 *
 * @throws ApiError the first fault, in the order of the routes.
 */
export function httpLeases(objects: readonly DecodedObject[], maxTtl: number): Lease[] {
  return objects.map((object) => {
    const route = readRoute(object, maxTtl);
    check(route, maxTtl);
    return {
      kind: "http",
      identity: identityOf(route),
      ttl: route.ttl,
      partition: route.routeGuid,
      segment: "",
      sniKey: "",
      reserved: route.reserved,
      render: (tag, previous) => render(route, tag, previous),
    };
  });
}

/** The same for a delete request; ttl is not looked at. */
export function httpLeaseKeys(objects: readonly DecodedObject[]): LeaseKey[] {
  return objects.map((object) => {
    const route = readRoute(object, 0);
    check(route, undefined);
    return { kind: "http", identity: identityOf(route) };
  });
}
