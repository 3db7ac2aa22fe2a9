import { isHexRange } from "./request-id.ts";

/** What a B3 header set says. Ids are lower-case hexadecimal; a zero trace id stands for "none". */
interface B3Context {
  readonly traceId: string;
  readonly spanId: string;
}

const zeroSpan = "0".repeat(16);
const samplingOnly: B3Context = { traceId: zeroSpan, spanId: zeroSpan };

const isSampling = (character: string | undefined): boolean =>
  character === "0" || character === "1" || character === "d";

/** A trace id without a high half of zeros: the pinned library shows such as ids of 64 bits, and so they are then. */
function shortest(traceId: string): string {
  return traceId.length === 32 && traceId.startsWith(zeroSpan) ? traceId.slice(16) : traceId;
}

/** Sampling state and parent id behind the span: `-X`, `-X-PARENT`, `-PARENT` is not one of them. */
function tailParses(value: string, from: number): boolean {
  if (value.length === from) return true;
  if (!isSampling(value[from + 1])) return false;
  if (value.length === from + 2) return true;
  return value.length === from + 19 && isHexRange(value, from + 3, from + 19);
}

/**
 * Reads the single header `b3`, by length and position only as the pinned library does (data-plane §1.4.4): separators
 * after the first are not looked at. Undefined when it does not parse; `cut` when it ends within the span id of a 128-bit
 * trace, which makes that library run out of bounds.
 */
export function parseSingleB3(value: string): B3Context | "cut" | undefined {
  if (value.length === 1) return isSampling(value) ? samplingOnly : undefined;
  if (value.length < 33) return undefined;
  const traceLength = value[16] === "-" ? 16 : 32;
  const spanEnd = traceLength + 17;
  if (!isHexRange(value, 0, traceLength)) return undefined;
  if (value.length < spanEnd) return "cut";
  if (!isHexRange(value, traceLength + 1, spanEnd)) return undefined;
  if (!tailParses(value, spanEnd)) return undefined;
  return {
    traceId: shortest(value.slice(0, traceLength).toLowerCase()),
    spanId: value.slice(traceLength + 1, spanEnd).toLowerCase(),
  };
}

/** The values of the multi-header form as received; empty when absent. */
export interface MultiB3 {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly sampled: string;
  readonly flags: string;
}

/** A hexadecimal number of any length that fits `digits`, zero-padded to it; undefined when it is none. */
function hexNumber(text: string, digits: number): string | undefined {
  if (!isHexRange(text, 0, text.length)) return undefined;
  let start = 0;
  while (start < text.length - 1 && text[start] === "0") start += 1;
  const significant = text.slice(start).toLowerCase();
  return significant.length > digits ? undefined : significant.padStart(digits, "0");
}

function samplingOf(headers: MultiB3): string | undefined {
  const sampled = headers.sampled.toLowerCase();
  if (sampled !== "" && sampled !== "0" && sampled !== "1" && sampled !== "true" && sampled !== "false")
    return undefined;
  if (headers.flags === "1") return "-d";
  if (sampled === "") return "";
  return sampled === "1" || sampled === "true" ? "-1" : "-0";
}

/**
 * Builds the single header from the multi-header form (step 3 of the section): the value to be written and the
 * context, or undefined when the set does not parse.
 */
export function singleFromMultiB3(
  headers: MultiB3,
): { readonly header: string; readonly context: B3Context } | undefined {
  const trace = hexNumber(headers.traceId, 32);
  const spanId = hexNumber(headers.spanId, 16);
  const parent = headers.parentSpanId === "" ? "" : hexNumber(headers.parentSpanId, 16);
  const sampling = samplingOf(headers);
  if (trace === undefined || spanId === undefined || parent === undefined || sampling === undefined) return undefined;
  const traceId = shortest(trace);
  const context = { traceId, spanId };
  if (traceId === zeroSpan || spanId === zeroSpan) return { header: sampling.slice(1), context };
  return { header: `${traceId}-${spanId}${sampling}${parent === "" ? "" : `-${parent}`}`, context };
}
