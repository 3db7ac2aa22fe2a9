import type { Exchange } from "../exchange.ts";
import { firstValue } from "../message.ts";
import { generateTraceIds, hexOf } from "../observe/request-id.ts";
import { nextTraceState, parseTraceParent, traceStateKey } from "../observe/trace-w3c.ts";

/** `traceparent` and `tracestate` (data-plane §1.4.5); runs with `tracing.enable_w3c`, after B3. */
export function w3cTrace(exchange: Exchange): undefined {
  const { headers, router } = exchange;
  const key = traceStateKey(router.settings.tracing.w3c_tenant_id);
  const received = parseTraceParent(firstValue(headers, "traceparent") ?? "");
  if (received === undefined) {
    exchange.traceIds ??= generateTraceIds(router.random);
    const { traceId, spanId } = exchange.traceIds;
    headers.set("Traceparent", `00-${traceId.padStart(32, "0")}-${spanId}-01`);
    headers.set("Tracestate", `${key}=${spanId}`);
    return;
  }
  const spanId = hexOf(router.random.bytes(8));
  const state = nextTraceState(key, spanId, firstValue(headers, "tracestate") ?? "");
  headers.set("Traceparent", `00-${received.traceId}-${spanId}-${received.flags}`);
  headers.set("Tracestate", state);
  exchange.traceIds ??= { traceId: received.traceId, spanId };
}
