import type { BackendResponse } from "../core/forwarding/transport.ts";
import type { HasSource } from "./body.ts";
import type { ResponseBody } from "./client-body.ts";
import type { HeaderLines } from "./header-lines.ts";
import { streamOf } from "./stream-body.ts";

/** A backend's response. `body` and `trailers` come into being when somebody asks; our own server takes `source`. */
export class ClientResponse implements BackendResponse, HasSource {
  readonly status: number;
  readonly headers: HeaderLines;
  readonly source: ResponseBody;
  /** Whose phrase stands until the core puts its own there: seldom read, and not for nothing. */
  readonly #phrased: { readonly reason: string };
  #statusText: string | undefined;
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;

  /** `phrased`: the backend's reason phrase. */
  constructor(status: number, phrased: { readonly reason: string }, headers: HeaderLines, source: ResponseBody) {
    this.status = status;
    this.#phrased = phrased;
    this.headers = headers;
    this.source = source;
  }

  get statusText(): string {
    return this.#statusText ?? this.#phrased.reason;
  }

  set statusText(text: string) {
    this.#statusText = text;
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.source.length === 0) return null;
    this.#stream ??= streamOf(this.source);
    return this.#stream;
  }

  get trailers(): Promise<HeaderLines | undefined> {
    return this.source.trailers();
  }
}
