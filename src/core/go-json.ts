const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/** A string in JSON as Go's encoder has it by default: safe inside HTML (route-registrar §3.1, §9). */
function goJsonString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll(/[<>&\u2028\u2029]/g, (one) => escapes[one]!);
}

/** A value that is JSON already: what is printed again and again is rendered once. */
export class JsonText {
  readonly text: string;

  constructor(value: unknown) {
    this.text = goJson(value);
  }
}

/**
 * A value in JSON as Go's encoder has it: compact, the keys of a `Map` sorted, those of an object (Go's struct) as they
 * stand, undefined ones left out; a bigint is an integer.
 */
export function goJson(value: unknown): string {
  if (typeof value === "string") return goJsonString(value);
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return `[${value.map(goJson).join(",")}]`;
  if (value instanceof JsonText) return value.text;
  if (value instanceof Map) return members([...value].sort(([a], [b]) => (a < b ? -1 : 1)));
  if (typeof value === "object") return members(Object.entries(value));
  return String(value);
}

function members(entries: readonly (readonly [string, unknown])[]): string {
  const present = entries.filter(([, value]) => value !== undefined);
  return `{${present.map(([key, value]) => `${goJsonString(key)}:${goJson(value)}`).join(",")}}`;
}
