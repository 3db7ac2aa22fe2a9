import { Selection } from "./balancing/selection.ts";
import type { AbortCause, Client, ExchangeEnd, ExchangeObserver } from "./client.ts";
import type { Failure } from "./forwarding/failure.ts";
import { Attempt, type Outgoing, type Sending } from "./forwarding/transport.ts";
import {
  firstValue,
  type HeadersLike,
  type MessageHeaders,
  type RequestLike,
  type ResponseLike,
  type Tunnel,
} from "./message.ts";
import { accessLogJson } from "./observe/access-log-json.ts";
import { accessLogLine, type LoggedExchange } from "./observe/access-log-line.ts";
import type { LogData } from "./observe/log.ts";
import { type TraceIds, traceIdsOf } from "./observe/request-id.ts";
import type { RouterContext } from "./pipeline/parts.ts";
import { authorityOf, queryOf } from "./pipeline/request-target.ts";
import { rewriteResponse } from "./pipeline/response-rewrite.ts";
import type { SignatureFault } from "./route-service/route-services.ts";
import type { ServiceWay } from "./route-service/service.ts";
import type { Endpoint } from "./routing/endpoint.ts";
import { routeEndpointData } from "./routing/endpoint-lines.ts";
import type { Pool } from "./routing/pool.ts";
import { routeKeyPath } from "./routing/uri.ts";

/** Where the answer comes from: it decides whether one that was cut is logged (data-plane §9.1). */
type Origin = "none" | "router" | "backend" | "tunnel" | "panic";

/** What the access log reads from the fields sent to the backend (data-plane §9.2). */
const outboundLogged = ["Referer", "User-Agent", "X-Forwarded-Proto"] as const;

/** Selection of all exchanges that select no more. */
const nothingSelected = new Selection();

/**
 * One request on its way through the router: what the phases work on, what the transport sends, and what hears how it
 * ended. Created by `Router.fetch`; everything is a plain field, so that a request costs one object.
 */
export class Exchange implements Outgoing, ExchangeObserver, LoggedExchange {
  readonly router: RouterContext;
  readonly request: RequestLike;
  readonly client: Client;
  readonly method: string;
  /** As received; on the way to a route service, that of the service. */
  target: string;
  /** Host as it routes: of an absolute-form target, else the Host line; with port, maybe empty. */
  readonly host: string;
  /** Percent-encoded path as it routes (data-plane §1.4.11), maybe empty. */
  readonly encodedPath: string;
  readonly query: string | undefined;
  /** True when the Host line does not say what `host` says. */
  readonly authorityFromTarget: boolean;
  /** Milliseconds since the epoch, and on the monotonic clock. */
  readonly receivedAt: number;
  readonly startedAt: number;
  /** Header fields as received; the chain changes them in place. */
  readonly headers: MessageHeaders;

  requestId = "";
  /** `X-Vcap-Request-Id` of both legs, as it goes on the wire. */
  requestIdLine = "";
  /** Ids from B3 or W3C headers; undefined: those of the request id count. */
  traceIds: TraceIds | undefined = undefined;
  /** The raw target contains `;` (data-plane §1.4.8). */
  semicolon = false;

  pool: Pool | undefined = undefined;
  selection = new Selection();
  /** The endpoint chosen last. */
  endpoint: Endpoint | undefined = undefined;

  outbound: MessageHeaders;
  forwardedFor: string | undefined = undefined;
  upgrade = false;
  closes = false;
  /** A CONNECT that becomes a tunnel to its endpoint (`connect.enabled`). */
  tunnels = false;
  /** Signature and forwarded URL are there and valid, whichever route they are for (data-plane §1.4.13). */
  fromRouteService = false;
  /** Why the signature does not hold, where that is no business of the route (§8.2, row 1). */
  signatureFault: SignatureFault | undefined = undefined;
  /** The request came back from the route service of its own route (§8.4). */
  returned = false;
  /** The way to the route service that the request has to take; a text: why there is none. */
  serviceWay: ServiceWay | undefined = undefined;
  /** Value of the first Upgrade line, when the request asks for an upgrade. */
  upgradeProtocol = "";
  /** Data-plane §6.1, the first test. */
  websocket = false;
  timeoutMs = 0;
  attempt = new Attempt();
  sending: Sending | undefined = undefined;
  backendPhaseAt = -1;
  lastFailureAt = -1;
  failedAttempts = 0;
  successful: Attempt | undefined = undefined;
  abortCause: AbortCause | undefined = undefined;

