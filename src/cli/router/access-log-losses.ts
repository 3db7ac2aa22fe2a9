import type { Logger } from "../../core/observe/log.ts";
import type { Clock } from "../../runtime/interface/clock.ts";

/** A stall is over when nothing was lost for so long, in milliseconds. */
const quietMs = 5000;

/** The two lines of a destination, and what its losses are counted in. */
interface LossLines {
  /** Error line when a stall begins; upstream's name (control-plane §6). */
  readonly began: string;
  /** Warning when it is over. */
  readonly ended: string;
  /** Name of the count in the warning's data. */
  readonly count: string;
}

/** The syslog server: records. */
export const towardsSyslog: LossLines = {
  began: "error-emitting-access-log-to-writer-syslog",
  ended: "access-log-to-syslog-stall-ended",
  count: "dropped",
};

/** `access_log.file`: bytes, since lines have become that when a disk is found full. */
export const towardsFile: LossLines = {
  began: "error-emitting-access-log-to-writer-accesslog",
  ended: "access-log-to-file-stall-ended",
  count: "dropped_bytes",
};

/**
 * Counts what did not get to a destination of the access log and logs it once per stall: an error line when it begins, a
 * warning with the count when it is over.
 */
export class AccessLogLosses {
  /** The connection is away: the stall goes on, even if nothing is lost for a while. */
  down = false;

  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #lines: LossLines;
  #dropped = 0;
  #stalled = false;
  #lastAt = 0;

  constructor(logger: Logger, clock: Clock, lines: LossLines) {
    this.#logger = logger;
    this.#clock = clock;
    this.#lines = lines;
  }

  /** Writing fails; so many records (or bytes) are known to be lost by it. */
  failed(error: string, lost: number): void {
    this.#dropped += lost;
    this.#lastAt = this.#clock.monotonic();
    if (this.#stalled) return;
    this.#stalled = true;
    this.#logger.error(this.#lines.began, { error });
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
    this.#logger.warn(this.#lines.ended, { [this.#lines.count]: this.#dropped });
    this.#stalled = false;
    this.#dropped = 0;
  }
}
