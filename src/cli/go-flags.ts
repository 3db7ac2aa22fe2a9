import { goQuote } from "../core/go-quote.ts";

/** One flag of a program whose command line follows Go's `flag` package. */
export interface GoFlag {
  readonly name: string;
  /** Shown in the usage text. */
  readonly usage: string;
  /** Default `string`. A `bool` takes a value only behind `=`; a `value` is a string with rules of its own. */
  readonly kind?: "string" | "bool" | "value";
  /** Shown in the usage text; the caller applies it. */
  readonly fallback?: string;
  /** Why a value will not do; undefined: it will. */
  readonly fault?: (value: string) => string | undefined;
}

/** What a command line says: values by flag name, or a text for standard error and the exit code. */
export type GoFlags =
  | {
      /** The last value of each flag that was given; a `bool` is `true` or `false`. */
      readonly values: ReadonlyMap<string, string>;
      /** All values of each flag that was given, in order. */
      readonly all: ReadonlyMap<string, readonly string[]>;
    }
  | { readonly error: string; readonly code: number };

const truths: ReadonlyMap<string, string> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((text) => [text, "true"] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((text) => [text, "false"] as const),
]);

function usageLine({ name, usage, kind = "string", fallback = "" }: GoFlag): string {
  const shown = kind === "string" ? JSON.stringify(fallback) : fallback;
  const type = kind === "bool" ? "" : ` ${kind}`;
  return `  -${name}${type}\n    \t${usage}${fallback === "" ? "" : ` (default ${shown})`}\n`;
}

/**
 * Reads a command line as Go's `flag` package does: `-c X`, `-c=X`, and both with two dashes; it ends at the first
 * argument that is no flag. Unknown flags, missing and bad values are errors with exit code 2, `-h` prints the usage
 * with exit code 0 (control-plane §1.1, route-registrar §2.1).
 */
export function parseGoFlags(program: string, flags: readonly GoFlag[], args: readonly string[]): GoFlags {
  const usage = `Usage of ${program}:\n${flags.map(usageLine).join("")}`;
  const wrong = (text: string): GoFlags => ({ error: `${text}\n${usage}`, code: 2 });
  const values = new Map<string, string>();
  const all = new Map<string, string[]>();
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (!arg.startsWith("-") || arg === "-" || arg === "--") break;
    const text = arg.startsWith("--") ? arg.slice(2) : arg.slice(1);
    if (text.startsWith("-") || text.startsWith("=")) return wrong(`bad flag syntax: ${arg}`);
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    if (name === "h" || name === "help") return { error: usage, code: 0 };
    const flag = flags.find((one) => one.name === name);
    if (flag === undefined) return wrong(`flag provided but not defined: -${name}`);
    const bool = flag.kind === "bool";
    let value = equals >= 0 ? text.slice(equals + 1) : bool ? "true" : args[++at];
    if (value === undefined) return wrong(`flag needs an argument: -${name}`);
    if (bool) {
      const truth = truths.get(value);
      if (truth === undefined) return wrong(`invalid boolean value ${goQuote(value)} for -${name}: parse error`);
      value = truth;
    }
    const fault = flag.fault?.(value);
    if (fault !== undefined) return wrong(`invalid value ${goQuote(value)} for flag -${name}: ${fault}`);
    values.set(name, value);
    all.set(name, [...(all.get(name) ?? []), value]);
  }
  return { values, all };
}
