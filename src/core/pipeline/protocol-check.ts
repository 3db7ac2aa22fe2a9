import type { Exchange } from "../exchange.ts";
import { OwnResponse } from "../forwarding/own-response.ts";
import type { ResponseLike } from "../message.ts";

/** Refuses protocols that are none of ours by a bare answer and the end of the connection (data-plane §1.4.11). */
export function protocolCheck(exchange: Exchange): ResponseLike | undefined {
  const protocol = exchange.client.protocol;
  if (protocol === "HTTP/1.1" || protocol === "HTTP/1.0") return undefined;
  if (protocol === "HTTP/2.0" && exchange.router.settings.enable_http2) return undefined;
  return new OwnResponse(400, exchange.router.newHeaders(), "", "HTTP/1.0 400 Bad Request\r\n\r\n");
}
