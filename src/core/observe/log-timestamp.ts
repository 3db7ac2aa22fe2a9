import type { Clock } from "../clock.ts";

/** Forms of `timestamp` in a log line (control-plane §6.1). */
export type TimestampFormat = "rfc3339" | "unix-epoch";

/** The form that `logging.format.timestamp` selects: everything but `rfc3339` means the epoch (control-plane §1.2). */
export function timestampFormat(text: string): TimestampFormat {
  return text === "rfc3339" ? "rfc3339" : "unix-epoch";
}

/**
 * A function that gives the present time as JSON text: a string with nine decimals in local time and a literal `Z`, or a
 * number of seconds since the epoch with at most seven decimals.
 */
export function createTimestamps(format: TimestampFormat, clock: Clock): () => string {
  return format === "rfc3339" ? rfc3339(clock) : epoch(clock);
}

function epoch(clock: Clock): () => string {
  return () => String(clock.now() / 1000);
}

function rfc3339(clock: Clock): () => string {
  // Date and time zone change at whole seconds only.
  let cachedSecond = Number.NaN;
  let cachedText = "";
  return () => {
    const now = clock.now();
    let second = Math.floor(now / 1000);
    let nanoseconds = Math.round((now - second * 1000) * 1e6);
    if (nanoseconds === 1e9) {
      second++;
      nanoseconds = 0;
    }
    if (second !== cachedSecond) {
      cachedSecond = second;
      cachedText = localSecond(second);
    }
    return `${cachedText}${String(nanoseconds).padStart(9, "0")}Z"`;
  };
}

/** `"2025-04-29T14:08:07.` */
function localSecond(second: number): string {
  const time = new Date(second * 1000);
  const date = `${pad(time.getFullYear(), 4)}-${pad(time.getMonth() + 1, 2)}-${pad(time.getDate(), 2)}`;
  return `"${date}T${pad(time.getHours(), 2)}:${pad(time.getMinutes(), 2)}:${pad(time.getSeconds(), 2)}.`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
