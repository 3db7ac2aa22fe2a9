import type { RandomSource } from "../random.ts";

const isHex = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70);

/** True when `text[start, end)` is hexadecimal and not empty. */
export function isHexRange(text: string, start: number, end: number): boolean {
  if (end > text.length || start >= end) return false;
  for (let i = start; i < end; i++) if (!isHex(text.charCodeAt(i))) return false;
  return true;
}

/** Lower-case hexadecimal digits of bytes. */
export function hexOf(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += (byte + 256).toString(16).slice(1);
  return hex;
}

/** Trace and span id of a request, lower-case hexadecimal. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** Trace id = the UUID without dashes, span id = its last 16 digits (data-plane §1.4.6). */
export function traceIdsOf(uuid: string): TraceIds {
  const traceId = uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(14, 18) + uuid.slice(19, 23) + uuid.slice(24);
  return { traceId, spanId: traceId.slice(16) };
}

/** Fresh ids for a request that brought none. */
export function generateTraceIds(random: RandomSource): TraceIds {
  return traceIdsOf(random.uuid());
}

/**
 * The request id that a trace id stands for (data-plane §1.4.6): cut 8-4-4-4-rest, when that is a UUID of version 1 to
 * 5; undefined otherwise (a 64-bit B3 id never is one).
 */
export function requestIdFromTrace(traceId: string): string | undefined {
  if (traceId.length !== 32 || !isHexRange(traceId, 0, 32)) return undefined;
  const version = traceId.charCodeAt(12) - 48;
  if (version < 1 || version > 5) return undefined;
  const id = traceId.toLowerCase();
  return `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`;
}
