import { reasonPhrase } from "../core/forwarding/status-text.ts";
import type { ResponseLike } from "../core/message.ts";
import type { NativeResponse } from "../runtime/interface/native-serving.ts";
import { CountedBody } from "./counted-body.ts";

/** Hears the end of a response, as far as a Fetch entry point tells it. `bytes`: of its body. */
type ResponseEnd = (bytes: number, end: "complete" | "client-gone" | "response-cut") => void;

const ends = { complete: "complete", cancelled: "client-gone", failed: "response-cut" } as const;

/** Statuses that Fetch allows no body ("null body status"), those below 200 aside. */
function hasNoBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

function headersOf(response: ResponseLike): [string, string][] {
  // Trailers do not pass a Fetch response, so they must not be announced.
  return [...response.headers].filter(([name]) => name.toLowerCase() !== "trailer");
}

/** A short answer of the entry point's own. */
export function plainResponse(status: number, text: string): NativeResponse {
  const headers: [string, string][] = [["Content-Type", "text/plain; charset=utf-8"]];
  const body = text === "" ? null : new TextEncoder().encode(text);
  return { status, statusText: reasonPhrase(status), headers, body };
}

/**
 * An answer in the form that Fetch entry points take; `ended` is called once. Fetch holds no status outside 200 to 599:
 * such an answer becomes a 502.
 */
export function nativeResponse(answer: ResponseLike, method: string, ended: ResponseEnd): NativeResponse {
  const { status, content } = answer;
  if (status < 200 || status > 599) {
    void answer.body?.cancel().catch(() => {});
    const text = `502 Bad Gateway: the backend's status ${status} cannot be passed on.\n`;
    ended(text.length, "complete");
    return plainResponse(502, text);
  }
  const init = { status, statusText: answer.statusText, headers: headersOf(answer) };
  if (method === "HEAD" || hasNoBody(status)) {
    if (content === undefined) void answer.body?.cancel().catch(() => {});
    ended(0, "complete");
    return { ...init, body: null };
  }
  if (content !== undefined) {
    ended(content.length, "complete");
    return { ...init, body: Uint8Array.from(content, (character) => character.charCodeAt(0)) };
  }
  if (answer.body === null) {
    ended(0, "complete");
    return { ...init, body: null };
  }
  const body = new CountedBody(answer.body, (end) => ended(body.bytes, ends[end]));
  return { ...init, body: body.stream };
}
