import type { ScalarNode } from "./document.ts";
import { parseGoDuration } from "./duration.ts";
import { rangeOf, type ScalarType } from "./field.ts";

/** A scalar with the type YAML gives it (yaml.v3's rules, control-plane §1.1). */
interface Resolved {
  readonly tag: "!!null" | "!!bool" | "!!int" | "!!float" | "!!str" | "!!timestamp";
  readonly value: null | boolean | number | bigint | string;
}

const words: ReadonlyMap<string, Resolved> = new Map(
  (
    [
      ["!!null", null, ["", "~", "null", "Null", "NULL"]],
      ["!!bool", true, ["true", "True", "TRUE"]],
      ["!!bool", false, ["false", "False", "FALSE"]],
      ["!!float", Number.NaN, [".nan", ".NaN", ".NAN"]],
      ["!!float", Number.POSITIVE_INFINITY, [".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"]],
      ["!!float", Number.NEGATIVE_INFINITY, ["-.inf", "-.Inf", "-.INF"]],
    ] as const
  ).flatMap(([tag, value, spellings]) => spellings.map((spelling) => [spelling, { tag, value }] as const)),
);
const timestamp = /^\d{4}-\d{1,2}-\d{1,2}(?:[Tt ][0-9:.]+.*)?$/;
const float = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const integers: readonly (readonly [RegExp, string])[] = [
  [/^[-+]?0[xX][0-9a-fA-F]+$/, "0x"],
  [/^[-+]?0[oO][0-7]+$/, "0o"],
  [/^[-+]?0[bB][01]+$/, "0b"],
  [/^[-+]?0[0-7]+$/, "0o"],
  [/^[-+]?(?:0|[1-9]\d*)$/, ""],
];

/** The type and value of a scalar. Integers are bigint, so that ranges can be checked without loss. */
export function resolveScalar(node: ScalarNode): Resolved {
  if (node.tag === "!!str" || (!node.plain && node.tag === "")) return { tag: "!!str", value: node.text };
  const known = words.get(node.text);
  if (known !== undefined) return known;
  if (node.tag === "" && timestamp.test(node.text)) return { tag: "!!timestamp", value: node.text };
  // Go's package tells by the first character whether to look for a number: `_1` is none.
  const digits = node.text.startsWith("_") ? "" : node.text.replaceAll("_", "");
  const integer = node.tag === "!!float" ? undefined : parseInteger(digits);
  if (integer !== undefined && integer >= -(2n ** 63n) && integer < 2n ** 64n) return { tag: "!!int", value: integer };
  if (float.test(digits)) return { tag: "!!float", value: Number(digits) };
  return { tag: "!!str", value: node.text };
}

/** The value of a scalar for a key of this type, or undefined when it does not fit; null is the caller's business. */
export function scalarValue(
  type: ScalarType,
  node: ScalarNode,
  resolved: Resolved,
): string | number | boolean | undefined {
  switch (type) {
    case "string":
      return node.text;
    case "bool":
      return booleanOf(resolved.value);
    case "time.Duration":
      return typeof resolved.value === "string" ? parseGoDuration(resolved.value) : undefined;
    case "float64":
      return typeof resolved.value === "bigint" || typeof resolved.value === "number"
        ? Number(resolved.value)
        : undefined;
    case "workers":
      return resolved.value === "auto" ? "auto" : integerWithin(resolved.value, 1, 1024);
    default: {
      const [low, high] = rangeOf(type);
      return integerWithin(resolved.value, low, high);
    }
  }
}

function parseInteger(text: string): bigint | undefined {
  const found = integers.find(([form]) => form.test(text));
  if (found === undefined) return undefined;
  const negative = text.startsWith("-");
  const unsigned = negative || text.startsWith("+") ? text.slice(1) : text;
  const prefix = found[1];
  const value = BigInt(prefix === "" ? unsigned : prefix + unsigned.replace(/^0[xXoObB]?/, ""));
  return negative ? -value : value;
}

function booleanOf(value: Resolved["value"]): boolean | undefined {
  if (typeof value === "boolean") return value;
  switch (value) {
    case "y":
    case "Y":
    case "yes":
    case "Yes":
    case "YES":
    case "on":
    case "On":
    case "ON":
      return true;
    case "n":
    case "N":
    case "no":
    case "No":
    case "NO":
    case "off":
    case "Off":
    case "OFF":
      return false;
    default:
      return undefined;
  }
}

/** Floats are cut towards zero. */
function integerWithin(value: Resolved["value"], low: number, high: number): number | undefined {
  if (typeof value !== "bigint" && typeof value !== "number") return undefined;
  const whole = Math.trunc(Number(value));
  // `+ 0` turns the -0 of a cut -0.5 into 0.
  return whole >= low && whole <= high ? whole + 0 : undefined;
}
