import type { Exchange } from "../exchange.ts";
import { errorPage } from "../forwarding/error-page.ts";
import type { MessageHeaders, ResponseLike } from "../message.ts";
import { hostWithoutPort } from "./request-target.ts";

function announcesBody(headers: MessageHeaders): boolean {
  return (headers.get("Content-Length") ?? "0") !== "0" || headers.has("Transfer-Encoding");
}

/**
 * Marks a CONNECT to one of `connect.routes` as a tunnel to the route's endpoint (RFC 9110 §9.3.6); runs with
 * `connect.enabled`, behind the look-up. Every other CONNECT is proxied like any request (data-plane §6.5).
 */
export function connectTunnel(exchange: Exchange): ResponseLike | undefined {
  const { router, client, headers } = exchange;
  if (exchange.method !== "CONNECT" || !client.takesTunnel || router.transport.open === undefined) return undefined;
  // An upgrade is another way to a tunnel, and the only one of a native listener.
  if (headers.has("Upgrade")) return undefined;
  if (!router.compiled.connectRoutes.matches(hostWithoutPort(exchange.host))) return undefined;
  if (announcesBody(headers)) {
    // What stands behind the head is the tunnel's: a body has no place.
    return errorPage(exchange, { status: 400 }, "CONNECT request has a body");
  }
  exchange.tunnels = true;
  return undefined;
}
