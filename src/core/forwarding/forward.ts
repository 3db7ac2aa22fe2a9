import { selectEndpoint } from "../balancing/select.ts";
import type { Selection } from "../balancing/selection.ts";
import type { Exchange } from "../exchange.ts";
import { isTunnel, type ResponseLike, type Tunnel } from "../message.ts";
import { failedAttemptFields } from "../observe/attempt-log.ts";
import { Level } from "../observe/log.ts";
import { connectionLimit } from "../pipeline/lookup.ts";
import { answerPanic } from "../pipeline/panic-check.ts";
import { rewriteResponse } from "../pipeline/response-rewrite.ts";
import type { Endpoint } from "../routing/endpoint.ts";
import { routeEndpointData } from "../routing/endpoint-lines.ts";
import type { Pool } from "../routing/pool.ts";
import { beginRoundTrip, endRoundTrip } from "../routing/pool-state.ts";
import { endpointFailure } from "./endpoint-failure.ts";
import { clientGone, Failure } from "./failure.ts";
import { readHashKey } from "./hash-key.ts";
import { identify, makeOutbound } from "./outbound-headers.ts";
import { addRouterHeaders, finishResponseHeaders } from "./response-headers.ts";
import { judge } from "./retry.ts";
import { reasonPhrase } from "./status-text.ts";
import { readSession } from "./sticky-session.ts";
import { Attempt, type BackendResponse } from "./transport.ts";
import { readUpgrade, switchesAsAsked } from "./upgrade.ts";

/** Other workers may be faster with the last place at an endpoint so many times before it counts as full for good. */
const lostPlaces = 16;

const noEndpoints = (): Failure => new Failure("no-endpoints", "router", "never", "No endpoints available");
/** A protocol cannot be switched to. */
export const refusedSwitch = (message: string): Failure =>
  new Failure("switching-protocols", "router", "never", message);

/** What a transport rejected with; anything but a `Failure` is a defect and goes on as it is. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  throw error;
}

/** Writes the lines about a failed attempt and tells the registry (data-plane §4.1.5, §4.5). True: try again. */
function noteFailure(exchange: Exchange, pool: Pool, endpoint: Endpoint, failure: Failure, endpoints: number): boolean {
  const { router, attempt, requestId } = exchange;
  const tooMany = failure.kind === "too-many-response-headers";
  const verdict = judge(exchange, failure);
  if (!tooMany) {
    exchange.failedAttempts += 1;
    exchange.lastFailureAt = router.clock.monotonic();
  }
  if (failure.kind === "deadline") exchange.logTimeout(failure, endpoint);
  const number = exchange.selection.attempt;
  const { text: error, retriable } = verdict;
  router.logger.error(
    tooMany ? "backend-too-many-response-headers" : "backend-endpoint-failed",
    failedAttemptFields({ endpoint, number, requestId, endpointsAtStart: endpoints, attempt, error, retriable }),
  );
  router.registry.endpointFailed(pool, endpoint, failure.kind);
  return retriable;
}

/** The backend answered, whatever it was (data-plane §4.3, §6.4). */
function noteAnswer(exchange: Exchange): void {
  exchange.successful = exchange.attempt;
  if (exchange.websocket) exchange.router.metrics.websocketUpgrades += 1;
}

/** A 101 of which the transport could make nothing is an answer all the same, no failed attempt (§6.3). True: it was one. */
export function noteRefusedSwitch(exchange: Exchange, failure: Failure): boolean {
  if (failure.kind !== "switching-protocols" || failure.source !== "backend") return false;
  noteAnswer(exchange);
  return true;
}

/** Makes a backend's answer the client's: tunnels are checked against what was asked for (data-plane §5.5, §6.2). */
export function passOn(
  exchange: Exchange,
  endpoint: Endpoint,
  answer: BackendResponse | Tunnel,
): ResponseLike | Tunnel {
  noteAnswer(exchange);
  if (isTunnel(answer)) {
    const asked = exchange.tunnels || (exchange.client.takesTunnel && switchesAsAsked(exchange, answer.headers));
    if (!asked) {
      answer.tunnel.destroy();
      return fail(exchange, refusedSwitch("the backend switched to a protocol that was not asked for"));
    }
    addRouterHeaders(exchange, endpoint, answer.headers);
    return exchange.answeredByBackend(answer, true);
  }
  answer.statusText = reasonPhrase(answer.status);
  finishResponseHeaders(exchange, endpoint, answer.headers);
  return exchange.answeredByBackend(answer, false);
}

/** The answer to a request that no attempt served. */
export function fail(exchange: Exchange, failure: Failure): ResponseLike {
  let final = failure;
  if (exchange.abortCause !== undefined || failure.kind === "client-gone") {
    exchange.router.logger.error("gateway-error-and-original-request-context-cancelled", { error: failure.message });
    final = clientGone();
  }
  const response = endpointFailure(exchange, final);
  rewriteResponse(response.headers, exchange.router.compiled);
  return exchange.answeredByRouter(response);
}

