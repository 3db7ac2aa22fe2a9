import type { Pool } from "./pool.ts";

/** What an instance header asks for (control-plane §3.12). */
export interface InstanceSelector {
  /** Application GUID, or process GUID. */
  readonly guid: string;
  /** Index text, digits; empty when a process header named none. */
  readonly index: string;
}

const guidLength = 36;
const hyphen = 0x2d;
const colon = 0x3a;

/** The value of `X-CF-App-Instance`: `GUID:INDEX`. Undefined when malformed. */
export function parseAppInstance(value: string): InstanceSelector | undefined {
  return value.length > guidLength ? parseInstance(value) : undefined;
}

/** The value of `X-CF-Process-Instance`: `GUID` or `GUID:INDEX`. Undefined when malformed. */
export function parseProcessInstance(value: string): InstanceSelector | undefined {
  return parseInstance(value);
}

function parseInstance(value: string): InstanceSelector | undefined {
  if (value.length < guidLength) return undefined;
  for (let i = 0; i < guidLength; i++) {
    const code = value.charCodeAt(i);
    const separator = i === 8 || i === 13 || i === 18 || i === 23;
    if (separator ? code !== hyphen : !isDigit(code) && (code < 0x61 || code > 0x66)) return undefined;
  }
  if (value.length === guidLength) return { guid: value, index: "" };
  if (value.charCodeAt(guidLength) !== colon || value.length === guidLength + 1) return undefined;
  for (let i = guidLength + 1; i < value.length; i++) if (!isDigit(value.charCodeAt(i))) return undefined;
  return { guid: value.slice(0, guidLength), index: value.slice(guidLength + 1) };
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A pool of the one endpoint with this application id and instance index; of several the last. */
export function appInstancePool(pool: Pool, selector: InstanceSelector, now: number): Pool | undefined {
  for (let i = pool.size - 1; i >= 0; i--) {
    const endpoint = pool.members[i]?.endpoint;
    if (endpoint?.applicationId !== selector.guid || endpoint.privateInstanceIndex !== selector.index) continue;
    const fresh = pool.detachedCopy(now);
    fresh.add(endpoint, now);
    return fresh;
  }
  return undefined;
}

/** A pool of all endpoints whose tag `process_id` is the GUID and, if one is given, with this instance index. */
export function processInstancePool(pool: Pool, selector: InstanceSelector, now: number): Pool | undefined {
  const fresh = pool.detachedCopy(now);
  for (const { endpoint } of pool.members) {
    if (endpoint.tags?.get("process_id") !== selector.guid) continue;
    if (selector.index === "" || endpoint.privateInstanceIndex === selector.index) fresh.add(endpoint, now);
  }
  return fresh.size === 0 ? undefined : fresh;
}
