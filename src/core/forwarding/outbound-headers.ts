import type { Client } from "../client.ts";
import { clientTexts } from "../client-texts.ts";
import type { Exchange } from "../exchange.ts";
import { forkHeaders, type MessageHeaders, setHost, setLine } from "../message.ts";
import type { Endpoint, EndpointHeaders } from "../routing/endpoint.ts";
import { hasToken, removeHopByHop } from "./connection-tokens.ts";
import { endpointHeaders } from "./endpoint-headers.ts";

/**
 * Makes the request's header fields for the backend (data-plane §5.3), once for all attempts: a copy of the received
 * ones, hop-by-hop fields removed, the router's own added.
 */
export function makeOutbound(exchange: Exchange): void {
  const { client } = exchange;
  const headers = forkHeaders(exchange.headers);
  const te = headers.get("Te");
  const hadStart = headers.has("X-Request-Start");
  removeHopByHop(headers);
  if (te !== null && hasToken(te, "trailers")) headers.append("Te", "trailers");
  if (exchange.request.expectsContinue === true) closeBehind(exchange);
  if (exchange.closes) headers.append("Connection", "close");
  else if (exchange.upgrade) headers.append("Connection", "Upgrade");
  if (exchange.upgrade) headers.append("Upgrade", exchange.upgradeProtocol);
  if (exchange.closes) exchange.upgrade = false;
  if (exchange.authorityFromTarget) setHost(headers, exchange.host);
  if (headers.has("X-CF-App-Instance")) headers.delete("X-CF-App-Instance");
  addForwardedFor(exchange, headers, client);
  // One that the client had removed by naming it in Connection stays away.
  if (!hadStart) addRequestStart(headers, exchange.receivedAt);
  // Named in Connection, the request id would be lost; it is the router's own and stays the same on both legs.
  if (!headers.has("X-Vcap-Request-Id")) {
    setLine(headers, "X-Vcap-Request-Id", exchange.requestId, exchange.requestIdLine);
  }
  exchange.outbound = headers;
}

/**
 * A request with `Expect: 100-continue` ends its connection to the backend, and cannot be upgraded, unless
 * `keep_alive_100_continue_requests` (data-plane §5.7).
 */
function closeBehind(exchange: Exchange): void {
  exchange.closes = !exchange.router.settings.keep_alive_100_continue_requests;
}

/** The client's address, behind those that the request brought. */
function addForwardedFor(exchange: Exchange, headers: MessageHeaders, client: Client): void {
  const received = headers.get("X-Forwarded-For");
  if (received === null) {
    exchange.forwardedFor = client.remoteAddress;
    const { forwardedForLine } = clientTexts(client);
    if (forwardedForLine !== "") {
      setLine(headers, "X-Forwarded-For", client.remoteAddress, forwardedForLine);
      return;
    }
  } else {
    headers.delete("X-Forwarded-For");
    exchange.forwardedFor = `${received}, ${client.remoteAddress}`;
  }
  headers.append("X-Forwarded-For", exchange.forwardedFor);
}

let lastMillisecond = Number.NaN;
let lastStart = "";
let lastStartLine = "";

/** A time in whole milliseconds. Under load many requests have the same one: the last text is kept. */
function addRequestStart(headers: MessageHeaders, time: number): void {
  const millisecond = Math.trunc(time);
  if (millisecond !== lastMillisecond) {
    lastMillisecond = millisecond;
    lastStart = String(millisecond);
    lastStartLine = ["X-Request-Start: ", lastStart, "\r\n"].join("");
  }
  setLine(headers, "X-Request-Start", lastStart, lastStartLine);
}

/** Says which instance the attempt is for (data-plane §5.3); replaces what an earlier attempt said. */
export function identify(exchange: Exchange, endpoint: Endpoint): void {
  const headers = exchange.outbound;
  const said = endpointHeaders(endpoint);
  if (headers.appendAll !== undefined && exchange.selection.attempt === 1) {
    // The chain has removed what a client said: there is nothing to replace.
    said.identity ??= setIdentity(exchange.router.newHeaders(), said);
    headers.appendAll(said.identity);
  } else setIdentity(headers, said);
}

function setIdentity(headers: MessageHeaders, { app, instance, index }: EndpointHeaders): MessageHeaders {
  headers.set("X-Cf-Applicationid", app);
  headers.set("X-Cf-Instanceid", instance);
  headers.set("X-Cf-Instanceindex", index);
  return headers;
}
