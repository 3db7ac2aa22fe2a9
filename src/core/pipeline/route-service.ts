import type { Exchange } from "../exchange.ts";
import { errorPage } from "../forwarding/error-page.ts";
import { isWebSocket } from "../forwarding/upgrade.ts";
import type { ResponseLike } from "../message.ts";
import type { SignatureFault } from "../route-service/route-services.ts";
import type { Pool } from "../routing/pool.ts";
import { noEndpoints } from "./lookup.ts";

const unsupported = "route_service_unsupported";
const signatureHeaders = ["X-CF-Proxy-Signature", "X-CF-Proxy-Metadata", "X-CF-Forwarded-Url"];

/** Rows 13 and 14 of the table in data-plane §2.1. */
function refuse(exchange: Exchange, status: number, message: string): ResponseLike {
  exchange.router.logger.info("route-service-unsupported", exchange.logData({}));
  return errorPage(exchange, { status, routerError: unsupported }, message);
}

/** Rows 17 and 18: no route service, and a signature that does not hold (`route_services.strict_signature_validation`). */
function refuseStrictly(exchange: Exchange, fault: SignatureFault): ResponseLike {
  exchange.router.logger.error("signature-validation-failed", exchange.logData({ error: fault.message }));
  if (fault.expired) {
    const page = { status: 504, routerError: "expired_route_service_signature" };
    return errorPage(exchange, page, `Failed to validate Route Service Signature: ${fault.message}`);
  }
  const page = { status: 400, routerError: "invalid_route_service_signature" };
  return errorPage(exchange, page, "invalid route service signature detected");
}

/** Row 19. */
function unusable(exchange: Exchange, error: unknown): ResponseLike {
  exchange.router.logger.error("route-service-failed", exchange.logData({ error: (error as Error).message }));
  return errorPage(exchange, { status: 500 }, "Route service request failed.");
}

/** Where requests of a route with a route service go on: to the service, or to the backends when they come from there. */
function decide(exchange: Exchange, pool: Pool): ResponseLike | undefined {
  const { router, headers } = exchange;
  const { services, settings } = router;
  if (!services.enabled) return refuse(exchange, 502, "Support for route services is disabled.");
  if (!settings.route_services.enable_websockets && isWebSocket(headers)) {
    return refuse(exchange, 503, "Websocket requests are not supported for routes bound to Route Services.");
  }
  if (exchange.returned) {
    for (const name of signatureHeaders) if (headers.has(name)) headers.delete(name);
    return pool.size === 0 ? noEndpoints(exchange, pool) : undefined;
  }
  try {
    exchange.serviceWay = services.wayTo(pool.routeServiceUrl);
    // The service decides what becomes of a CONNECT.
    exchange.tunnels = false;
    return undefined;
  } catch (error) {
    return unusable(exchange, error);
  }
}

/** Sends requests through the route service of their route (data-plane §8.2); signatures are checked by now. */
export function routeService(exchange: Exchange): ResponseLike | undefined {
  const { pool, signatureFault } = exchange;
  if (signatureFault !== undefined) return refuseStrictly(exchange, signatureFault);
  return pool === undefined || pool.routeServiceUrl === "" ? undefined : decide(exchange, pool);
}
