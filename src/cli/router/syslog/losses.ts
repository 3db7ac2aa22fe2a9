import type { Logger } from "../../../core/observe/log.ts";
import type { Clock } from "../../../runtime/interface/clock.ts";

/** A stall is over when nothing was lost for so long, in milliseconds. */
const quietMs = 5000;

/**
 * Counts what did not get to the syslog server and logs it once per stall: an error line when it begins, a warning with
 * the count when it is over.
 */
export class SyslogLosses {
  /** The connection is away: the stall goes on, even if nothing is lost for a while. */
  down = false;

  readonly #logger: Logger;
  readonly #clock: Clock;
  #dropped = 0;
  #stalled = false;
  #lastAt = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Sending fails; `records` are known to be lost by it. */
  failed(error: string, records: number): void {
    this.#dropped += records;
    this.#lastAt = this.#clock.monotonic();
    if (this.#stalled) return;
    this.#stalled = true;
    this.#logger.error("error-emitting-access-log-to-writer-syslog", { error });
    this.#watch();
  }

  #watch(): void {
    this.#clock.after(quietMs, () => this.#look(), true);
  }

  #look(): void {
    if (this.#stalled && (this.down || this.#clock.monotonic() - this.#lastAt < quietMs)) this.#watch();
    else this.end();
  }

  /** Logs what a stall has cost, if there is one. */
  end(): void {
    if (!this.#stalled) return;
    this.#logger.warn("access-log-to-syslog-stall-ended", { dropped: this.#dropped });
    this.#stalled = false;
    this.#dropped = 0;
  }
}
