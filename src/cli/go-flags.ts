/** One flag of a program whose command line follows Go's `flag` package. */
export interface GoFlag {
  readonly name: string;
  /** Shown in the usage text. */
  readonly usage: string;
}

/** What a command line says: values by flag name, or a text for standard error and the exit code. */
export type GoFlags =
  | { readonly values: ReadonlyMap<string, string> }
  | { readonly error: string; readonly code: number };

/**
 * Reads a command line as Go's `flag` package does for string flags: `-c X`, `-c=X`, and both with two dashes. Unknown
 * flags and missing values are errors with exit code 2, `-h` prints the usage with exit code 0 (control-plane §1.1).
 */
export function parseGoFlags(program: string, flags: readonly GoFlag[], args: readonly string[]): GoFlags {
  const usage = `Usage of ${program}:\n${flags.map((flag) => `  -${flag.name} string\n    \t${flag.usage}\n`).join("")}`;
  const values = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (!arg.startsWith("-") || arg === "-" || arg === "--") break;
    const text = arg.startsWith("--") ? arg.slice(2) : arg.slice(1);
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    if (name === "h" || name === "help") return { error: usage, code: 0 };
    if (!flags.some((flag) => flag.name === name))
      return { error: `flag provided but not defined: -${name}\n${usage}`, code: 2 };
    const value = equals < 0 ? args[++at] : text.slice(equals + 1);
    if (value === undefined) return { error: `flag needs an argument: -${name}\n${usage}`, code: 2 };
    values.set(name, value);
  }
  return { values };
}
