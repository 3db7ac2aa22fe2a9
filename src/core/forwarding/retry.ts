import type { Exchange } from "../exchange.ts";
import type { HeadersLike } from "../message.ts";
import { errorTable } from "./error-table.ts";
import type { Failure } from "./failure.ts";

const hasValue = (headers: HeadersLike, name: string): boolean => (headers.get(name) ?? "") !== "";

function hasBody(exchange: Exchange): boolean {
  const length = exchange.headers.get("Content-Length");
  if (length !== null) return length !== "0";
  if (exchange.headers.has("Transfer-Encoding")) return true;
  return exchange.client.protocol === "HTTP/2.0" && exchange.request.body !== null;
}

/** A request that may be sent twice (data-plane §4.4): no body, and a safe method or an idempotency key. */
function isReplayable(exchange: Exchange): boolean {
  if (hasBody(exchange)) return false;
  const { method, headers } = exchange;
  if (method === "GET" || method === "HEAD" || method === "OPTIONS" || method === "TRACE") return true;
  return hasValue(headers, "Idempotency-Key") || hasValue(headers, "X-Idempotency-Key");
}

/** Whether a failed attempt may be followed by another, and the text log lines give as its error. */
interface Verdict {
  readonly retriable: boolean;
  readonly text: string;
}

/** Classifies a failed attempt (data-plane §4.4); `exchange.attempt` says how far it came. */
export function judge(exchange: Exchange, failure: Failure): Verdict {
  const { attempt } = exchange;
  const text = failure.message;
  const cancelled = failure.kind === "client-gone" || exchange.abortCause !== undefined;
  if (cancelled) return { retriable: false, text: `context canceled (${text})` };
  const untouched = attempt.bodyBytesTaken === 0;
  // What the client or the router did wrong is no better on another connection.
  const incomplete = failure.source === "backend" && !(attempt.gotConnection && attempt.wroteHead);
  if (incomplete) return { retriable: untouched, text: `incomplete request (${text})` };
  const outcome = errorTable[failure.kind];
  if (outcome.retriable) return { retriable: untouched, text };
  if (outcome.replay && untouched && !attempt.heard && isReplayable(exchange)) {
    return { retriable: true, text: `${text} (via idempotent request)` };
  }
  return { retriable: untouched && failure.retry === "always", text };
}
