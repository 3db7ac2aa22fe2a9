import type { Exchange } from "../exchange.ts";
import { errorPage } from "../forwarding/error-page.ts";
import type { ResponseLike } from "../message.ts";

/**
 * Refuses requests for routes that are bound to a route service, since the feature is off (data-plane §8.2, row 3): an
 * app behind one must not be reached around it.
 */
export function routeService(exchange: Exchange): ResponseLike | undefined {
  const { pool, router } = exchange;
  if (pool === undefined || pool.routeServiceUrl === "") return undefined;
  router.logger.info("route-service-unsupported");
  const page = { status: 502, routerError: "route_service_unsupported" };
  return errorPage(exchange, page, "Support for route services is disabled.");
}
