import type { Exchange } from "../exchange.ts";
import { firstValue } from "../message.ts";

const header = "X-Forwarded-Proto";

/** `X-Forwarded-Proto` (data-plane §1.4.15): what the client sent, if it may; else the truth about its connection. */
export function forwardedProto(exchange: Exchange): undefined {
  if (exchange.fromRouteService) return;
  const settings = exchange.router.settings;
  if (settings.force_forwarded_proto_https) {
    exchange.headers.set(header, "https");
    return;
  }
  if (!settings.sanitize_forwarded_proto) {
    const received = firstValue(exchange.headers, header);
    if (received !== null && received !== "") return;
  }
  exchange.headers.set(header, exchange.client.tls === undefined ? "http" : "https");
}
