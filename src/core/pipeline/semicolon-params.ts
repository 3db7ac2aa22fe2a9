import type { Exchange } from "../exchange.ts";

/** Warns of `;` anywhere in the target; the access log shows it too (data-plane §1.4.8). Nothing is refused. */
export function semicolonParams(exchange: Exchange): undefined {
  if (!exchange.target.includes(";")) return;
  exchange.semicolon = true;
  exchange.router.logger.warn("deprecated-semicolon-params", exchange.logData({ vcap_request_id: exchange.requestId }));
}
