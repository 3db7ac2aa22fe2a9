import type { Exchange } from "../exchange.ts";
import { forkHeaders } from "../message.ts";
import { utf8Bytes } from "../observe/access-log-quote.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import { hasToken, removeHopByHop } from "./connection-tokens.ts";

/**
 * Makes the request's header fields for the backend (data-plane §5.3), once for all attempts: a copy of the received
 * ones, hop-by-hop fields removed, the router's own added.
 */
export function makeOutbound(exchange: Exchange): void {
  const { client, requestId } = exchange;
  const headers = forkHeaders(exchange.headers);
  const te = headers.get("Te");
  const hadStart = headers.has("X-Request-Start");
  removeHopByHop(headers);
  if (te !== null && hasToken(te, "trailers")) headers.append("Te", "trailers");
  if (exchange.upgrade) {
    headers.append("Connection", "Upgrade");
    headers.append("Upgrade", exchange.upgradeProtocol);
  }
  if (exchange.authorityFromTarget) headers.set("Host", exchange.host);
  if (headers.has("X-CF-App-Instance")) headers.delete("X-CF-App-Instance");
  const received = headers.get("X-Forwarded-For");
  if (received !== null) headers.delete("X-Forwarded-For");
  exchange.forwardedFor = received === null ? client.remoteAddress : `${received}, ${client.remoteAddress}`;
  headers.append("X-Forwarded-For", exchange.forwardedFor);
  // One that the client had removed by naming it in Connection stays away.
  if (!hadStart) headers.append("X-Request-Start", String(Math.trunc(exchange.receivedAt)));
  // Named in Connection, the request id would be lost; it is the router's own and stays the same on both legs.
  if (!headers.has("X-Vcap-Request-Id")) headers.append("X-Vcap-Request-Id", requestId);
  exchange.outbound = headers;
}

/** Says which instance the attempt is for (data-plane §5.3); replaces what an earlier attempt said. */
export function identify(exchange: Exchange, endpoint: Endpoint): void {
  const headers = exchange.outbound;
  const instance = endpoint.privateInstanceId === "" ? endpoint.address : endpoint.privateInstanceId;
  if (exchange.selection.attempt === 1) {
    // The chain has removed what a client said: there is nothing to look for.
    headers.append("X-Cf-Applicationid", utf8Bytes(endpoint.applicationId));
    headers.append("X-Cf-Instanceid", utf8Bytes(instance));
    headers.append("X-Cf-Instanceindex", utf8Bytes(endpoint.privateInstanceIndex));
    return;
  }
  headers.set("X-Cf-Applicationid", utf8Bytes(endpoint.applicationId));
  headers.set("X-Cf-Instanceid", utf8Bytes(instance));
  headers.set("X-Cf-Instanceindex", utf8Bytes(endpoint.privateInstanceIndex));
}
