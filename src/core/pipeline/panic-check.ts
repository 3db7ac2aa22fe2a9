import type { Exchange } from "../exchange.ts";
import { emptyError } from "../forwarding/error-page.ts";
import type { ResponseLike } from "../message.ts";
import { byteText } from "../observe/byte-text.ts";
import { rewriteResponse } from "./response-rewrite.ts";

/** Contains an error that nobody expected: a log line and 502 (data-plane §1.4.1); the connection stays usable. */
export function answerPanic(exchange: Exchange, error: unknown): ResponseLike {
  const known = error instanceof Error;
  exchange.router.logger.error("panic-check", {
    host: byteText(exchange.host),
    error: known ? error.message : String(error),
    stacktrace: known ? (error.stack ?? "") : "",
  });
  const response = emptyError(exchange, 502, "unknown_failure");
  rewriteResponse(response.headers, exchange.router.compiled);
  return exchange.answeredAfterPanic(response);
}
