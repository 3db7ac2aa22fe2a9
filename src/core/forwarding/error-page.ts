import type { Exchange } from "../exchange.ts";
import { firstValue, type MessageHeaders, type ResponseLike } from "../message.ts";
import type { ErrorTemplate } from "./error-template/compile.ts";
import { OwnResponse } from "./own-response.ts";
import { standardPhrase } from "./status-text.ts";

const plainText = "text/plain; charset=utf-8";

/** What distinguishes one error page from another (the table of data-plane §2.1). */
interface ErrorPage {
  readonly status: number;
  /** `X-Cf-RouterError`; undefined: none. */
  readonly routerError?: string;
  /** `Cache-Control`; undefined: none. */
  readonly cacheControl?: string;
  /** `Retry-After` in seconds; undefined: none. */
  readonly retryAfter?: string | undefined;
}

/** The page of the operator's template (data-plane §2.2); undefined when it cannot be rendered, which is logged. */
function htmlOf(
  exchange: Exchange,
  template: ErrorTemplate,
  status: number,
  message: string,
  headers: MessageHeaders,
): string | undefined {
  const statusText = standardPhrase(status);
  try {
    return template({ status, statusText, message, header: (name) => firstValue(headers, name) ?? "" });
  } catch (error) {
    exchange.router.logger.error("render-error-failed", exchange.logData({ error: (error as Error).message }));
    return undefined;
  }
}

/**
 * An error answer of the common form: `CODE PHRASE: MESSAGE` and a line end as plain text (data-plane §2.1), or the
 * operator's HTML (§2.2). Logs it as `status`, but for 404. `message` is one character per byte.
 */
export function errorPage(exchange: Exchange, page: ErrorPage, message: string): ResponseLike {
  const text = `${page.status} ${standardPhrase(page.status)}: ${message}`;
  if (page.status !== 404) exchange.router.logger.info("status", exchange.logData({ body: text }));
  const { errorTemplate } = exchange.router;
  const headers = exchange.router.newHeaders();
  if (page.cacheControl !== undefined) headers.append("Cache-Control", page.cacheControl);
  headers.append("Content-Type", errorTemplate === undefined ? plainText : "text/html; charset=utf-8");
  if (page.retryAfter !== undefined) headers.append("Retry-After", page.retryAfter);
  if (page.routerError !== undefined) headers.append("X-Cf-Routererror", page.routerError);
  headers.append("X-Content-Type-Options", "nosniff");
  if (errorTemplate === undefined) return new OwnResponse(page.status, headers, `${text}\n`);
  const html = htmlOf(exchange, errorTemplate, page.status, message, headers);
  if (html === undefined) headers.set("Content-Type", plainText);
  return new OwnResponse(page.status, headers, html ?? text);
}

/** An error answer without a body (rows 10, 21 and 22 of the same table). */
export function emptyError(exchange: Exchange, status: number, routerError: string | undefined): ResponseLike {
  const headers = exchange.router.newHeaders();
  if (routerError !== undefined) headers.append("X-Cf-Routererror", routerError);
  return new OwnResponse(status, headers, "");
}
