import { slotOf } from "../balancing/maglev.ts";
import type { Exchange } from "../exchange.ts";
import { firstValue } from "../message.ts";
import { byteText } from "../observe/byte-text.ts";
import type { Pool } from "../routing/pool.ts";

/**
 * Finds out where in the pool's look-up table the request belongs (control-plane §9.1). Without a header name at the
 * route, or without that header in the request, the default algorithm serves the request.
 */
export function readHashKey(exchange: Exchange, pool: Pool): void {
  const { logger } = exchange.router;
  if (pool.hash === undefined) {
    logger.error("hash-routing-properties-missing", { host: pool.host });
    return;
  }
  const value = firstValue(exchange.headers, pool.hash.header);
  if (value === null || value === "") {
    const data = { Host: byteText(exchange.host), Path: exchange.encodedPath };
    logger.info("hash-based-routing-header-value-not-found", data);
    return;
  }
  exchange.selection.hashSlot = slotOf(value);
}
