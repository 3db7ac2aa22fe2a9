import type { AbortCause } from "../core/client.ts";
import { clientGone, Failure } from "../core/forwarding/failure.ts";
import type { BackendResponse, Outgoing, Sending } from "../core/forwarding/transport.ts";
import type { HeadersLike, Tunnel } from "../core/message.ts";
import type { Endpoint } from "../core/routing/endpoint.ts";
import { type BodySource, sourceOf } from "./body.ts";
import type { ResponseBody } from "./client-body.ts";
import { bodyTakenFailure, deadlineFailure, interimFailure } from "./client-failures.ts";
import { ExchangeDeadline, type Timed } from "./exchange-deadline.ts";
import { type RequestOwner, RequestWriter } from "./request-writer.ts";
import { StreamSource } from "./stream-body.ts";
import type { TimerWheel } from "./timer-wheel.ts";

/** Interim responses that one answer may have (data-plane §5.7). */
const maxInterim = 5;

/** How often a peer may say of a request that it did not look at it, and another connection gets it. */
const maxRefusals = 6;

/** The connection that carries an exchange. */
export interface Carrier {
  /** Closes the connection; it tells the exchange nothing more. */
  drop(): void;
}

/**
 * Makes a promise without a closure of its own, at two thirds of the cost of `Promise.withResolvers` on Bun: `capture`
 * is called before `new Promise` returns.
 */
const settler = {
  resolve: (_result: BackendResponse | Tunnel): void => {},
  reject: (_failure: Failure): void => {},
  capture(resolve: (result: BackendResponse | Tunnel) => void, reject: (failure: Failure) => void): void {
    settler.resolve = resolve;
    settler.reject = reject;
  },
};

/** Methods of requests that may be sent again (data-plane §4.4). */
function isIdempotent(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS" || method === "TRACE";
}

/** The byte source of the request's body, or undefined when there is none. */
function bodyOf(outgoing: Outgoing): BodySource | undefined {
  const own = sourceOf(outgoing.request);
  if (own !== undefined) return own.length === 0 ? undefined : own;
  const stream = outgoing.request.body;
  if (stream === null) return undefined;
  const announced = outgoing.outbound.get("content-length");
  return new StreamSource(stream, "request-body", announced === null ? -1 : Number(announced));
}

/**
 * One request on its way to an endpoint, from `Transport.send` to the end of the response body: it owns the promise,
 * the deadline (`endpoint_timeout`, data-plane §4.7) and the way to give up, over all connections that it may need.
 */
export class ClientExchange implements Sending, RequestOwner, Timed {
  readonly outgoing: Outgoing;
  readonly endpoint: Endpoint;
  /** What `Transport.send` returns. */
  readonly promise: Promise<BackendResponse | Tunnel>;
  /** Writes the request when it has a body. */
  readonly writer: RequestWriter | undefined = undefined;
  /** Bytes of the request body; -1 when unknown. */
  readonly bodyLength: number = 0;
  /** Its deadline; goes to the connection that carries it, for the exchanges to come. */
  readonly deadline: ExchangeDeadline;
  readonly #wheel: TimerWheel;
  readonly #resolve: (result: BackendResponse | Tunnel) => void;
  readonly #reject: (failure: Failure) => void;
  /** Its deadline ended it. */
  timedOut = false;
  #interims = 0;
  #refusals = 0;
  #carrier: Carrier | undefined;
  #body: ResponseBody | undefined;
  #over = false;

  /** `deadline`: that of the idle connection that will carry it, if there is one. */
  constructor(endpoint: Endpoint, outgoing: Outgoing, wheel: TimerWheel, deadline = new ExchangeDeadline()) {
    this.endpoint = endpoint;
    this.outgoing = outgoing;
    this.deadline = deadline;
    this.#wheel = wheel;
    this.promise = new Promise(settler.capture);
    this.#resolve = settler.resolve;
    this.#reject = settler.reject;
    outgoing.sending = this;
    if (outgoing.timeoutMs > 0) {
      deadline.exchange = this;
      wheel.armRoughly(deadline, outgoing.timeoutMs);
    }
    const source = bodyOf(outgoing);
    if (source === undefined) return;
    if (source.taken) {
      this.fail(bodyTakenFailure(source.length));
      return;
    }
    const { outbound } = outgoing;
    const waits = outbound.get("expect")?.toLowerCase() === "100-continue";
    this.bodyLength = source.length;
    this.writer = new RequestWriter(source, source.length, waits, wheel, outgoing.attempt, this);
  }

