import type { Hono } from "hono";
import type { Client } from "../core/client.ts";
import type { RequestLike } from "../core/message.ts";
import { type HasSource, sourceOf } from "../wire/body.ts";
import { respelled } from "../wire/server-fetch.ts";
import type { Handler } from "../wire/server-options.ts";

/** A request as an app reads it: its URL is the target as it was received, behind an authority that means nothing. */
class AppRequest implements RequestLike, Partial<HasSource> {
  readonly url: string;
  readonly #request: RequestLike;

  constructor(request: RequestLike, target: string) {
    this.#request = request;
    this.url = target.startsWith("/") ? `http://api${target}` : request.url;
  }

  get method(): string {
    return this.#request.method;
  }

  get headers(): RequestLike["headers"] {
    return this.#request.headers;
  }

  get body(): RequestLike["body"] {
    return this.#request.body;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  get source(): HasSource["source"] | undefined {
    return sourceOf(this.#request);
  }
}

/**
 * Serves an app of the Routing API on the wire without platform requests: hono and the handlers ask a request for no
 * more than `RequestLike` has, and a heartbeat spends a tenth of its time on making one. Any method reaches the app.
 */
export function appHandler(app: Pick<Hono, "fetch">): Handler {
  return async (request: RequestLike, client: Client) => {
    const asked = new AppRequest(request, client.target);
    return respelled(await app.fetch(asked as unknown as Request, { client }));
  };
}
