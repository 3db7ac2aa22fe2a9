import type { HeadersLike } from "../message.ts";
import type { LoggedExchange } from "./access-log-line.ts";
import type { TraceIds } from "./request-id.ts";

/** What a start-stop event tells about an exchange. */
export interface StartStopExchange extends LoggedExchange {
  /** Ids from B3 or W3C headers; undefined: those of the request id count. */
  readonly traceIds: TraceIds | undefined;
}

/** Who hears of every attempt and every request (HttpStartStop, control-plane §5.2); each part may be missing. */
export interface ExchangeEvents {
  /**
   * An attempt came to the head of its answer, or failed: then there is none.
   *
   * @param sentAt when it began, milliseconds since 1970.
   */
  readonly attempted:
    | ((
        exchange: StartStopExchange,
        sentAt: number,
        answer: { readonly status: number; readonly headers: HeadersLike } | undefined,
      ) => void)
    | undefined;
  /** A request is over, answered by whomever; not after a panic, nor when the answer was cut. */
  readonly ended: ((exchange: StartStopExchange) => void) | undefined;
}
