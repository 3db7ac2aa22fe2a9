import { utf8Bytes } from "../access-log-quote.ts";
import { double, key, lengthDelimited, nanoseconds, varint } from "./protobuf.ts";

/**
 * Envelopes of dropsonde ("envelope v1", control-plane §5): what one datagram holds, one character per byte. Field
 * numbers are those of the published protocol.
 */

const origin = lengthDelimited(1, "gorouter");
const heads = {
  httpStartStop: `${origin}${key(2, 0)}${varint(4)}${key(6, 0)}`,
  logMessage: `${origin}${key(2, 0)}${varint(5)}${key(6, 0)}`,
  valueMetric: `${origin}${key(2, 0)}${varint(6)}${key(6, 0)}`,
  counterEvent: `${origin}${key(2, 0)}${varint(7)}${key(6, 0)}`,
} as const;
const bodies = { httpStartStop: 7, logMessage: 8, valueMetric: 9, counterEvent: 10 } as const;
const doubleKey = key(2, 1);
const deltaKey = key(2, 0);

/** An envelope around one event; `tags` is the encoded map, maybe empty. Times are milliseconds since 1970. */
export function envelope(kind: keyof typeof heads, now: number, event: string, tags = ""): string {
  return heads[kind] + nanoseconds(now) + lengthDelimited(bodies[kind], event) + tags;
}

/** A value at this moment. */
export function valueMetric(now: number, name: string, value: number, unit: string): string {
  const event = lengthDelimited(1, utf8Bytes(name)) + doubleKey + double(value) + lengthDelimited(3, unit);
  return envelope("valueMetric", now, event);
}

/** An increment. */
export function counterEvent(now: number, name: string, delta: number): string {
  return envelope("counterEvent", now, lengthDelimited(1, utf8Bytes(name)) + deltaKey + varint(delta));
}

/** One entry of the map of tags. */
export function tag(name: string, value: string): string {
  return lengthDelimited(17, lengthDelimited(1, utf8Bytes(name)) + lengthDelimited(2, utf8Bytes(value)));
}

/** The map of an endpoint's tags. */
export function tagMap(tags: ReadonlyMap<string, string> | null): string {
  let text = "";
  for (const [name, value] of tags ?? []) text += tag(name, value);
  return text;
}

/** A line of an app's log, on behalf of the router: type OUT, source type `RTR`. `message` is one character per byte. */
export function logMessage(
  now: number,
  message: string,
  appId: string,
  sourceInstance: string,
  tags: ReadonlyMap<string, string> | null,
): string {
  const event =
    lengthDelimited(1, message) +
    key(2, 0) +
    varint(1) +
    key(3, 0) +
    nanoseconds(now) +
    lengthDelimited(4, utf8Bytes(appId)) +
    lengthDelimited(5, "RTR") +
    lengthDelimited(6, sourceInstance);
  return envelope("logMessage", now, event, tagMap(tags));
}
