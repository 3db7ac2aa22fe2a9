import type { Exchange } from "../exchange.ts";
import { setLine } from "../message.ts";
import { Level } from "../observe/log.ts";
import { requestIdFromTrace } from "../observe/request-id.ts";

/** `X-Vcap-Request-Id`: always the router's own, from the trace id where that is a UUID (data-plane §1.4.6). */
export function requestId(exchange: Exchange): undefined {
  const { router, traceIds } = exchange;
  const fromTrace = traceIds === undefined ? undefined : requestIdFromTrace(traceIds.traceId);
  const id = fromTrace ?? router.random.uuid();
  exchange.requestId = id;
  exchange.requestIdLine = `X-Vcap-Request-Id: ${id}\r\n`;
  setLine(exchange.headers, "X-Vcap-Request-Id", id, exchange.requestIdLine);
  if (router.logger.level <= Level.debug) {
    router.logger.debug("vcap-request-id-header-set", { VcapRequestIdHeader: exchange.requestId });
  }
}
