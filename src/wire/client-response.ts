import type { BackendResponse } from "../core/forwarding/transport.ts";
import type { HasSource } from "./body.ts";
import type { ResponseBody } from "./client-body.ts";
import type { HeaderLines } from "./header-lines.ts";
import { streamOf } from "./stream-body.ts";

/** A backend's response. `body` and `trailers` come into being when somebody asks; our own server takes `source`. */
export class ClientResponse implements BackendResponse, HasSource {
  readonly status: number;
  /** The backend's phrase, until the core puts its own there. */
  statusText: string;
  readonly headers: HeaderLines;
  readonly source: ResponseBody;
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;

  constructor(status: number, statusText: string, headers: HeaderLines, source: ResponseBody) {
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
    this.source = source;
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
