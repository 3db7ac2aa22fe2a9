/** Levels as the numbers of the log line (control-plane §6.1). */
export const Level = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 } as const;
export type Level = (typeof Level)[keyof typeof Level];

/** Attributes of a log line, in the order they are to be printed. */
export type LogData = Readonly<Record<string, unknown>>;

/** Writes log lines of one source. Below the level a call costs one comparison. */
export interface Logger {
  /** Lines below it are not written; may be read to avoid building data. Shared by all loggers of the program. */
  readonly level: Level;
  debug(message: string, data?: LogData): void;
  info(message: string, data?: LogData): void;
  warn(message: string, data?: LogData): void;
  error(message: string, data?: LogData): void;
  /** A logger whose source is this one's followed by `.suffix`. */
  source(suffix: string): Logger;
}
