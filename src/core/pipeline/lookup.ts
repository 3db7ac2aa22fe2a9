import type { Exchange } from "../exchange.ts";
import { errorPage } from "../forwarding/error-page.ts";
import { firstValue, type ResponseLike } from "../message.ts";
import { byteText } from "../observe/byte-text.ts";
import { parseAppInstance, parseProcessInstance } from "../routing/instance-lookup.ts";
import type { Pool } from "../routing/pool.ts";
import { hostWithoutPort, peerWithoutPort } from "./request-target.ts";

const uncached = "no-cache, no-store";
const brieflyCached = "public,max-age=2";
/** `Retry-After` of routes that are reserved and have no endpoint, in seconds. */
const reservedRetryAfter = "5";

/** Row 1: no host, or the client's own address. */
function emptyHost(exchange: Exchange): ResponseLike {
  exchange.router.metrics.rejectedRequests += 1;
  const page = { status: 400, routerError: "empty_host", cacheControl: brieflyCached };
  return errorPage(exchange, page, "Request had empty Host header");
}

/** Row 2. */
function unknownRoute(exchange: Exchange): ResponseLike {
  exchange.router.metrics.rejectedRequests += 1;
  const page = { status: 404, routerError: "unknown_route", cacheControl: uncached };
  return errorPage(exchange, page, `Requested route ('${exchange.host}') does not exist.`);
}

/** Row 3; a reserved route says when to come again. */
export function noEndpoints(exchange: Exchange, pool: Pool): ResponseLike {
  const retryAfter = pool.reservation === undefined ? undefined : reservedRetryAfter;
  const page = { status: 503, routerError: "no_endpoints", cacheControl: brieflyCached, retryAfter };
  return errorPage(exchange, page, `Requested route ('${exchange.host}') has no available endpoints.`);
}

/** Row 4. */
export function connectionLimit(exchange: Exchange): ResponseLike {
  const { router, host } = exchange;
  router.metrics.backendExhaustedConns += 1;
  router.logger.info("connection-limit-reached");
  const page = { status: 503, routerError: "Connection Limit Reached" };
  return errorPage(exchange, page, `Requested route ('${host}') has reached the connection limit.`);
}

/** Rows 5 and 6. `name` as the message spells it. */
function malformedInstance(exchange: Exchange, kind: "app" | "process", name: string, value: string): ResponseLike {
  const { router } = exchange;
  router.metrics.rejectedRequests += 1;
  const error = `Incorrect ${name.toUpperCase()} header : ${byteText(value)}`;
  router.logger.error(`invalid-${kind}-instance-header`, exchange.logData({ error }));
  const page = { status: 400, routerError: `invalid_cf_${kind}_instance_header`, cacheControl: uncached };
  return errorPage(exchange, page, `Invalid ${name} Header`);
}

/** Rows 7 to 9: with both headers, the text is the process header's (notes to the table). */
function unknownInstance(exchange: Exchange, app: string, process: string): ResponseLike {
  exchange.router.metrics.rejectedRequests += 1;
  const selector = process === "" ? parseAppInstance(app) : parseProcessInstance(process);
  const index = selector === undefined || selector.index === "" ? "" : ` ('${selector.index}')`;
  const guid = `with ${process === "" ? "" : "process "}guid ('${selector?.guid ?? ""}')`;
  const page = { status: 400, routerError: "unknown_route", cacheControl: uncached };
  return errorPage(exchange, page, `Requested instance${index} ${guid} does not exist for route ('${exchange.host}')`);
}

/** The pool of an instance header, or the answer when it is malformed (data-plane §1.4.11, step 3). */
function instancePool(exchange: Exchange, host: string, app: string, process: string): Pool | ResponseLike | undefined {
  const { registry } = exchange.router;
  if (app !== "") {
    const selector = parseAppInstance(app);
    if (selector === undefined) return malformedInstance(exchange, "app", "X-CF-App-Instance", app);
    return registry.lookupAppInstance(host, exchange.encodedPath, selector);
  }
  const selector = parseProcessInstance(process);
  if (selector === undefined) return malformedInstance(exchange, "process", "X-CF-Process-Instance", process);
  return registry.lookupProcessInstance(host, exchange.encodedPath, selector);
}

/** A route without endpoints leads to its route service all the same (`route_services.without_endpoints`). */
function reachesService({ router }: Exchange, pool: Pool, byInstance: boolean): boolean {
  if (byInstance || pool.routeServiceUrl === "" || !router.services.enabled) return false;
  return router.settings.route_services.without_endpoints || pool.reservation?.withoutEndpoints === true;
}

const isAnswer = (found: Pool | ResponseLike | undefined): found is ResponseLike =>
  found !== undefined && (found as ResponseLike).status !== undefined;

/** Finds the pool of the route, or answers (data-plane §1.4.11; rows 1 to 9 of the table in §2.1). */
export function lookup(exchange: Exchange): ResponseLike | undefined {
  const { router, headers } = exchange;
  const host = hostWithoutPort(exchange.host);
  if (exchange.host === "" || host === peerWithoutPort(exchange.client.remoteAddress)) return emptyHost(exchange);
  const app = firstValue(headers, "X-CF-App-Instance") ?? "";
  const process = firstValue(headers, "X-CF-Process-Instance") ?? "";
  const byInstance = app !== "" || process !== "";
  const found = byInstance
    ? instancePool(exchange, host, app, process)
    : router.registry.lookup(host, exchange.encodedPath);
  if (isAnswer(found)) return found;
  if (found === undefined) return byInstance ? unknownInstance(exchange, app, process) : unknownRoute(exchange);
  if (found.size === 0 && !reachesService(exchange, found, byInstance)) {
    if (found.reservation !== undefined) return noEndpoints(exchange, found);
    return router.settings.empty_pool_response_code_503 ? noEndpoints(exchange, found) : unknownRoute(exchange);
  }
  if (found.overloaded) return connectionLimit(exchange);
  exchange.pool = found;
  return undefined;
}
