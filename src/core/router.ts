import type { Client } from "./client.ts";
import { Exchange } from "./exchange.ts";
import { forward } from "./forwarding/forward.ts";
import type { RequestLike, ResponseLike, Tunnel } from "./message.ts";
import { answerPanic } from "./pipeline/panic-check.ts";
import type { RouterContext, RouterParts } from "./pipeline/parts.ts";
import { type Phase, phasesFor } from "./pipeline/phases.ts";
import { rewriteResponse } from "./pipeline/response-rewrite.ts";
import { CompiledSettings } from "./pipeline/settings.ts";
import { forwardToService } from "./route-service/outbound-leg.ts";
import { RouteServices } from "./route-service/route-services.ts";

/** The router: takes requests through the phases and on to their backends. */
export interface Router {
  /**
   * Answers a request. Sets `client.observer` before it returns and changes `request.headers` in place. Never rejects:
   * what nobody expected is contained (data-plane §1.4.1).
   */
  fetch(request: RequestLike, client: Client): Promise<ResponseLike | Tunnel>;
}

class PipelineRouter implements Router {
  readonly #context: RouterContext;
  readonly #phases: readonly Phase[];

  constructor(context: RouterContext) {
    this.#context = context;
    this.#phases = phasesFor(context.compiled);
  }

  // Not async itself: a request costs the promise of `forward` and no other.
  fetch(request: RequestLike, client: Client): Promise<ResponseLike | Tunnel> {
    const exchange = new Exchange(this.#context, request, client);
    client.observer = exchange;
    if (client.gone === true) exchange.aborted("client-gone");
    try {
      const answer = this.#take(exchange, 0);
      if (answer instanceof Promise) return this.#settle(exchange, answer);
      return answer === undefined ? this.#forward(exchange) : Promise.resolve(this.#own(exchange, answer));
    } catch (error) {
      return Promise.resolve(answerPanic(exchange, error));
    }
  }

  /** Takes the phases from that one on. */
  #take(exchange: Exchange, from: number): ResponseLike | Promise<ResponseLike | undefined> | undefined {
    const phases = this.#phases;
    for (let i = from; i < phases.length; i++) {
      const answer = phases[i]!(exchange);
      if (answer === undefined) continue;
      return answer instanceof Promise ? this.#resume(exchange, answer, i + 1) : answer;
    }
    return undefined;
  }

  async #resume(
    exchange: Exchange,
    pending: Promise<ResponseLike | undefined>,
    next: number,
  ): Promise<ResponseLike | undefined> {
    return (await pending) ?? (await this.#take(exchange, next));
  }

  async #settle(exchange: Exchange, pending: Promise<ResponseLike | undefined>): Promise<ResponseLike | Tunnel> {
    try {
      const answer = await pending;
      return answer === undefined ? await this.#forward(exchange) : this.#own(exchange, answer);
    } catch (error) {
      return answerPanic(exchange, error);
    }
  }

  #forward(exchange: Exchange): Promise<ResponseLike | Tunnel> {
    return exchange.serviceWay === undefined ? forward(exchange) : forwardToService(exchange, exchange.serviceWay);
  }

  #own(exchange: Exchange, answer: ResponseLike): ResponseLike {
    if (answer.raw === undefined) rewriteResponse(answer.headers, this.#context.compiled);
    return exchange.answeredByRouter(answer);
  }
}

/** Makes a router of its parts; settings are worked out once. */
export function createRouter(parts: RouterParts): Router {
  const compiled = new CompiledSettings(parts.settings);
  return new PipelineRouter({ ...parts, compiled, services: new RouteServices(parts) });
}
