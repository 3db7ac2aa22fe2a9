import type { MessageHeaders, ResponseLike } from "../message.ts";
import { reasonPhrase } from "./status-text.ts";

/** An answer of the router's own: a short text that is at hand. `content` is one character per byte. */
export class OwnResponse implements ResponseLike {
  readonly status: number;
  readonly headers: MessageHeaders;
  readonly content: string;
  readonly raw: string | undefined;

  constructor(status: number, headers: MessageHeaders, content: string, raw?: string) {
    this.status = status;
    this.headers = headers;
    this.content = content;
    this.raw = raw;
    if (raw === undefined) headers.append("Content-Length", String(content.length));
  }

  get statusText(): string {
    return reasonPhrase(this.status);
  }

  get body(): ResponseLike["body"] {
    if (this.content === "") return null;
    return new Response(Uint8Array.from(this.content, (character) => character.charCodeAt(0))).body;
  }
}