  status = 0;
  bytesIn = 0;
  bytesOut = 0;
  endedAt = -1;
  #origin: Origin = "none";
  #answerHeaders: MessageHeaders | undefined = undefined;
  #answerLength = 0;
  #abortedBeforeAnswer = false;
  #end: ExchangeEnd | undefined = undefined;

  constructor(router: RouterContext, request: RequestLike, client: Client) {
    this.router = router;
    this.request = request;
    this.client = client;
    this.receivedAt = router.clock.now();
    this.startedAt = router.clock.monotonic();
    this.method = request.method;
    this.target = client.target;
    this.headers = request.headers;
    this.outbound = request.headers;
    const authority = authorityOf(this.method, this.target);
    this.authorityFromTarget = authority !== undefined;
    this.host = authority ?? this.headers.get("Host") ?? "";
    this.encodedPath = routeKeyPath(this.target);
    this.query = queryOf(this.target);
  }

  /** Attributes of a log line of this request: trace and span id stand in front (control-plane §6.1). */
  logData(data: LogData): LogData {
    const ids = this.traceIds ?? traceIdsOf(this.requestId);
    return { "trace-id": ids.traceId, "span-id": ids.spanId, ...data };
  }

  /** Passes an interim response on, rewritten as configured (data-plane §5.7). */
  interim(status: number, headers: HeadersLike): void {
    if (this.client.inform === undefined) return;
    rewriteResponse(headers, this.router.compiled);
    this.client.inform(status, headers);
  }

  bodyFailed(failure: Failure): void {
    const { endpoint, serviceWay, router } = this;
    if (failure.source !== "backend" || endpoint === undefined) return;
    if (failure.kind === "deadline") {
      this.logTimeout(failure, endpoint);
      return;
    }
    // Ours: nothing else tells that an app cuts its answers, unless `access_log.log_aborted` is set.
    router.logger.warn("backend-response-cut", {
      ...(serviceWay === undefined
        ? { "route-endpoint": routeEndpointData(endpoint) }
        : { "route-service-endpoint": serviceWay.service.shown }),
      error: failure.message,
      vcap_request_id: this.requestId,
    });
  }

  /** The line of an expired `endpoint_timeout` (data-plane §4.7); a route service is no endpoint. */
  logTimeout(failure: Failure, endpoint: Endpoint): void {
    const named = this.serviceWay === undefined ? { "route-endpoint": routeEndpointData(endpoint) } : {};
    this.router.logger.error("backend-request-timeout", {
      ...named,
      error: failure.message,
      vcap_request_id: this.requestId,
    });
  }

