const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

let second = Number.NaN;
let secondText = "";

/** `YYYY-MM-DDTHH:MM:SS.` of a second since the epoch, local time; the last one is kept. */
function textOfSecond(value: number): string {
  if (value !== second) {
    const date = new Date(value * 1000);
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    secondText = `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.`;
    second = value;
  }
  return secondText;
}

/**
 * The receive time of an access log line: `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`, local time in spite of the `Z`, always nine
 * digits (data-plane §9.2). Takes milliseconds since the epoch with a fraction.
 */
export function logTime(milliseconds: number): string {
  const value = Math.floor(milliseconds / 1000);
  // `| 0` makes it an integer to the engine too: the texts of integers are cheaper.
  const nanoseconds = Math.min(999_999_999, (milliseconds - value * 1000) * 1e6 + 0.5) | 0;
  return `${textOfSecond(value)}${String(nanoseconds + 1_000_000_000).slice(1)}Z`;
}

/** A duration in milliseconds as seconds with six decimals; negative ones as `"-"`, quotes included. */
export function logSeconds(milliseconds: number): string {
  if (milliseconds < 0) return '"-"';
  const microseconds = Math.round(milliseconds * 1000);
  if (microseconds < 1e6) return `0.${String((microseconds | 0) + 1_000_000).slice(1)}`;
  const whole = Math.floor(microseconds / 1e6);
  return `${whole}.${String(microseconds - whole * 1e6 + 1e6).slice(1)}`;
}
