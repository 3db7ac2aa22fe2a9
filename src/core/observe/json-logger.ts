import type { Clock } from "../clock.ts";
import { Level, type LogData, type Logger } from "./log.ts";
import { logLine } from "./log-line.ts";
import { createTimestamps, type TimestampFormat } from "./log-timestamp.ts";

interface LoggerOptions {
  /** Takes one line with its line feed. */
  readonly write: (line: string) => void;
  readonly clock: Clock;
  /** `logging.syslog`, or `gorouter.stdout` when that is empty (control-plane §6.2). */
  readonly source: string;
  readonly level: Level;
  readonly timestamps: TimestampFormat;
}

/** The logger of the whole program; its level can be changed while it runs. */
export interface ProgramLogger extends Logger {
  /** Also of all loggers that were made of it. */
  setLevel(level: Level): void;
  /** A logger with exactly this source, maybe empty (control-plane §6.2, UAA client). */
  named(source: string): Logger;
}

/** The logger of the program: JSON lines (control-plane §6.1). */
export function createLogger({ write, clock, source, level, timestamps }: LoggerOptions): ProgramLogger {
  return new JsonLogger({ write, level, timestamp: createTimestamps(timestamps, clock) }, source);
}

/** What all loggers of the program share. */
interface Output {
  readonly write: (line: string) => void;
  level: Level;
  readonly timestamp: () => string;
}

class JsonLogger implements ProgramLogger {
  readonly #output: Output;
  readonly #source: string;

  constructor(output: Output, source: string) {
    this.#output = output;
    this.#source = source;
  }

  get level(): Level {
    return this.#output.level;
  }

  setLevel(level: Level): void {
    this.#output.level = level;
  }

  debug(message: string, data?: LogData): void {
    if (this.#output.level <= Level.debug) this.#write(Level.debug, message, data);
  }

  info(message: string, data?: LogData): void {
    if (this.#output.level <= Level.info) this.#write(Level.info, message, data);
  }

  warn(message: string, data?: LogData): void {
    if (this.#output.level <= Level.warn) this.#write(Level.warn, message, data);
  }

  error(message: string, data?: LogData): void {
    if (this.#output.level <= Level.error) this.#write(Level.error, message, data);
  }

  source(suffix: string): Logger {
    return new JsonLogger(this.#output, `${this.#source}.${suffix}`);
  }

  named(source: string): Logger {
    return new JsonLogger(this.#output, source);
  }

  #write(level: Level, message: string, data: LogData | undefined): void {
    this.#output.write(logLine(level, this.#output.timestamp(), message, this.#source, data));
  }
}
