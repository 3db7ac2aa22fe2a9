import type { Client } from "../client.ts";
import { clientTexts } from "../client-texts.ts";
import type { Attempt } from "../forwarding/transport.ts";
import { firstValue, type MessageHeaders } from "../message.ts";
import type { CompiledSettings, ExtraField } from "../pipeline/settings.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import { escapeLogValue, utf8Bytes } from "./access-log-quote.ts";
import { logSeconds, logTime, secondsBehind } from "./access-log-time.ts";
import { sha1Hex } from "./sha1.ts";

/** Where access log lines go. The text is one character per byte and has no line end. */
export interface AccessLogSink {
  write(line: string): void;
}

/** What a line tells about a finished exchange. Times are monotonic milliseconds, -1 when there was no such moment. */
export interface LoggedExchange {
  readonly client: Client;
  readonly method: string;
  readonly host: string;
  /** Path as it is routed: percent-encoded, maybe empty. */
  readonly encodedPath: string;
  readonly query: string | undefined;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly startedAt: number;
  readonly backendPhaseAt: number;
  readonly lastFailureAt: number;
  readonly endedAt: number;
  /** 0 when nothing that has a status was sent. */
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Header fields of the request, as the chain changed them. */
  readonly headers: MessageHeaders;
  /** Those sent to the backend; the same as `headers` when no request was built. */
  readonly outbound: MessageHeaders;
  /** `X-Vcap-Request-Id` of both legs; empty before it is known. */
  readonly requestId: string;
  /** `X-Forwarded-For` as sent to the backend; undefined when no request was built. */
  readonly forwardedFor: string | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly routerError: string;
  readonly failedAttempts: number;
  /** The attempt that brought a response. */
  readonly successful: Attempt | undefined;
}

/** What lines need to know of the settings. */
export type LineSettings = Pick<CompiledSettings, "source" | "extraFields" | "loggedHeaders">;

/** First value of a logged header; a name that never has a value is empty. */
export const loggedValue = (headers: MessageHeaders, name: string): string | null =>
  name === "" ? null : firstValue(headers, name);

/** How a missing value is printed. */
export const none = '"-"';
const quotedValue = (value: string | null): string =>
  value === null || value === "" ? none : `"${escapeLogValue(value)}"`;
const quotedText = (text: string): string => (text === "" ? none : `"${escapeLogValue(utf8Bytes(text))}"`);

/** Path and query of the line, redacted (data-plane §9.4). */
export function logUri(exchange: LoggedExchange, redaction: "none" | "all" | "hash"): string {
  const path = exchange.encodedPath === "" ? "/" : exchange.encodedPath;
  const query = exchange.query;
  if (query === undefined) return path;
  if (redaction === "none" || query === "" || exchange.method !== "GET") return `${path}?${query}`;
  return redaction === "all" ? path : `${path}?hash=${sha1Hex(query)}`;
}

/** A phase of the successful attempt: zero for one that did not happen, as on a reused connection. */
const attemptSeconds = (attempt: Attempt | undefined, milliseconds: number): string =>
  attempt === undefined ? none : logSeconds(attempt.reused ? 0 : Math.max(milliseconds, 0));

/** A field of `logging.extra_access_log_fields` (data-plane §9.3), quotes included. */
export function extraField(exchange: LoggedExchange, field: ExtraField): string {
  const attempt = exchange.successful;
  switch (field) {
    case "backend_time": {
      const from = exchange.lastFailureAt < 0 ? exchange.backendPhaseAt : exchange.lastFailureAt;
      return attempt === undefined ? none : logSeconds(exchange.endedAt - from);
    }
    case "dial_time":
      return attemptSeconds(attempt, attempt?.dialMs ?? -1);
    case "dns_time":
      return attemptSeconds(attempt, attempt?.dnsMs ?? -1);
    case "tls_time":
      return attemptSeconds(attempt, attempt?.tlsMs ?? -1);
    case "failed_attempts":
      return String(exchange.failedAttempts);
    case "failed_attempts_time":
      return exchange.lastFailureAt < 0 ? none : logSeconds(exchange.lastFailureAt - exchange.backendPhaseAt);
    case "local_address":
      return attempt === undefined ? none : quotedText(attempt.localAddress);
  }
}

/** The router's own share: up to the backend phase, which lasts to the end; everything when it was not reached. */
function gorouterMilliseconds({ backendPhaseAt, endedAt, startedAt }: LoggedExchange): number {
  return (backendPhaseAt < 0 ? endedAt : backendPhaseAt) - startedAt;
}

