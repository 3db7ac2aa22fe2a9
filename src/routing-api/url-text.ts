import { goUrlFault } from "../core/go-url-fault.ts";

/** What Go writes as it was read; anything else would be escaped. */
const unescaped = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]%]*$/;
const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):(?!\/)/;
const upperCaseScheme = /^(?=[a-z0-9+.-]*[A-Z])[A-Za-z][A-Za-z0-9+.-]*:/;

/** Why a route or the URL of a route service cannot be stored (routing-api §6.2, rules 1 to 3); undefined: it can. */
export function urlTextFault(text: string): string | undefined {
  if (text.includes("?") || text.includes("#")) return "url cannot contain any of [?, #]";
  const fault = goUrlFault(text);
  if (fault !== undefined) return fault;
  if (upperCaseScheme.test(text)) return "url cannot contain invalid characters";
  // `example.com:80` is opaque to Go, which leaves such URLs as they are.
  if (scheme.test(text)) return undefined;
  return unescaped.test(text) ? undefined : "url cannot contain invalid characters";
}
