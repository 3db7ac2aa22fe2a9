import { utf8Bytes } from "../observe/access-log-quote.ts";
import { hostWithoutPort } from "../pipeline/request-target.ts";
import type { Pool } from "../routing/pool.ts";
import { hostText, routeKeyPath } from "../routing/uri.ts";
import { parseUrl } from "./go-url.ts";

/**
 * Why a signed URL is not that of the route on which it came back (data-plane §8.4, §8.5), one character per byte;
 * undefined: it is.
 */
export function returnFault(
  registry: { lookup(host: string, path: string): Pool | undefined },
  forwardedUrl: string,
  pool: Pool,
): string | undefined {
  let host: string;
  let path: string;
  try {
    const url = parseUrl(forwardedUrl, true);
    host = hostWithoutPort(url.host);
    path = routeKeyPath(url.path);
  } catch (error) {
    return (error as Error).message;
  }
  const found = registry.lookup(host, path);
  if (found === undefined) return `original request URL ${host}${path} does not exist in the routing table`;
  if (found.host === pool.host && found.contextPath === pool.contextPath) return undefined;
  const route = utf8Bytes(hostText(pool.host) + pool.contextPath);
  return `route service forwarded URL ${route} does not match the original request URL ${host}${path}`;
}
