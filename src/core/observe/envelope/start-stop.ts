import { firstValue, type HeadersLike, type MessageHeaders } from "../../message.ts";
import type { StartStopExchange } from "../exchange-events.ts";
import { isHexRange, traceIdsOf } from "../request-id.ts";
import { envelope, tag, tagMap } from "./envelope.ts";
import { key, lengthDelimited, nanoseconds, signed, varint, varint64 } from "./protobuf.ts";

/** Numbers of the methods that the protocol knows, from 1 on. */
const methods: ReadonlyMap<string, number> = new Map(
  (
    "GET POST PUT DELETE HEAD ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DEBUG LABEL LINK LOCK MERGE " +
    "MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH PRI PROPFIND PROPPATCH " +
    "REBIND REPORT SEARCH SHOWMETHOD SPACEJUMP TEXTSEARCH TRACE TRACK UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE " +
    "UPDATEREDIRECTREF VERSION-CONTROL"
  )
    .split(" ")
    .map((name, index) => [name, index + 1]),
);

/** Four bytes of hexadecimal text, the first one least significant. */
function littleEndian(hex: string, start: number): number {
  const bytes = Number.parseInt(hex.slice(start, start + 8), 16);
  return ((bytes >>> 24) | ((bytes >>> 8) & 0xff00) | ((bytes << 8) & 0xff0000) | (bytes << 24)) >>> 0;
}

/** A UUID: two numbers of eight bytes each, least significant first. Undefined for a text that is none. */
function uuid(text: string): string | undefined {
  if (text.length !== 36) return undefined;
  const hex = text.slice(0, 8) + text.slice(9, 13) + text.slice(14, 18) + text.slice(19, 23) + text.slice(24);
  if (!isHexRange(hex, 0, 32)) return undefined;
  const low = varint64(littleEndian(hex, 8), littleEndian(hex, 0));
  return key(1, 0) + low + key(2, 0) + varint64(littleEndian(hex, 24), littleEndian(hex, 16));
}

const noUuid = key(1, 0) + varint(0) + key(2, 0) + varint(0);

/** The path as bytes: percent escapes undone, wrong ones left as they are. */
function decodedPath(path: string): string {
  if (!path.includes("%")) return path;
  return path.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Every address of every `X-Forwarded-For` line. */
function forwarded(value: string | null): string {
  if (value === null) return "";
  let text = "";
  for (const part of value.split(",")) text += lengthDelimited(15, part.trim());
  return text;
}

function common(
  exchange: StartStopExchange,
  headers: MessageHeaders,
  peer: 1 | 2,
  startedAt: number,
  now: number,
  status: number,
  length: number,
): string {
  const { client } = exchange;
  const scheme = client.tls === undefined ? "http" : "https";
  return (
    key(1, 0) +
    nanoseconds(startedAt) +
    key(2, 0) +
    nanoseconds(now) +
    lengthDelimited(3, uuid(exchange.requestId) ?? noUuid) +
    key(4, 0) +
    varint(peer) +
    key(5, 0) +
    varint(methods.get(exchange.method) ?? 0) +
    lengthDelimited(6, `${scheme}://${exchange.host}${decodedPath(exchange.encodedPath)}`) +
    lengthDelimited(7, `${client.remoteAddress}:${client.remotePort}`) +
    lengthDelimited(8, firstValue(headers, "User-Agent") ?? "") +
    key(9, 0) +
    varint(status) +
    key(10, 0) +
    signed(length)
  );
}

/** The event around a whole request: peer type server, the endpoint's tags and the trace ids, no application. */
export function serverEvent(exchange: StartStopExchange, now: number): string {
  const event =
    common(exchange, exchange.headers, 2, exchange.receivedAt, now, exchange.status, exchange.bytesOut) +
    forwarded(exchange.headers.get("X-Forwarded-For"));
  const ids = exchange.traceIds ?? traceIdsOf(exchange.requestId);
  const tags = tagMap(exchange.endpoint?.tags ?? null) + tag("span_id", ids.spanId) + tag("trace_id", ids.traceId);
  return envelope("httpStartStop", now, event, tags);
}

/**
 * The event around one attempt: peer type client, the instance it went to, no tags.
 *
 * @param sentAt milliseconds since 1970.
 * @param status 0 when the attempt failed.
 * @param length of the answer's body; -1: not announced.
 */
export function clientEvent(
  exchange: StartStopExchange,
  sentAt: number,
  now: number,
  status: number,
  length: number,
): string {
  const headers = exchange.outbound;
  const application = uuid(headers.get("X-CF-ApplicationID") ?? "");
  const index = headers.get("X-CF-InstanceIndex") ?? "";
  const event =
    common(exchange, headers, 1, sentAt, now, status, length) +
    (application === undefined ? "" : lengthDelimited(12, application)) +
    (index === "" || !Number.isInteger(Number(index)) ? "" : key(13, 0) + signed(Number(index))) +
    lengthDelimited(14, headers.get("X-CF-InstanceID") ?? "") +
    forwarded(headers.get("X-Forwarded-For"));
  return envelope("httpStartStop", now, event);
}

/** Length of an answer's body as its head tells it; -1: it does not. */
export function announcedLength(
  method: string,
  answer: { readonly status: number; readonly headers: HeadersLike },
): number {
  const { status, headers } = answer;
  if (method !== "HEAD" && (status < 200 || status === 204 || status === 304)) return 0;
  const length = headers.get("Content-Length");
  return length === null ? -1 : Number(length);
}
