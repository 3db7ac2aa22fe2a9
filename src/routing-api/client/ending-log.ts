import type { Level, LogData, Logger } from "../../core/observe/log.ts";

/** A logger with a last line: what comes after `end`, of work that was under way, is not written. */
export class EndingLog implements Logger {
  readonly #log: Logger;
  #ended = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  get level(): Level {
    return this.#log.level;
  }

  debug(message: string, data?: LogData): void {
    if (!this.#ended) this.#log.debug(message, data);
  }

  info(message: string, data?: LogData): void {
    if (!this.#ended) this.#log.info(message, data);
  }

  warn(message: string, data?: LogData): void {
    if (!this.#ended) this.#log.warn(message, data);
  }

  error(message: string, data?: LogData): void {
    if (!this.#ended) this.#log.error(message, data);
  }

  source(suffix: string): Logger {
    return this.#log.source(suffix);
  }

  /** Writes the last line; more than one does nothing. */
  end(message: string): void {
    this.info(message);
    this.#ended = true;
  }
}
