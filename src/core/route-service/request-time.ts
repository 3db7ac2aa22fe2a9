/** The layout as Go's errors name it. */
const layout = "2006-01-02T15:04:05Z07:00";

interface Part {
  /** What Go calls the place. */
  readonly name: string;
  readonly pattern: RegExp;
}

const parts: readonly Part[] = [
  { name: "2006", pattern: /^\d{4}/ },
  { name: "-", pattern: /^-/ },
  { name: "01", pattern: /^\d{2}/ },
  { name: "-", pattern: /^-/ },
  { name: "02", pattern: /^\d{2}/ },
  { name: "T", pattern: /^T/ },
  { name: "15", pattern: /^\d{2}/ },
  { name: ":", pattern: /^:/ },
  { name: "04", pattern: /^\d{2}/ },
  { name: ":", pattern: /^:/ },
  { name: "05", pattern: /^\d{2}(?:\.\d+)?/ },
  { name: "Z07:00", pattern: /^(?:Z|[+-]\d{2}:\d{2})/ },
];

/**
 * Reads an RFC 3339 time with any number of fractional digits; milliseconds since the epoch, with a fraction.
 *
 * @throws Error with the text of Go's parser.
 */
export function parseRequestTime(text: string): number {
  const quoted = JSON.stringify(text);
  let rest = text;
  for (const { name, pattern } of parts) {
    const found = pattern.exec(rest);
    if (found === null) {
      throw new Error(`parsing time ${quoted} as "${layout}": cannot parse ${JSON.stringify(rest)} as "${name}"`);
    }
    rest = rest.slice(found[0].length);
  }
  if (rest !== "") throw new Error(`parsing time ${quoted}: extra text: ${JSON.stringify(rest)}`);
  const dot = text.indexOf(".");
  const end = text.search(/(?:Z|[+-]\d{2}:\d{2})$/);
  const whole = Date.parse(`${text.slice(0, 19)}${text.slice(end)}`);
  if (Number.isNaN(whole)) throw new Error(`parsing time ${quoted}: value out of range`);
  return dot < 0 ? whole : whole + Number(`0${text.slice(dot, end)}`) * 1000;
}
