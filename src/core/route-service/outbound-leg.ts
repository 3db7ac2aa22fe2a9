import type { Exchange } from "../exchange.ts";
import { clientGone, type Failure } from "../forwarding/failure.ts";
import { fail, failureOf, noteRefusedSwitch, passOn, refusedSwitch } from "../forwarding/forward.ts";
import { makeOutbound } from "../forwarding/outbound-headers.ts";
import { judge } from "../forwarding/retry.ts";
import { Attempt, type BackendResponse } from "../forwarding/transport.ts";
import { readUpgrade } from "../forwarding/upgrade.ts";
import { type ResponseLike, setHost, type Tunnel } from "../message.ts";
import { attemptFields } from "../observe/attempt-log.ts";
import { Level } from "../observe/log.ts";
import { answerPanic } from "../pipeline/panic-check.ts";
import { hostWithoutPort } from "../pipeline/request-target.ts";
import type { Service, ServiceWay } from "./service.ts";

/** The URL that the client asked for, as the service is told: the client's own scheme does not matter (data-plane §8.1). */
function forwardedUrl({ router, host, target }: Exchange): string {
  const scheme = router.settings.route_services_recommend_https ? "https" : "http";
  return `${scheme}://${hostWithoutPort(host)}${target}`;
}

/** Signs the request and makes it one to the service (§8.3); the signed URL stays the client's. */
async function address(exchange: Exchange, service: Service): Promise<void> {
  const url = forwardedUrl(exchange);
  const { signature, metadata } = await exchange.router.services.sign(url);
  const { headers } = exchange;
  headers.set("X-Cf-Forwarded-Url", url);
  headers.set("X-Cf-Proxy-Signature", signature);
  headers.set("X-Cf-Proxy-Metadata", metadata);
  makeOutbound(exchange);
  const { outbound } = exchange;
  // A client that names them in Connection does not get around the service, but would confuse it.
  if (!outbound.has("X-Cf-Forwarded-Url")) outbound.append("X-Cf-Forwarded-Url", url);
  if (!outbound.has("X-Cf-Proxy-Signature")) outbound.append("X-Cf-Proxy-Signature", signature);
  if (!outbound.has("X-Cf-Proxy-Metadata")) outbound.append("X-Cf-Proxy-Metadata", metadata);
  setHost(outbound, service.host);
  exchange.target = service.target;
}

/** Writes the lines about a failed attempt (§4.6). True: try again. */
function noteFailure(exchange: Exchange, service: Service, failure: Failure): boolean {
  const { logger, clock, services } = exchange.router;
  const tooMany = failure.kind === "too-many-response-headers";
  const { text: error, retriable } = judge(exchange, failure);
  if (!tooMany) {
    exchange.failedAttempts += 1;
    exchange.lastFailureAt = clock.monotonic();
  }
  if (failure.kind === "deadline") exchange.logTimeout(failure, services.noInstance);
  if (failure.kind === "egress-blocked") {
    const data = { "route-service-endpoint": service.shown, error: (failure.cause as Error).message };
    logger.error("route-service-egress-blocked", data);
  }
  logger.error(tooMany ? "route-service-too-many-response-headers" : "route-service-connection-failed", {
    "route-service-endpoint": service.shown,
    ...attemptFields(exchange.attempt, exchange.selection.attempt, exchange.requestId, exchange.pool?.size ?? 0),
    error,
    retriable,
  });
  return retriable;
}

/** The service's answer as the client's (§8.3). */
function answerOf(exchange: Exchange, service: Service, answer: BackendResponse | Tunnel): ResponseLike | Tunnel {
  const { status } = answer;
  if (status !== 101 && (status < 200 || status > 299)) {
    const data = { "route-service-endpoint": service.shown, "status-code": status };
    exchange.router.logger.info("route-service-response", data);
  }
  return passOn(exchange, exchange.router.services.noInstance, answer);
}

async function attempts(exchange: Exchange, way: ServiceWay): Promise<ResponseLike | Tunnel> {
  const { router, selection } = exchange;
  const { service, transport, endpoint } = way;
  let last: Failure | undefined;
  while (selection.attempt < router.compiled.maxServiceAttempts) {
    selection.attempt += 1;
    if (selection.attempt > 1) exchange.attempt = new Attempt();
    if (router.events?.attempted !== undefined) exchange.attempt.sentAt = router.clock.now();
    let answer: BackendResponse | Tunnel | undefined;
    try {
      answer = await transport.send(endpoint, exchange);
    } catch (error) {
      last = failureOf(error);
    }
    router.events?.attempted?.(exchange, exchange.attempt.sentAt, answer);
    if (answer !== undefined) return answerOf(exchange, service, answer);
    if (last === undefined || noteRefusedSwitch(exchange, last) || !noteFailure(exchange, service, last)) break;
  }
  return fail(exchange, last!);
}

/**
 * Sends the request to the route service of its route and makes the service's answer the client's (data-plane §8.3).
 * Never rejects.
 */
export async function forwardToService(exchange: Exchange, way: ServiceWay): Promise<ResponseLike | Tunnel> {
  try {
    const { router } = exchange;
    exchange.backendPhaseAt = router.clock.monotonic();
    exchange.endpoint = router.services.noInstance;
    if (!readUpgrade(exchange)) return fail(exchange, refusedSwitch("the protocol to upgrade to is not printable"));
    exchange.timeoutMs = exchange.websocket ? 0 : router.compiled.serviceTimeout;
    await address(exchange, way.service);
    if (exchange.abortCause !== undefined) return fail(exchange, clientGone());
    if (router.logger.level <= Level.debug) {
      router.logger.debug("route-service", { "route-service-endpoint": way.service.shown });
    }
    return await attempts(exchange, way);
  } catch (error) {
    return answerPanic(exchange, error);
  }
}
