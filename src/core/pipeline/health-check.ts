import type { Exchange } from "../exchange.ts";
import { OwnResponse } from "../forwarding/own-response.ts";
import { firstValue, type ResponseLike } from "../message.ts";

/** Answers load balancers that ask with the configured `User-Agent`, on any host and path (data-plane §1.4.10). */
export function healthCheck(exchange: Exchange): ResponseLike | undefined {
  const { router } = exchange;
  if ((firstValue(exchange.headers, "User-Agent") ?? "") !== router.settings.healthcheck_user_agent) return undefined;
  const headers = router.newHeaders();
  headers.append("Cache-Control", "private, max-age=0");
  headers.append("Expires", "0");
  return router.health.state === "healthy" ? new OwnResponse(200, headers, "ok\n") : new OwnResponse(503, headers, "");
}