  aborted(cause: AbortCause): void {
    if (this.abortCause !== undefined || this.#end !== undefined) return;
    this.abortCause = cause;
    if (this.#origin === "none") this.#abortedBeforeAnswer = true;
    this.sending?.abort(cause);
  }

  finished(bytesIn: number, bytesOut: number, end: ExchangeEnd): void {
    this.bytesIn = bytesIn;
    this.bytesOut = bytesOut;
    this.#end = end;
    if (this.#origin !== "none") this.#close();
    else if (end !== "complete") this.#abortedBeforeAnswer = true;
  }

  /** Takes note of an answer of the router's own. */
  answeredByRouter(response: ResponseLike): ResponseLike {
    this.status = response.raw === undefined ? response.status : 0;
    this.#answerLength = response.content?.length ?? 0;
    return this.#answered("router", response);
  }

  /** Takes note of a backend's response. */
  answeredByBackend<Answer extends ResponseLike | Tunnel>(answer: Answer, tunnel: boolean): Answer {
    this.status = answer.status;
    return this.#answered(tunnel ? "tunnel" : "backend", answer);
  }

  /** Takes note of an answer to a panic: there is no metric, and no access log line as a rule (data-plane §1.4.1). */
  answeredAfterPanic(response: ResponseLike): ResponseLike {
    this.status = response.status;
    return this.#answered("panic", response);
  }

  /** The backend's answer began and did not come to its end. */
  get #cut(): boolean {
    return this.#origin === "backend" && this.#end !== "complete" && !this.#abortedBeforeAnswer;
  }

  /** `X-Cf-RouterError` of the answer, for the log (data-plane §1.4.8, §9.2, §12). */
  get routerError(): string {
    if (this.#end === "client-gone" && this.#cut) return "client-conn-closed-during-response-streaming";
    const answered = this.#answerHeaders === undefined ? null : firstValue(this.#answerHeaders, "X-Cf-Routererror");
    return answered !== null ? answered : this.semicolon ? "deprecated-semicolon-params" : "";
  }

  #answered<Answer extends ResponseLike | Tunnel>(origin: Origin, answer: Answer): Answer {
    this.#origin = origin;
    if (origin === "tunnel") this.#becomeTunnel();
    if (origin !== "tunnel" || answer.headers.has("X-Cf-Routererror")) this.#answerHeaders = answer.headers;
    if (this.#end !== undefined) this.#close();
    return answer;
  }

  /** A tunnel, which may stay for days, does not hold what its line will not tell. */
  #becomeTunnel(): void {
    this.selection = nothingSelected;
    this.upgradeProtocol = "";
    const { headers, outbound } = this;
    // They differ only where the client had a field removed by naming it in Connection.
    if (outboundLogged.every((name) => firstValue(headers, name) === firstValue(outbound, name))) {
      this.outbound = headers;
    }
  }

  /** The exchange is over and its answer known: metrics and the access log line. */
  #close(): void {
    if (this.#origin === "panic" || this.#cut) {
      if (this.router.settings.access_log.log_aborted) this.#log();
      return;
    }
    // An answer of the router's own counts whole, also when HEAD or a client that left suppressed it (§1.4.3).
    if (this.#origin === "router") this.bytesOut = this.#answerLength;
    const { metrics, settings, clock } = this.router;
    this.endedAt = clock.monotonic();
    this.router.events?.ended?.(this);
    if (this.endpoint !== undefined) {
      metrics.countResponse(this.status);
      if (metrics.samples !== undefined && this.backendPhaseAt >= 0) {
        const component = this.endpoint.component;
        metrics.samples.answered(component, this.status, this.endedAt - this.startedAt, this.endedAt);
      }
      if (settings.per_request_metrics_reporting && this.backendPhaseAt >= 0) {
        metrics.observeLatency(this.endpoint.component, this.endedAt - this.startedAt);
        metrics.observeGorouterTime(this.backendPhaseAt - this.startedAt);
      }
    }
    if (settings.per_app_prometheus_http_metrics_reporting) {
      const source = this.endpoint?.tags?.get("source_id") ?? "gorouter";
      metrics.observeHttpLatency(source, (this.endedAt - this.startedAt) / 1000);
    }
    this.#log();
  }

  #log(): void {
    const { compiled, accessLog, logCopies, clock } = this.router;
    if (this.endedAt < 0) this.endedAt = clock.monotonic();
    let line: string | undefined;
    if (accessLog !== undefined) {
      line = compiled.jsonAccessLog ? accessLogJson(this, compiled) : accessLogLine(this, compiled);
      accessLog.write(line);
    }
    logCopies?.copy(this, compiled, line);
  }
}
