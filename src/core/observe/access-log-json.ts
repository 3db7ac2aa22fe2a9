import { addressText } from "../address-text.ts";
import { firstValue, type MessageHeaders } from "../message.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import {
  extraField,
  gorouterTime,
  type LineSettings,
  type LoggedExchange,
  loggedValue,
  logUri,
  none,
} from "./access-log-line.ts";
import { sequenceLength, utf8Bytes } from "./access-log-quote.ts";
import { logSeconds, utcLogTime } from "./access-log-time.ts";

/** A JSON string (RFC 8259 §7) of one character per byte; bytes that are no UTF-8 become `\ufffd`. */
function quoted(bytes: string): string {
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return `"${escapedFrom(bytes, i)}"`;
  }
  return `"${bytes}"`;
}

function escapedFrom(bytes: string, first: number): string {
  let out = bytes.slice(0, first);
  for (let i = first; i < bytes.length; ) {
    const length = bytes.charCodeAt(i) < 0x80 ? 1 : sequenceLength(bytes, i);
    const text = bytes.slice(i, i + Math.max(length, 1));
    if (length === 0) out += "\\ufffd";
    else out += length > 1 ? text : JSON.stringify(text).slice(1, -1);
    i += text.length;
  }
  return out;
}

const text = (bytes: string | null): string => (bytes === null || bytes === "" ? "null" : quoted(bytes));
const header = (headers: MessageHeaders, name: string): string => text(firstValue(headers, name));
/** A field of the text form: numbers and plain quoted texts are JSON as they are. */
const orNull = (field: string): string => (field === none ? "null" : field);

/** What lines say of an endpoint, worked out once; a router has one format. */
function textOf(endpoint: Endpoint): NonNullable<Endpoint["logText"]> {
  endpoint.logText ??= {
    address: text(utf8Bytes(endpoint.address)),
    identity:
      `,"app_id":${text(utf8Bytes(endpoint.applicationId))}` +
      `,"app_index":${text(utf8Bytes(endpoint.privateInstanceIndex))}` +
      `,"instance_id":${text(utf8Bytes(endpoint.privateInstanceId))}`,
  };
  return endpoint.logText;
}

/**
 * The access log line of an exchange that has ended as a JSON object, without line end: the fields of data-plane §9.2
 * and §9.3 under their names, null where the text form prints `"-"`. Unlike there, `time` is UTC, and the headers of
 * `extra_headers_to_log` are in an object `request_headers`. One character per byte.
 */
export function accessLogJson(exchange: LoggedExchange, settings: LineSettings): string {
  const { client, endpoint, outbound, routerError } = exchange;
  const logging = settings.source.logging;
  const uri = logUri(exchange, logging.redact_query_params);
  const address = logging.disable_log_source_ip ? "null" : `"${addressText(client.remoteAddress, client.remotePort)}"`;
  const forwardedFor = exchange.forwardedFor ?? firstValue(exchange.headers, "X-Forwarded-For");
  let line =
    `{"time":"${utcLogTime(exchange.receivedAt)}","host":${text(exchange.host)},"method":${quoted(exchange.method)}` +
    `,"uri":${quoted(uri)},"protocol":${quoted(client.protocol)}` +
    `,"status":${exchange.status === 0 ? "null" : exchange.status}` +
    `,"bytes_received":${exchange.bytesIn},"bytes_sent":${exchange.bytesOut}` +
    `,"referer":${header(outbound, "Referer")},"user_agent":${header(outbound, "User-Agent")}` +
    `,"remote_address":${address},"backend_address":${endpoint === undefined ? "null" : textOf(endpoint).address}` +
    `,"x_forwarded_for":${logging.disable_log_forwarded_for ? "null" : text(forwardedFor)}` +
    `,"x_forwarded_proto":${header(outbound, "X-Forwarded-Proto")},"vcap_request_id":${text(exchange.requestId)}` +
    `,"response_time":${orNull(logSeconds(exchange.endedAt - exchange.startedAt))}` +
    `,"gorouter_time":${orNull(gorouterTime(exchange))}`;
  line += endpoint === undefined ? ',"app_id":null,"app_index":null,"instance_id":null' : textOf(endpoint).identity;
  for (const field of settings.extraFields) line += `,"${field}":${orNull(extraField(exchange, field))}`;
  line += `,"x_cf_routererror":${text(routerError)}`;
  if (settings.loggedHeaders.length > 0) line += `,"request_headers":{${headerMembers(exchange.headers, settings)}}`;
  return `${line}}`;
}

function headerMembers(headers: MessageHeaders, settings: LineSettings): string {
  let members = "";
  const names = new Set<string>();
  for (const { name, field } of settings.loggedHeaders) {
    // Configured names may differ in case only; a JSON object has each name once.
    if (names.has(field)) continue;
    names.add(field);
    members += `${members === "" ? "" : ","}${quoted(utf8Bytes(field))}:${text(loggedValue(headers, name))}`;
  }
  return members;
}
