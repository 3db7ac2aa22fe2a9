import type { Exchange } from "../exchange.ts";
import { Level } from "../observe/log.ts";
import { requestIdFromTrace } from "../observe/request-id.ts";

/** `X-Vcap-Request-Id`: always the router's own, from the trace id where that is a UUID (data-plane §1.4.6). */
export function requestId(exchange: Exchange): undefined {
  const { router, traceIds } = exchange;
  const fromTrace = traceIds === undefined ? undefined : requestIdFromTrace(traceIds.traceId);
  exchange.requestId = fromTrace ?? router.random.uuid();
  exchange.headers.set("X-Vcap-Request-Id", exchange.requestId);
  if (router.logger.level <= Level.debug) {
    router.logger.debug("vcap-request-id-header-set", { VcapRequestIdHeader: exchange.requestId });
  }
}
