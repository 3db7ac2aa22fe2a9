import type { Client } from "./client.ts";
import { Exchange } from "./exchange.ts";
import { forward } from "./forwarding/forward.ts";
import type { RequestLike, ResponseLike, Tunnel } from "./message.ts";
import { answerPanic } from "./pipeline/panic-check.ts";
import type { RouterContext, RouterParts } from "./pipeline/parts.ts";
import { type Phase, phasesFor } from "./pipeline/phases.ts";
import { rewriteResponse } from "./pipeline/response-rewrite.ts";
import { CompiledSettings } from "./pipeline/settings.ts";

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
    try {
      const answer = this.#take(exchange);
      return answer === undefined ? forward(exchange) : Promise.resolve(this.#own(exchange, answer));
    } catch (error) {
      return Promise.resolve(answerPanic(exchange, error));
    }
  }

  #take(exchange: Exchange): ResponseLike | undefined {
    for (const phase of this.#phases) {
      const answer = phase(exchange);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  #own(exchange: Exchange, answer: ResponseLike): ResponseLike {
    if (answer.raw === undefined) rewriteResponse(answer.headers, this.#context.compiled);
    return exchange.answeredByRouter(answer);
  }
}

/** Makes a router of its parts; settings are worked out once. */
export function createRouter(parts: RouterParts): Router {
  const compiled = new CompiledSettings(parts.settings);
  return new PipelineRouter({ ...parts, compiled });
}