/** The same as the line prints it; nothing for what met no endpoint. */
export function gorouterTime(exchange: LoggedExchange): string {
  return exchange.endpoint === undefined ? "0.000000" : logSeconds(gorouterMilliseconds(exchange));
}

// Most of what follows prefers long texts that are at hand to many short ones: each piece of a line is read on its own.

const noIdentity = ' app_id:"-" app_index:"-" instance_id:"-" ';
const noError = 'x_cf_routererror:"-"';
const responseTime = secondsBehind('" response_time:');
const gorouterShare = secondsBehind(" gorouter_time:");

/** What lines say of an endpoint; it is immutable, so once is enough. */
function textOf(endpoint: Endpoint): NonNullable<Endpoint["logText"]> {
  endpoint.logText ??= {
    address: [quotedText(endpoint.address), " x_forwarded_for:"].join(""),
    identity: [
      ` app_id:${quotedText(endpoint.applicationId)} app_index:${quotedText(endpoint.privateInstanceIndex)} `,
      `instance_id:${quotedText(endpoint.privateInstanceId)} `,
    ].join(""),
  };
  return endpoint.logText;
}

/** ` PROTOCOL" STATUS BYTES ` of requests without a body, by status. */
const outcomes: (string | undefined)[] = Array.from({ length: 1000 }, () => undefined);

function outcome({ client: { protocol }, status, bytesIn }: LoggedExchange): string {
  if (status === 0) return ` ${protocol}" ${none} ${bytesIn} `;
  if (bytesIn > 0 || protocol !== "HTTP/1.1") return ` ${protocol}" ${status} ${bytesIn} `;
  outcomes[status] ??= [' HTTP/1.1" ', status, " 0 "].join("");
  return outcomes[status];
}

/** Who asks, and from where: Referer and User-Agent. */
function asker(outbound: MessageHeaders): string {
  const referer = firstValue(outbound, "Referer");
  const agent = firstValue(outbound, "User-Agent");
  return referer === null && agent === null ? ' "-" "-" ' : ` ${quotedValue(referer)} ${quotedValue(agent)} `;
}

function forwardedFor(exchange: LoggedExchange, addressText: string): string {
  const sent = exchange.forwardedFor;
  if (sent === undefined) return quotedValue(firstValue(exchange.headers, "X-Forwarded-For"));
  return sent === exchange.client.remoteAddress ? addressText : `"${escapeLogValue(sent)}"`;
}

/** Up to the opening quote of the request id. */
function forwardedProto(outbound: MessageHeaders): string {
  const value = firstValue(outbound, "X-Forwarded-Proto");
  if (value === "http") return ' x_forwarded_proto:"http" vcap_request_id:"';
  return ` x_forwarded_proto:${quotedValue(value)} vcap_request_id:"`;
}

/**
 * The access log line of an exchange that has ended, without line end (data-plane §9.2, §9.3). One character per byte.
 */
export function accessLogLine(exchange: LoggedExchange, settings: LineSettings): string {
  const { client, endpoint, outbound, method, requestId, routerError } = exchange;
  const logging = settings.source.logging;
  const said = endpoint === undefined ? undefined : textOf(endpoint);
  const texts = clientTexts(client);
  // Method and protocol are tokens: only the target can hold what must be escaped.
  const uri = escapeLogValue(logUri(exchange, logging.redact_query_params));
  let line =
    `${exchange.host}${logTime(exchange.receivedAt)}${method === "GET" ? "GET " : `${method} `}${uri}` +
    `${outcome(exchange)}${exchange.bytesOut}${asker(outbound)}${logging.disable_log_source_ip ? '"-" ' : texts.source}` +
    `${said === undefined ? '"-" x_forwarded_for:' : said.address}` +
    `${logging.disable_log_forwarded_for ? none : forwardedFor(exchange, texts.address)}${forwardedProto(outbound)}` +
    `${requestId === "" ? "-" : requestId}${responseTime(exchange.endedAt - exchange.startedAt)}` +
    `${endpoint === undefined ? " gorouter_time:0.000000" : gorouterShare(gorouterMilliseconds(exchange))}` +
    `${said === undefined ? noIdentity : said.identity}`;
  for (const field of settings.extraFields) line += `${field}:${extraField(exchange, field)} `;
  line += routerError === "" ? noError : `x_cf_routererror:"${escapeLogValue(routerError)}"`;
  for (const { name, prefix } of settings.loggedHeaders) {
    const value = loggedValue(exchange.headers, name);
    line += value === null || value === "" ? `${prefix}-"` : `${prefix}${escapeLogValue(value)}"`;
  }
  return line;
}
