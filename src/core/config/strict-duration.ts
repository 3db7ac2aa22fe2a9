const units: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["\u00b5s", 1_000n], // micro sign
  ["\u03bcs", 1_000n], // Greek mu
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);
const largest = 2n ** 63n - 1n;
const group = /(\d*)(\.?)(\d*)([^\d.]*)/y;

/** Text in double quotes as Go's duration errors have it: control characters, and what is beyond ASCII, byte by byte in hex. */
function quoted(text: string): string {
  let inside = "";
  for (const char of text) {
    if (char === '"' || char === "\\") inside += `\\${char}`;
    else if (char >= " " && char <= "\u007f") inside += char;
    else for (const byte of new TextEncoder().encode(char)) inside += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${inside}"`;
}

/**
 * Reads a duration in Go's syntax as nanoseconds (route-registrar §5), and says what is wrong with others.
 *
 * @throws Error with Go's text, such as `time: missing unit in duration "10"`.
 */
export function parseDuration(text: string): bigint {
  const invalid = (): Error => new Error(`time: invalid duration ${quoted(text)}`);
  const negative = text.startsWith("-");
  const rest = negative || text.startsWith("+") ? text.slice(1) : text;
  if (rest === "0") return 0n;
  if (rest === "") throw invalid();
  let total = 0n;
  for (let at = 0; at < rest.length; ) {
    group.lastIndex = at;
    const [whole, integer, , fraction, unit] = group.exec(rest) as unknown as [string, string, string, string, string];
    if (integer === "" && fraction === "") throw invalid();
    if (unit === "") throw new Error(`time: missing unit in duration ${quoted(text)}`);
    const scale = units.get(unit);
    if (scale === undefined) throw new Error(`time: unknown unit ${quoted(unit)} in duration ${quoted(text)}`);
    total += BigInt(integer || "0") * scale + (BigInt(fraction || "0") * scale) / 10n ** BigInt(fraction.length);
    if (total > (negative ? largest + 1n : largest)) throw invalid();
    at += whole.length;
  }
  return negative ? -total : total;
}
