import type { Exchange } from "../exchange.ts";
import type { ResponseLike } from "../message.ts";
import { OwnResponse } from "./own-response.ts";
import { standardPhrase } from "./status-text.ts";

/** What distinguishes one error page from another (the table of data-plane §2.1). */
interface ErrorPage {
  readonly status: number;
  /** `X-Cf-RouterError`; undefined: none. */
  readonly routerError?: string;
  /** `Cache-Control`; undefined: none. */
  readonly cacheControl?: string;
}

/**
 * An error answer of the common form: `CODE PHRASE: MESSAGE` and a line end as plain text (data-plane §2.1). Logs it
 * as `status`, but for 404. `message` is one character per byte.
 */
export function errorPage(exchange: Exchange, page: ErrorPage, message: string): ResponseLike {
  const text = `${page.status} ${standardPhrase(page.status)}: ${message}`;
  if (page.status !== 404) exchange.router.logger.info("status", exchange.logData({ body: text }));
  const headers = exchange.router.newHeaders();
  if (page.cacheControl !== undefined) headers.append("Cache-Control", page.cacheControl);
  headers.append("Content-Type", "text/plain; charset=utf-8");
  if (page.routerError !== undefined) headers.append("X-Cf-Routererror", page.routerError);
  headers.append("X-Content-Type-Options", "nosniff");
  return new OwnResponse(page.status, headers, `${text}\n`);
}

/** An error answer without a body (rows 10, 21 and 22 of the same table). */
export function emptyError(exchange: Exchange, status: number, routerError: string | undefined): ResponseLike {
  const headers = exchange.router.newHeaders();
  if (routerError !== undefined) headers.append("X-Cf-Routererror", routerError);
  return new OwnResponse(status, headers, "");
}
