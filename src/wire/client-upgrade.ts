import { Failure } from "../core/forwarding/failure.ts";
import type { Outgoing } from "../core/forwarding/transport.ts";
import type { HeaderLines } from "./header-lines.ts";

/** True when `word` (lower case) is one of the comma-separated tokens of `value` (RFC 9110 §5.6.1). */
function hasToken(value: string | null, word: string): boolean {
  if (value === null) return false;
  for (const token of value.split(",")) if (token.trim().toLowerCase() === word) return true;
  return false;
}

/**
 * Checks a 101 against the request (data-plane §6.3): an upgrade was asked for, `Connection` has the token, and
 * `Upgrade` names the protocol that was asked for. Returns the failure, or undefined when all is well.
 */
export function upgradeFailure(outgoing: Outgoing, headers: HeaderLines): Failure | undefined {
  const asked = outgoing.upgrade ? (outgoing.outbound.get("upgrade") ?? "") : "";
  // Of several lines the first counts, as in requests.
  const got = headers.first("upgrade") ?? "";
  const agreed = hasToken(headers.get("connection"), "upgrade") && got.toLowerCase() === asked.toLowerCase();
  if (outgoing.upgrade && agreed) return undefined;
  const text = `backend tried to switch protocol ${JSON.stringify(got)} when ${JSON.stringify(asked)} was requested`;
  return new Failure("switching-protocols", "backend", "never", text);
}
