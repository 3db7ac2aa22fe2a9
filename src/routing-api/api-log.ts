import type { LagerLevel } from "../core/observe/lager.ts";

/** Attributes of a line. */
type ApiLogData = Readonly<Record<string, unknown>>;

/** The log that the API writes to: `Lager`, or the router's where the API runs inside it. */
export interface ApiLog {
  /** Lines below it are not written; may be read to avoid building data. */
  readonly level: LagerLevel;
  debug(action: string, data?: ApiLogData): void;
  info(action: string, data?: ApiLogData): void;
  error(action: string, error: string, data?: ApiLogData): void;
  /** The log of a part of the program, whose name stands before its actions. */
  part(name: string): ApiLog;
}
