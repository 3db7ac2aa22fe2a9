/** The values that placeholders took in one exchange. */
export type Bound = Map<string, string>;

const hex = (count: number): string => `[0-9a-f]{${count}}`;
const uuid = `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`;
const patterns: Readonly<Record<string, string>> = {
  id: uuid,
  trace: hex(32),
  span: hex(16),
  uuid,
  hex16: hex(16),
  hex32: hex(32),
  date: "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT",
  ms: "\\d{13}",
  seconds: "\\d+\\.\\d{6}",
  duration: "\\d+(?:\\.\\d{1,9})?(?:e-\\d)?",
  received: "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z",
  port: "\\d{1,5}",
  any: "[^]*",
};
const boundNames: readonly string[] = ["id", "trace", "span"];
const placeholder = /\{(id|traceId|traceEnd|trace|span|uuid|hex16|hex32|date|ms|seconds|duration|received|port|any)\}/;

/** Whether `actual` is what `expected` says; on success the placeholders that bind are bound. */
export function matches(expected: string, actual: string, bound: Bound): boolean {
  if (expected === actual) return true;
  const names: string[] = [];
  let source = "";
  for (const [at, part] of expected.split(placeholder).entries()) {
    if (at % 2 === 0) source += literal(part);
    else if (bound.has(part)) source += literal(bound.get(part)!);
    else if (part === "traceId")
      source += literal((bound.get("trace") ?? "").replace(/^(.{8})(....)(....)(....)/, "$1-$2-$3-$4-"));
    else if (part === "traceEnd") source += literal((bound.get("trace") ?? "").slice(16));
    else if (names.includes(part)) source += `\\${names.indexOf(part) + 1}`;
    else if (boundNames.includes(part)) {
      names.push(part);
      source += `(${patterns[part]!})`;
    } else source += patterns[part]!;
  }
  const match = new RegExp(`^${source}$`).exec(actual);
  if (match === null) return false;
  for (const [at, name] of names.entries()) bound.set(name, match[at + 1]!);
  return true;
}

/** `expected` when `actual` matches, else `actual`: comparing it with `expected` then shows what is different. */
export function shown(expected: string | undefined, actual: string, bound: Bound): string {
  return expected !== undefined && matches(expected, actual, bound) ? expected : actual;
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
