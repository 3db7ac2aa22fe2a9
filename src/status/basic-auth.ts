import type { MiddlewareHandler } from "hono";
import { pathOf } from "./mux.ts";

/** `status.user` and `status.pass`. */
export interface Credentials {
  readonly user: string;
  readonly pass: string;
}

const refusal = "401 Unauthorized\n";
/** These paths never ask for credentials (on a listener without them they are 404). */
const exempt: ReadonlySet<string> = new Set(["/health", "/healthz"]);
const padded = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes compared without giving away, by the time it takes, how many of them were right. */
function equal(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ (b.charCodeAt(i) || 0);
  return difference === 0;
}

function latin1(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

/**
 * Whether an `Authorization` value carries the credentials, by upstream's grammar (control-plane §4.3): exactly
 * `Basic`, one space, padded base64 of `user:pass` with one colon in all.
 */
export function isAuthorized(value: string | null, credentials: Credentials): boolean {
  const parts = value?.split(" ") ?? [];
  if (parts.length !== 2 || parts[0] !== "Basic" || !padded.test(parts[1]!)) return false;
  const pair = atob(parts[1]!).split(":");
  if (pair.length !== 2) return false;
  const user = equal(pair[0]!, latin1(credentials.user));
  return equal(pair[1]!, latin1(credentials.pass)) && user;
}

/** Demands basic authentication of the whole app. */
export function basicAuth(credentials: Credentials): MiddlewareHandler {
  return async (context, next) => {
    const { headers, url } = context.req.raw;
    if (exempt.has(pathOf(url)) || isAuthorized(headers.get("Authorization"), credentials)) return await next();
    return new Response(refusal, {
      status: 401,
      headers: {
        "Www-Authenticate": "Basic",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": String(refusal.length),
      },
    });
  };
}
