import type { Exchange } from "../exchange.ts";
import { firstValue } from "../message.ts";
import { byteText } from "../observe/byte-text.ts";
import { generateTraceIds } from "../observe/request-id.ts";
import { parseSingleB3, singleFromMultiB3 } from "../observe/trace-b3.ts";

/** B3 trace headers (data-plane §1.4.4, the steps of its table); runs with `tracing.enable_zipkin`. */
export function b3Trace(exchange: Exchange): undefined {
  const { headers, router } = exchange;
  const single = firstValue(headers, "b3") ?? "";
  if (single !== "") {
    const context = parseSingleB3(single);
    if (context === "cut") {
      // Upstream's parser panics here and the request goes on as it is; operators look for that line.
      const error = `b3 header "${byteText(single)}" ends within its span id`;
      router.logger.error("panic-check", { host: byteText(exchange.host), error, stacktrace: "" });
      return;
    }
    if (context !== undefined) {
      exchange.traceIds = context;
      return;
    }
    router.logger.error("failed-to-parse-single-header", { error: `invalid b3 header "${byteText(single)}"` });
  }
  const traceId = firstValue(headers, "X-B3-TraceId") ?? "";
  const spanId = firstValue(headers, "X-B3-SpanId") ?? "";
  if (traceId !== "" && spanId !== "") {
    const made = singleFromMultiB3({
      traceId,
      spanId,
      parentSpanId: firstValue(headers, "X-B3-ParentSpanId") ?? "",
      sampled: firstValue(headers, "X-B3-Sampled") ?? "",
      flags: firstValue(headers, "X-B3-Flags") ?? "",
    });
    if (made === undefined) {
      const error = `invalid B3 headers with trace id "${byteText(traceId)}"`;
      router.logger.info("failed-to-parse-b3-trace-id", { error });
      return;
    }
    headers.set("B3", made.header);
    exchange.traceIds = made.context;
    return;
  }
  const ids = generateTraceIds(router.random);
  headers.set("B3", `${ids.traceId}-${ids.spanId}`);
  headers.set("X-B3-Traceid", ids.traceId);
  headers.set("X-B3-Spanid", ids.spanId);
  exchange.traceIds = ids;
}
