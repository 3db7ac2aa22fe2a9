import { Level } from "./log.ts";

const levels: ReadonlyMap<string, Level> = new Map([
  ["debug", Level.debug],
  ["info", Level.info],
  ["", Level.info],
  ["warn", Level.warn],
  ["error", Level.error],
  // Fatal conditions are logged as errors, so these three silence everything (control-plane §1.2, `logging.level`).
  ["dpanic", Level.silent],
  ["panic", Level.silent],
  ["fatal", Level.silent],
]);

/**
 * The level that `logging.level` names, without regard to case; undefined for any other word, which stops the start
 * with `panic: unrecognized level: "X"` on standard error and exit code 2 (control-plane §1.2).
 */
export function parseLevel(text: string): Level | undefined {
  return levels.get(text.toLowerCase());
}
