/**
 * Classes of SQLSTATE that say that a statement cannot be done with these values, now or later: data exception (too long,
 * a NUL), integrity violation, limit exceeded (a value that an index cannot hold).
 */
const classes: ReadonlySet<string> = new Set(["22", "23", "54"]);
/** MySQL's `ER_NET_PACKET_TOO_LARGE`. */
const packetTooLarge = 1153;

/** Whether a database refused a statement for the values in it, whatever failed besides. Takes a driver's error, or one around it. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // PostgreSQL's driver calls it `code`, MySQL's `sqlState`; `code` has names of the system's errors, too.
  const { sqlState, code, errno } = error as { sqlState?: unknown; code?: unknown; errno?: unknown };
  const state = sqlState ?? code;
  if (errno === packetTooLarge) return true;
  if (typeof state === "string" && state.length === 5 && classes.has(state.slice(0, 2))) return true;
  return isRefusal(error.cause);
}