  /** True when it was given up, failed, or the response body has arrived. */
  get over(): boolean {
    return this.#over;
  }

  /** Nothing of the body was taken, and sending it twice does no harm (data-plane §4.4, §4.8). */
  get replayable(): boolean {
    const { method, outbound, attempt } = this.outgoing;
    if (this.writer !== undefined && attempt.bodyBytesTaken > 0) return false;
    return isIdempotent(method) || !!outbound.get("idempotency-key") || !!outbound.get("x-idempotency-key");
  }

  /** True when a body was not asked for yet: another attempt of the core can have it. */
  get bodyUntouched(): boolean {
    return this.writer === undefined || !this.writer.started;
  }

  /**
   * The peer said that it did not look at the request (HTTP/2: RFC 9113 §8.7). True: another connection can have it, and the
   * exchange is detached; a peer that refuses all requests gets it so many times, and not until the deadline.
   */
  refused(): boolean {
    if (!this.bodyUntouched || this.#refusals === maxRefusals) return false;
    this.#refusals++;
    this.detach();
    return true;
  }

  /** The exchange got a connection. */
  carriedBy(carrier: Carrier, localAddress: string, reused: boolean): void {
    this.#carrier = carrier;
    const { attempt } = this.outgoing;
    attempt.gotConnection = true;
    attempt.reused = reused;
    attempt.localAddress = localAddress;
  }

  /** The connection got nothing of it (a reused one that was dead, data-plane §4.8): as if the attempt had not begun. */
  detach(): void {
    this.#carrier = undefined;
    this.writer?.detach();
    const { attempt } = this.outgoing;
    attempt.gotConnection = false;
    attempt.reused = false;
    attempt.wroteHead = false;
    attempt.localAddress = "";
  }

  /** An interim response came; the sixth fails the exchange. */
  interim(status: number, headers: HeadersLike): void {
    if (this.#interims === maxInterim) {
      this.fail(interimFailure());
      return;
    }
    this.#interims++;
    this.outgoing.interim(status, headers);
    if (status === 100) this.writer?.proceed();
  }

  /** The response head came. */
  answered(response: BackendResponse, body: ResponseBody): void {
    this.#body = body;
    this.#resolve(response);
  }

  /** The response body has arrived; a request body that is not complete is given up. */
  complete(): void {
    this.#finish();
  }

  /** The connection became a tunnel. */
  switched(tunnel: Tunnel): void {
    this.#finish();
    this.#resolve(tunnel);
  }

  /** Ends the exchange: rejects before the response head, fails the body behind it, and closes the connection. */
  fail(failure: Failure): void {
    if (this.#over) return;
    this.#finish();
    this.#carrier?.drop();
    if (this.#body === undefined) {
      this.#reject(failure);
      return;
    }
    this.outgoing.bodyFailed(failure);
    this.#body.fail(failure);
  }

  outOfTime(): void {
    this.timedOut = true;
    this.fail(deadlineFailure(this.outgoing.attempt.gotConnection));
  }

  abort(cause: AbortCause): void {
    if (cause === "client-gone") this.fail(clientGone());
    else this.fail(new Failure("internal", "router", "never", "request given up: the router is shutting down"));
  }

  requestFailed(failure: Failure): void {
    this.fail(failure);
  }

  #finish(): void {
    this.#over = true;
    this.outgoing.sending = undefined;
    this.deadline.exchange = undefined;
    if (this.#carrier === undefined) this.#wheel.disarm(this.deadline);
    this.writer?.release();
  }
}
