import type { Exchange } from "../exchange.ts";

const names = ["X-CF-ApplicationID", "X-CF-InstanceIndex", "X-CF-InstanceID"];

/** Takes out identity headers that a client sent: only the router says which instance is meant (data-plane §1.4.7). */
export function identityHeaders(exchange: Exchange): undefined {
  for (const name of names) if (exchange.headers.has(name)) exchange.headers.delete(name);
}
