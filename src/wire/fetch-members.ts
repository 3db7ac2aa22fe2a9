import type { BodySource } from "./body.ts";
import { streamOf } from "./stream-body.ts";

/**
 * What Fetch has of a request and the way of a proxied request never asks for. A request holds one of these from the first
 * question on, so that one nobody asks costs a field.
 */
export class FetchMembers {
  #url: string | undefined;
  #body: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #abort: AbortController | undefined;

  /** `authority` and `path` as an absolute URL, not checked and not normalised; always the first one that was asked for. */
  url(secure: boolean, authority: string | null, path: string): string {
    this.#url ??= `${secure ? "https" : "http"}://${authority || "localhost"}${path}`;
    return this.#url;
  }

  /** The body as a stream; reading begins with its first pull. */
  body(source: BodySource): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#body ??= streamOf(source);
    return this.#body;
  }

  /** The request's signal, aborted when the client is `gone`. */
  signal(gone: boolean): AbortSignal {
    this.#abort ??= new AbortController();
    if (gone) this.#abort.abort();
    return this.#abort.signal;
  }

  /** The client went away. */
  abort(): void {
    this.#abort?.abort();
  }
}