/** Nothing could be selected: the error of an earlier attempt says more, if there was one (data-plane §4.1.4). */
function nothingSelected(exchange: Exchange, pool: Pool, last: Failure | undefined): ResponseLike {
  const failure = last ?? noEndpoints();
  exchange.router.logger.error("select-endpoint-failed", { host: pool.host, error: failure.message });
  return fail(exchange, failure);
}

/** No place was left when the request was to be sent, though there was one when its route was looked up. */
function nothingLeft(exchange: Exchange): ResponseLike {
  const response = connectionLimit(exchange);
  rewriteResponse(response.headers, exchange.router.compiled);
  return exchange.answeredByRouter(response);
}

/** Nothing could be selected because other workers had filled the pool after the route was looked up; it may have room again. */
function wasFilled({ settings, size }: Pool, { mustStick }: Selection): boolean {
  return settings.catchUp !== undefined && settings.maxConns > 0 && size > 0 && !mustStick;
}

function beginAttempt(exchange: Exchange, endpoint: Endpoint): void {
  const { router } = exchange;
  exchange.endpoint = endpoint;
  const { endpointTimeout, http2EndpointTimeout } = router.compiled;
  exchange.timeoutMs = exchange.websocket ? 0 : endpoint.protocol === "http2" ? http2EndpointTimeout : endpointTimeout;
  if (exchange.selection.attempt > 1) exchange.attempt = new Attempt();
  identify(exchange, endpoint);
  if (router.events?.attempted !== undefined) exchange.attempt.sentAt = router.clock.now();
  router.metrics.countAttempt(endpoint.component);
  router.metrics.samples?.attempted(endpoint, router.clock.monotonic());
  if (router.activeApps !== undefined) router.activeApps.mark(endpoint.applicationId, exchange.backendPhaseAt);
  if (router.logger.level <= Level.debug) {
    const data = { "route-endpoint": routeEndpointData(endpoint), attempt: exchange.selection.attempt };
    router.logger.debug("backend", data);
  }
}

/** What comes before the first attempt; an answer when the request cannot be forwarded at all. */
function prepare(exchange: Exchange, pool: Pool): ResponseLike | undefined {
  exchange.backendPhaseAt = exchange.router.clock.monotonic();
  if (!readUpgrade(exchange)) return fail(exchange, refusedSwitch("the protocol to upgrade to is not printable"));
  makeOutbound(exchange);
  readSession(exchange);
  if (pool.algorithm === "hash") readHashKey(exchange, pool);
  const { logger } = exchange.router;
  if (logger.level <= Level.debug) logger.debug(`endpoint-iterator-with-${pool.algorithm}-lb-algo`);
  return undefined;
}

/**
 * Sends the request to an endpoint of its pool, to another when that fails in a way that allows it, and makes the
 * answer (data-plane §4). Never rejects.
 */
export async function forward(exchange: Exchange): Promise<ResponseLike | Tunnel> {
  try {
    const { router, selection, pool } = exchange;
    if (pool === undefined) throw new Error("cannot forward a request that was not looked up");
    const refusal = prepare(exchange, pool);
    if (refusal !== undefined) return refusal;
    const endpoints = pool.size;
    let last: Failure | undefined;
    let lost = 0;
    while (selection.attempt < router.compiled.maxAttempts) {
      const now = last === undefined ? exchange.backendPhaseAt : router.clock.monotonic();
      const endpoint = selectEndpoint(pool, selection, now);
      if (endpoint === undefined) {
        if (last !== undefined || !wasFilled(pool, selection)) return nothingSelected(exchange, pool, last);
        if (pool.overloaded || ++lost === lostPlaces) return nothingLeft(exchange);
        selection.takeBack();
        continue;
      }
      if (last !== undefined && selection.exhausted(pool)) return fail(exchange, last);
      if (!beginRoundTrip(endpoint, pool.settings.maxConns)) {
        if (++lost === lostPlaces) return nothingLeft(exchange);
        // What this worker knew of one endpoint did not hold, nor may what it knows of the others.
        if (lost === 1) pool.look();
        selection.takeBack();
        continue;
      }
      let answer: BackendResponse | Tunnel | undefined;
      try {
        beginAttempt(exchange, endpoint);
        // It may have left while others of its requests were served, or while a signature was checked.
        if (exchange.abortCause !== undefined) throw clientGone();
        answer = await (exchange.tunnels
          ? router.transport.open!(endpoint, exchange)
          : router.transport.send(endpoint, exchange));
      } catch (error) {
        last = failureOf(error);
      } finally {
        endRoundTrip(endpoint);
      }
      router.events?.attempted?.(exchange, exchange.attempt.sentAt, answer);
      if (answer !== undefined) return passOn(exchange, endpoint, answer);
      if (last === undefined || noteRefusedSwitch(exchange, last)) break;
      if (!noteFailure(exchange, pool, endpoint, last, endpoints)) break;
    }
    return fail(exchange, last ?? noEndpoints());
  } catch (error) {
    return answerPanic(exchange, error);
  }
}
