import { reasonPhrase } from "../core/forwarding/status-text.ts";
import { isTunnel, type ResponseLike, type Tunnel } from "../core/message.ts";
import { type BodySource, sourceOf } from "./body.ts";
import { HeaderLines } from "./header-lines.ts";
import { StreamSource } from "./stream-body.ts";

/** What a handler's answer comes to. */
export type Result = ResponseLike | Tunnel;

const nullSink = { write: () => true, end() {}, fail() {} };

/** An answer of the server's own, without a body. */
export function emptyResponse(status: number): ResponseLike {
  return { status, statusText: reasonPhrase(status), headers: new HeaderLines(), body: null, content: "" };
}

/** True when a handler answers later. */
export function isPromise(result: Promise<Result> | Result): result is Promise<Result> {
  return typeof (result as Promise<unknown>).then === "function";
}

/** The body's bytes; undefined when there is none. */
export function bodyOf(response: ResponseLike): BodySource | undefined {
  const source = sourceOf(response);
  if (source !== undefined) return source;
  const { body } = response;
  return body === null ? undefined : new StreamSource(body, "body-cut", -1, response.trailers);
}

/** Gives up a result that is not sent, or not with its body. */
export function dispose(result: Result): void {
  if (isTunnel(result)) {
    result.tunnel.destroy();
    return;
  }
  if (result.content !== undefined || result.raw !== undefined) return;
  const source = bodyOf(result);
  // An empty body has nothing to give up: started, it ends.
  if (source?.length === 0) source.start(nullSink);
  else source?.cancel();
}
