import { firstValue, forkHeaders, type MessageHeaders } from "../message.ts";
import { accessLogJson } from "./access-log-json.ts";
import { accessLogLine, type LineSettings, type LoggedExchange, loggedValue, logUri } from "./access-log-line.ts";
import { escapeLogValue } from "./access-log-quote.ts";

/**
 * Access log lines that fit into a datagram (data-plane §9.6): the same exchange with what clients can make long cut.
 */

const uriLimit = 20_000;
const headerLimit = 1000;
const extraHeadersLimit = 20_000;
const truncation = (name: string): string => `...${name}-TOO-LONG-TO-LOG--TRUNCATED`;

/** As long as the text is too long: its first half, and a word that says so. */
function halved(text: string, limit: number, name: string): string {
  let cut = text;
  while (cut.length > limit) cut = cut.slice(0, cut.length >> 1) + truncation(name);
  return cut;
}

function cutHeaders(headers: MessageHeaders, names: readonly string[]): MessageHeaders {
  let cut: MessageHeaders | undefined;
  for (const name of names) {
    const value = firstValue(headers, name);
    if (value === null || value.length <= headerLimit) continue;
    cut ??= forkHeaders(headers);
    cut.set(name, halved(value, headerLimit, name.toUpperCase()));
  }
  return cut ?? headers;
}

/** How many of the extra headers fit. */
function fittingHeaders(exchange: LoggedExchange, settings: LineSettings): number {
  let size = 0;
  for (const [index, { name, prefix }] of settings.loggedHeaders.entries()) {
    const value = loggedValue(exchange.headers, name) ?? "";
    size += prefix.length + Math.max(escapeLogValue(value).length, 1) + 1;
    if (size >= extraHeadersLimit) return index;
  }
  return settings.loggedHeaders.length;
}

/** The line of an exchange, every part that a client chose within its limit; JSON when `json`. */
export function truncatedLine(exchange: LoggedExchange, settings: LineSettings, json: boolean): string {
  const forwardedFor = exchange.forwardedFor ?? firstValue(exchange.headers, "X-Forwarded-For") ?? undefined;
  const uri = logUri(exchange, settings.source.logging.redact_query_params);
  const cut: LoggedExchange = {
    client: exchange.client,
    method: exchange.method,
    host: exchange.host,
    encodedPath: halved(uri, uriLimit, "REQUEST-URI"),
    query: undefined,
    receivedAt: exchange.receivedAt,
    startedAt: exchange.startedAt,
    backendPhaseAt: exchange.backendPhaseAt,
    lastFailureAt: exchange.lastFailureAt,
    endedAt: exchange.endedAt,
    status: exchange.status,
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
    headers: exchange.headers,
    outbound: cutHeaders(exchange.outbound, ["Referer", "User-Agent", "X-Forwarded-Proto"]),
    requestId: exchange.requestId,
    forwardedFor: forwardedFor && halved(forwardedFor, headerLimit, "X-FORWARDED-FOR"),
    endpoint: exchange.endpoint,
    routerError: exchange.routerError,
    failedAttempts: exchange.failedAttempts,
    successful: exchange.successful,
  };
  const fitting = fittingHeaders(exchange, settings);
  const { source, extraFields, loggedHeaders } = settings;
  const few: LineSettings = { source, extraFields, loggedHeaders: loggedHeaders.slice(0, fitting) };
  if (json) return accessLogJson(cut, few);
  const line = accessLogLine(cut, few);
  return fitting < loggedHeaders.length ? line + truncation("EXTRA-REQUEST-HEADERS") : line;
}
