import * as v from "valibot";
import { ApiError } from "./api-error.ts";
import { type Decoded, flagField, portField, textField, wholeField } from "./body-schema.ts";
import { type Element, elementOf, type Lease, ModificationTagElement } from "./lease.ts";
import { urlTextFault } from "./url-text.ts";

/** An HTTP route in a request (routing-api §6.1); the last two fields are ours. */
export const HttpRouteBody = v.object({
  route: textField("Host, with a port or a path where it has one."),
  port: portField("Port of the backend."),
  ip: textField("Address of the backend."),
  ttl: wholeField(
    "Seconds to live without renewal; left out: the longest there is. 0: for ever, for reservations only.",
  ),
  log_guid: textField("Application."),
  route_service_url: textField("Route service, `https://…`."),
  route_guid: textField("Whose route it is, for readers with the scope `routing.route.GUID.read`."),
  reserved: flagField("A route without a backend: `ip` and `port` are left out."),
});

/** The same in lists and streams. */
export const HttpRouteElement = v.strictObject({
  route: v.string(),
  port: v.number(),
  ip: v.string(),
  ttl: v.number(),
  log_guid: v.string(),
  route_service_url: v.optional(v.string()),
  modification_tag: ModificationTagElement,
  route_guid: v.optional(v.string()),
  reserved: v.optional(v.boolean()),
});

type HttpRouteObject = Decoded<typeof HttpRouteBody>;

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

function readRoute(from: HttpRouteObject, maxTtl: number): HttpRoute {
  return {
    route: from.route ?? "",
    port: from.port ?? 0,
    ip: from.ip ?? "",
    ttl: from.ttl ?? maxTtl,
    logGuid: from.log_guid ?? "",
    routeServiceUrl: from.route_service_url ?? "",
    routeGuid: from.route_guid ?? "",
    reserved: from.reserved ?? false,
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

function elementOfRoute(route: HttpRoute, partition: string, previous: string | undefined): Element {
  return elementOf(
    {
      route: route.route,
      port: route.port,
      ip: route.ip,
      ttl: route.ttl,
      log_guid: route.logGuid === "" ? storedLogGuid(previous) : route.logGuid,
      route_service_url: route.routeServiceUrl === "" ? undefined : route.routeServiceUrl,
    },
    { route_guid: partition === "" ? undefined : partition, reserved: route.reserved ? true : undefined },
  );
}

function storedLogGuid(element: string | undefined): string {
  return element === undefined ? "" : ((JSON.parse(element) as { log_guid?: string }).log_guid ?? "");
}

/**
 * The leases of a create request; `maxTtl` in seconds. Undefined: of a delete request, where ttl is not looked at.
 *
 * @throws ApiError the first fault, in the order of the routes.
 */
export function httpLeases(objects: readonly HttpRouteObject[], maxTtl: number | undefined): Lease[] {
  return objects.map((object) => {
    const route = readRoute(object, maxTtl ?? 0);
    check(route, maxTtl);
    return {
      kind: "http",
      identity: identityOf(route),
      ttl: route.ttl,
      partition: route.routeGuid,
      segment: "",
      sniKey: "",
      reserved: route.reserved,
      element: (partition, previous) => elementOfRoute(route, partition, previous),
    };
  });
}
