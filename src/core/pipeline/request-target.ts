const slash = 0x2f;

/**
 * Authority of a request target in absolute or authority form (RFC 9112 §3.2), without user information; undefined
 * for the other forms, where the Host line decides (data-plane §1.3). The authority form is CONNECT's alone.
 */
export function authorityOf(method: string, target: string): string | undefined {
  if (target.charCodeAt(0) === slash) return undefined;
  if (method === "CONNECT") return target;
  const scheme = target.indexOf("://");
  if (scheme <= 0) return undefined;
  const start = scheme + 3;
  let end = start;
  while (end < target.length && target[end] !== "/" && target[end] !== "?") end += 1;
  const authority = target.slice(start, end);
  return authority.slice(authority.lastIndexOf("@") + 1);
}

/** Text behind the first `?` of a request target; undefined when there is none. */
export function queryOf(target: string): string | undefined {
  const mark = target.indexOf("?");
  return mark < 0 ? undefined : target.slice(mark + 1);
}

/** Host without port: cut at the first `:`, whatever stands around it (data-plane §1.4.11). */
export function hostWithoutPort(host: string): string {
  const colon = host.indexOf(":");
  return colon < 0 ? host : host.slice(0, colon);
}

/**
 * A peer's address as it compares with `hostWithoutPort` of a Host: cut in the same way, so of IPv6 only the bracket and
 * the first group are left (data-plane §1.4.11).
 */
export function peerWithoutPort(address: string): string {
  const colon = address.indexOf(":");
  return colon < 0 ? address : `[${address.slice(0, colon)}`;
}
