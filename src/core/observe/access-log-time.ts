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

/** `000` to `999`: putting ready texts together is cheaper than printing a number. */
const threeDigits = Array.from({ length: 1000 }, (_, value) => String(value + 1000).slice(1));

/** Nine digits for a part of a second in milliseconds. */
function nanoseconds(milliseconds: number): string {
  const value = Math.min(999_999_999, milliseconds * 1e6 + 0.5) | 0;
  const micro = (value / 1000) | 0;
  const milli = (micro / 1000) | 0;
  return threeDigits[milli]! + threeDigits[micro - milli * 1000]! + threeDigits[value - micro * 1000]!;
}

/**
 * The receive time of an access log line: `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`, local time in spite of the `Z`, always nine
 * digits (data-plane §9.2). Takes milliseconds since the epoch with a fraction.
 */
export function logTime(milliseconds: number): string {
  const value = Math.floor(milliseconds / 1000);
  return `${textOfSecond(value)}${nanoseconds(milliseconds - value * 1000)}Z`;
}

let utcSecond = Number.NaN;
let utcSecondText = "";

/** A time as RFC 3339 in UTC with nine digits. Takes milliseconds since the epoch with a fraction. */
export function utcLogTime(milliseconds: number): string {
  const value = Math.floor(milliseconds / 1000);
  if (value !== utcSecond) {
    utcSecondText = new Date(value * 1000).toISOString().slice(0, 19);
    utcSecond = value;
  }
  return `${utcSecondText}.${nanoseconds(milliseconds - value * 1000)}Z`;
}

/** A duration in milliseconds as seconds with six decimals; negative ones as `"-"`, quotes included. */
export function logSeconds(milliseconds: number): string {
  if (milliseconds < 0) return '"-"';
  const microseconds = Math.round(milliseconds * 1000);
  if (microseconds < 1e6) {
    const milli = (microseconds / 1000) | 0;
    return `0.${threeDigits[milli]}${threeDigits[microseconds - milli * 1000]}`;
  }
  const whole = Math.floor(microseconds / 1e6);
  return `${whole}.${String(microseconds - whole * 1e6 + 1e6).slice(1)}`;
}
