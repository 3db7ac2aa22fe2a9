import { selectEndpoint } from "../balancing/select.ts";
import type { Exchange } from "../exchange.ts";
import { emptyError } from "../forwarding/error-page.ts";
import type { MessageHeaders, ResponseLike } from "../message.ts";

/** Bytes of the request line and the Host line as data-plane §1.4.12 counts them. */
function startSize(exchange: Exchange): number {
  const query = exchange.query === undefined ? 0 : exchange.query.length + 1;
  // An empty path is re-rendered as `/`.
  const target = Math.max(exchange.encodedPath.length, 1) + query;
  return exchange.method.length + target + exchange.client.protocol.length + 4 + exchange.host.length + 8;
}

/** What says where the message goes and how it is framed is no header line any more when lines are counted. */
function isCounted(name: string): boolean {
  const { length } = name;
  if (length !== 4 && length !== 7 && length !== 17) return true;
  const lower = name.toLowerCase();
  return lower !== "host" && lower !== "trailer" && lower !== "transfer-encoding";
}

function linesSize(headers: MessageHeaders): number {
  let size = 0;
  for (const [name, value] of headers) if (isCounted(name)) size += name.length + value.length + 4;
  return size;
}

function hasMoreLines(headers: MessageHeaders, limit: number): boolean {
  if (headers.lineCount !== undefined && headers.lineCount <= limit) return false;
  let lines = 0;
  for (const [name] of headers) if (isCounted(name)) lines += 1;
  return lines > limit;
}

function isTooLarge(exchange: Exchange): boolean {
  const { headers } = exchange;
  const { maxRequestBytes, source } = exchange.router.compiled;
  const start = startSize(exchange);
  const atMost = headers.byteLength;
  if ((atMost === undefined || start + atMost >= maxRequestBytes) && start + linesSize(headers) >= maxRequestBytes) {
    return true;
  }
  return source.max_request_headers > 0 && hasMoreLines(headers, source.max_request_headers);
}

/**
 * Refuses requests whose head is too large with 431 (data-plane §1.4.12). An endpoint is drawn all the same, so that
 * the access log tells the app; nothing is sent to it.
 */
export function requestSize(exchange: Exchange): ResponseLike | undefined {
  if (!isTooLarge(exchange)) return undefined;
  if (exchange.pool !== undefined) {
    exchange.endpoint = selectEndpoint(exchange.pool, exchange.selection, exchange.router.clock.monotonic());
  }
  return emptyError(exchange, 431, "max-request-size-exceeded");
}
