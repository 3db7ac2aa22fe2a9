import type { Exchange } from "../exchange.ts";
import type { ResponseLike } from "../message.ts";
import { utf8Bytes } from "../observe/access-log-quote.ts";
import { emptyError } from "./error-page.ts";
import { errorTable } from "./error-table.ts";
import type { Failure } from "./failure.ts";
import { OwnResponse } from "./own-response.ts";

/** A failure's text as a header value: one line, one character per byte. */
function headerText(text: string): string {
  let line = "";
  for (const character of utf8Bytes(text)) line += character < " " ? " " : character;
  return line;
}

/** The answer to a request whose last attempt failed (data-plane §2.3), counted. */
export function endpointFailure(exchange: Exchange, failure: Failure): ResponseLike {
  const { metrics } = exchange.router;
  const outcome = errorTable[failure.kind];
  if (outcome.body === undefined) return emptyError(exchange, outcome.status, undefined);
  if (exchange.websocket) metrics.websocketFailures += 1;
  if (outcome.counter !== undefined) metrics[outcome.counter] += 1;
  const headers = exchange.router.newHeaders();
  headers.append("Content-Type", "text/plain; charset=utf-8");
  headers.append("X-Cf-Routererror", `endpoint_failure (${headerText(failure.message)})`);
  headers.append("X-Content-Type-Options", "nosniff");
  return new OwnResponse(outcome.status, headers, `${outcome.body}\n`);
}
