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
 * `000` to `999`: putting ready texts together is cheaper than printing a number. In one piece each, as is every text
 * here that many lines have: an engine walks through the parts of one that was put together, for each line anew.
 */
const threeDigits = Array.from({ length: 1000 }, (_, value) =>
  [Math.trunc(value / 100), Math.trunc(value / 10) % 10, value % 10].join(""),
);
const timeEnds = threeDigits.map((digits) => [digits, 'Z] "'].join(""));

/** Nanoseconds of a part of a second in milliseconds. */
const nanoseconds = (milliseconds: number): number => Math.min(999_999_999, milliseconds * 1e6 + 0.5) | 0;

let millisecond = Number.NaN;
let millisecondText = "";

/**
 * What an access log line has between host and method: ` - [YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ] "`, the receive time in local
 * time in spite of the `Z`, always nine digits (data-plane §9.2). Takes milliseconds since the epoch with a fraction.
 */
export function logTime(milliseconds: number): string {
  const value = Math.floor(milliseconds / 1000);
  const nano = nanoseconds(milliseconds - value * 1000);
  const micro = (nano / 1000) | 0;
  const milli = (micro / 1000) | 0;
  if (value * 1000 + milli !== millisecond) {
    millisecondText = [" - [", textOfSecond(value), threeDigits[milli]!].join("");
    millisecond = value * 1000 + milli;
  }
  return millisecondText + threeDigits[micro - milli * 1000]! + timeEnds[nano - micro * 1000]!;
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
  return `${utcSecondText}.${String(nanoseconds(milliseconds - value * 1000) + 1e9).slice(1)}Z`;
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

/** A printer of durations as `logSeconds` prints them, with the same text in front of each. */
export function secondsBehind(text: string): (milliseconds: number) => string {
  const ready = threeDigits.map((digits) => [text, "0.", digits].join(""));
  return (milliseconds) => {
    const microseconds = Math.round(milliseconds * 1000);
    if (milliseconds < 0 || microseconds >= 1e6) return text + logSeconds(milliseconds);
    const milli = (microseconds / 1000) | 0;
    return ready[milli]! + threeDigits[microseconds - milli * 1000]!;
  };
}
