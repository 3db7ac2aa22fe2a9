import type { Clock } from "../runtime/interface.ts";
import { ApiError, processError } from "./api-error.ts";

/** Bounds of request bodies; upstream has none (docs/differences.md). */
export interface BodyLimits {
  readonly maxBytes: number;
  /** Milliseconds for the whole body. */
  readonly timeoutMs: number;
}

/**
 * The body of a request as text. Rejects with an `ApiError`: 413 above `maxBytes`, 408 when it takes too long, 400 when it
 * is cut.
 */
export async function readBody(request: Request, limits: BodyLimits, clock: Clock): Promise<string> {
  if (request.body === null) return "";
  const { maxBytes, timeoutMs } = limits;
  const declared = Number(request.headers.get("Content-Length") ?? 0);
  const tooLarge = (): ApiError =>
    new ApiError(413, "RequestTooLargeError", `The request body is larger than ${maxBytes} bytes`);
  const reader = request.body.getReader();
  let giveUp: (() => void) | undefined;
  // A read that waits for bytes does not end by cancelling on every runtime.
  const late = new Promise<never>((_, reject) => {
    giveUp = () => reject(lateError(timeoutMs));
  });
  const timer = clock.after(timeoutMs, () => giveUp?.());
  try {
    if (declared > maxBytes) throw tooLarge();
    const decoder = new TextDecoder();
    let text = "";
    let size = 0;
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) return text + decoder.decode();
      size += value.length;
      if (size > maxBytes) throw tooLarge();
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    void reader.cancel().catch(() => undefined);
    throw error instanceof ApiError ? error : processError("the request body was cut");
  } finally {
    timer.cancel();
  }
}

function lateError(timeoutMs: number): ApiError {
  return new ApiError(408, "RequestTimeoutError", `The request body did not arrive within ${timeoutMs / 1000} s`);
}
