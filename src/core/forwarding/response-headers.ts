import type { Exchange } from "../exchange.ts";
import { firstValue, type MessageHeaders, setLine } from "../message.ts";
import { rewriteResponse } from "../pipeline/response-rewrite.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import { removeHopByHop } from "./connection-tokens.ts";
import { endpointHeaders } from "./endpoint-headers.ts";
import { writeSession } from "./sticky-session.ts";

/** What every answer of a backend gets, 101 included: session, request id, and debugging headers (data-plane §5.5). */
export function addRouterHeaders(exchange: Exchange, endpoint: Endpoint, headers: MessageHeaders): void {
  const { router } = exchange;
  writeSession(exchange, endpoint, headers);
  const id = firstValue(headers, "X-Vcap-Request-Id");
  if (id === null || id === "") setLine(headers, "X-Vcap-Request-Id", exchange.requestId, exchange.requestIdLine);
  const key = router.settings.trace_key;
  if (key !== "" && firstValue(exchange.headers, "X-Vcap-Trace") === key) {
    headers.set("X-Vcap-Router", router.address);
    const { address } = endpointHeaders(endpoint);
    headers.set("X-Vcap-Backend", address);
    headers.set("X-Cf-Routeendpoint", address);
  }
}

/** Turns a backend's response header fields into those of the answer, in place (data-plane §5.5). */
export function finishResponseHeaders(exchange: Exchange, endpoint: Endpoint, headers: MessageHeaders): void {
  removeHopByHop(headers);
  addRouterHeaders(exchange, endpoint, headers);
  rewriteResponse(headers, exchange.router.compiled);
}
