import type { RequestLike } from "../core/message.ts";
import type { Clock, Timer } from "../runtime/interface/clock.ts";
import { type BodySink, type BodySource, sourceOf } from "../wire/body.ts";
import { StreamSource } from "../wire/stream-body.ts";
import { ApiError, processError } from "./api-error.ts";

/** Bounds of request bodies; upstream has none (docs/differences.md). */
export interface BodyLimits {
  readonly maxBytes: number;
  /** Milliseconds for the whole body. */
  readonly timeoutMs: number;
}

/** For bodies that come in one piece. */
const wholeDecoder = new TextDecoder();

/** Puts a body together; tells once how it went. */
class BodyText implements BodySink {
  readonly #source: BodySource;
  readonly #maxBytes: number;
  readonly #done: (text: string) => void;
  readonly #failed: (error: ApiError) => void;
  #decoder: TextDecoder | undefined;
  #text = "";
  #size = 0;
  over = false;

  constructor(
    source: BodySource,
    { maxBytes }: BodyLimits,
    done: (text: string) => void,
    failed: (error: ApiError) => void,
  ) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#done = done;
    this.#failed = failed;
  }

  start(): void {
    if (this.#source.length > this.#maxBytes) this.#tooLarge();
    else this.#source.start(this);
  }

  write(bytes: Uint8Array): boolean {
    if (this.over) return true;
    this.#size += bytes.length;
    if (this.#size > this.#maxBytes) {
      this.#tooLarge();
      return true;
    }
    if (bytes.length === this.#source.length) {
      this.#text = wholeDecoder.decode(bytes);
      return true;
    }
    this.#decoder ??= new TextDecoder();
    this.#text += this.#decoder.decode(bytes, { stream: true });
    return true;
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    this.#done(this.#decoder === undefined ? this.#text : this.#text + this.#decoder.decode());
  }

  fail(): void {
    if (this.over) return;
    this.over = true;
    this.#failed(processError("the request body was cut"));
  }

  /** Nothing more of it is wanted. */
  giveUp(error: ApiError): void {
    if (this.over) return;
    this.over = true;
    this.#source.cancel();
    this.#failed(error);
  }

  #tooLarge(): void {
    this.giveUp(new ApiError(413, "RequestTooLargeError", `The request body is larger than ${this.#maxBytes} bytes`));
  }
}

/**
 * The body of a request as text. Rejects with an `ApiError`: 413 above `maxBytes`, 408 when it takes too long, 400 when it
 * is cut.
 */
export async function readBody(request: RequestLike, limits: BodyLimits, clock: Clock): Promise<string> {
  const source =
    sourceOf(request) ?? (request.body === null ? undefined : new StreamSource(request.body, "request-body"));
  if (source === undefined) return "";
  let timer: Timer | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      const body = new BodyText(source, limits, resolve, reject);
      body.start();
      // Most come together with their heads.
      if (!body.over) timer = clock.after(limits.timeoutMs, () => body.giveUp(lateError(limits.timeoutMs)));
    });
  } finally {
    timer?.cancel();
  }
}

function lateError(timeoutMs: number): ApiError {
  return new ApiError(408, "RequestTimeoutError", `The request body did not arrive within ${timeoutMs / 1000} s`);
}
