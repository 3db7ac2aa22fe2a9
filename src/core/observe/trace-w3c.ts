import { isHexRange } from "./request-id.ts";

/** A received `traceparent` that counts as valid: lower-case, version dropped. */
interface TraceParent {
  readonly traceId: string;
  readonly parentId: string;
  readonly flags: string;
}

const longestTraceState = 2048;

/**
 * Reads `traceparent` by length and position only (data-plane §1.4.5): separators, version and all-zero ids are not
 * looked at. Undefined when it is not valid.
 */
export function parseTraceParent(header: string): TraceParent | undefined {
  const value = header.trim().toLowerCase();
  if (value.length !== 55 || !isHexRange(value, 0, 2) || !isHexRange(value, 3, 35)) return undefined;
  if (!isHexRange(value, 36, 52) || !isHexRange(value, 53, 55)) return undefined;
  return { traceId: value.slice(3, 35), parentId: value.slice(36, 52), flags: value.slice(53) };
}

/** Key of the router's own `tracestate` entry: `gorouter`, or `TENANT@gorouter`. */
export function traceStateKey(tenant: string): string {
  return tenant === "" ? "gorouter" : `${tenant}@gorouter`;
}

/**
 * `tracestate` to be sent on: the own entry first, then the received ones (first header line) in their order, without
 * those of the own key or without `=`; one of more than 2048 bytes is ignored as a whole.
 */
export function nextTraceState(key: string, spanId: string, received: string): string {
  let state = `${key}=${spanId}`;
  if (received === "" || received.length > longestTraceState) return state;
  for (const part of received.split(",")) {
    const entry = part.trim();
    const equals = entry.indexOf("=");
    if (equals < 0 || entry.slice(0, equals) === key) continue;
    state += `,${entry}`;
  }
  return state;
}
