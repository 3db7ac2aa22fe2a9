import type { Exchange } from "../exchange.ts";
import { firstValue, type MessageHeaders, setLine } from "../message.ts";

const header = "X-Forwarded-Proto";

function setProto(headers: MessageHeaders, value: "http" | "https"): void {
  setLine(headers, header, value, value === "http" ? "X-Forwarded-Proto: http\r\n" : "X-Forwarded-Proto: https\r\n");
}

/** `X-Forwarded-Proto` (data-plane §1.4.15): what the client sent, if it may; else the truth about its connection. */
export function forwardedProto(exchange: Exchange): undefined {
  if (exchange.fromRouteService) return;
  const settings = exchange.router.settings;
  if (settings.force_forwarded_proto_https) {
    setProto(exchange.headers, "https");
    return;
  }
  if (!settings.sanitize_forwarded_proto) {
    const received = firstValue(exchange.headers, header);
    if (received !== null && received !== "") return;
  }
  setProto(exchange.headers, exchange.client.tls === undefined ? "http" : "https");
}
