const nanosecondsPer: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  "\u00b5s": 1_000n, // micro sign
  "\u03bcs": 1_000n, // Greek mu
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const largest = 2n ** 63n - 1n;
const whole = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$/;
const group = /(\d*)\.?(\d*)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;

/**
 * Reads a duration in Go's syntax (control-plane §1.1): optional sign, then one or more `number unit` groups with unit
 * `ns us µs ms s m h`; `0` may omit the unit. Returns milliseconds (with a fraction, down to the nanosecond), or
 * undefined when the text is no duration or does not fit 64 bits of nanoseconds.
 */
export function parseGoDuration(text: string): number | undefined {
  if (text === "0" || text === "+0" || text === "-0") return 0;
  if (!whole.test(text)) return undefined;
  let total = 0n;
  for (const [, integer = "", fraction = "", unit = ""] of text.matchAll(group)) {
    const scale = nanosecondsPer[unit] ?? 0n;
    total += BigInt(integer || "0") * scale + (BigInt(fraction || "0") * scale) / 10n ** BigInt(fraction.length);
  }
  if (total > largest) return undefined;
  if (total === 0n) return 0;
  return toMilliseconds(text.startsWith("-") ? -total : total);
}

/**
 * Prints milliseconds as Go does: `0s`, `500ms`, `20s`, `1m30s`, `2m0s`, `1h0m0s`, `-5s`, `1.5µs`. Rounds to whole
 * nanoseconds.
 */
export function formatGoDuration(ms: number): string {
  const total = toNanoseconds(ms);
  if (total === 0n) return "0s";
  const sign = total < 0n ? "-" : "";
  const ns = total < 0n ? -total : total;
  if (ns < 1_000n) return `${sign}${ns}ns`;
  if (ns < 1_000_000n) return `${sign}${decimal(ns, 1_000n)}µs`;
  if (ns < 1_000_000_000n) return `${sign}${decimal(ns, 1_000_000n)}ms`;
  const minutes = ns / 60_000_000_000n;
  const seconds = `${decimal(ns % 60_000_000_000n, 1_000_000_000n)}s`;
  if (minutes === 0n) return sign + seconds;
  return minutes < 60n ? `${sign}${minutes}m${seconds}` : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** Milliseconds as whole nanoseconds, the unit of durations in log lines (control-plane §6.1). */
export function toNanoseconds(ms: number): bigint {
  // Split first: ms * 1e6 would lose digits that a double of milliseconds still has.
  const wholeMs = Math.trunc(ms);
  return BigInt(wholeMs) * 1_000_000n + BigInt(Math.round((ms - wholeMs) * 1e6));
}

function toMilliseconds(ns: bigint): number {
  return Number(ns / 1_000_000n) + Number(ns % 1_000_000n) / 1e6;
}

/** `ns / unit` with as many decimals as it takes and no trailing zeros. */
function decimal(ns: bigint, unit: bigint): string {
  const rest = ns % unit;
  if (rest === 0n) return `${ns / unit}`;
  const digits = `${rest + unit}`.slice(1);
  return `${ns / unit}.${digits.replace(/0+$/, "")}`;
}
