import type { Runtime } from "../runtime/interface.ts";

/** Where files are looked for. */
type Directories = Pick<Runtime, "listDirectory">;

const malformed = (): Error => new Error("syntax error in pattern");

/** Text that means itself in a regular expression. */
function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** A character that means itself in a character class. */
function member(char: string): string {
  return char === "-" ? "\\-" : literal(char);
}

/** One path segment of a pattern as a regular expression; undefined: it has no wild card and stands for `text`. */
function compileSegment(pattern: string): { readonly matcher: RegExp | undefined; readonly text: string } {
  let source = "";
  let text = "";
  let wild = false;
  const character = (at: number): [char: string, next: number] => {
    const char = pattern[at];
    if (char === undefined) throw malformed();
    if (char !== "\\") return [char, at + 1];
    const escaped = pattern[at + 1];
    if (escaped === undefined) throw malformed();
    return [escaped, at + 2];
  };
  for (let at = 0; at < pattern.length; ) {
    const char = pattern[at]!;
    if (char === "*" || char === "?") {
      wild = true;
      source += char === "*" ? ".*" : ".";
      at++;
    } else if (char === "[") {
      wild = true;
      at++;
      const negated = pattern[at] === "^";
      if (negated) at++;
      let ranges = "";
      while (ranges === "" || pattern[at] !== "]") {
        if (pattern[at] === "]" || pattern[at] === "-") throw malformed();
        const [low, next] = character(at);
        at = next;
        let high = low;
        if (pattern[at] === "-") {
          if (pattern[at + 1] === "]" || pattern[at + 1] === "-") throw malformed();
          [high, at] = character(at + 1);
        }
        if (high >= low) ranges += `${member(low)}-${member(high)}`;
        // A range that is upside down matches nothing, but is no mistake.
        else ranges += "\\b";
      }
      at++;
      source += `[${negated ? "^" : ""}${ranges}]`;
    } else {
      const [plain, next] = character(at);
      source += literal(plain);
      text += plain;
      at = next;
    }
  }
  return { matcher: wild ? new RegExp(`^${source}$`, "su") : undefined, text };
}

/** A pattern for paths, shell-style per path segment: `*`, `?`, `[a-z]`, `[^a]`, `\x`; no `**` (route-registrar §12). */
export class Glob {
  readonly #root: string;
  readonly #segments: readonly ReturnType<typeof compileSegment>[];

  /** @throws Error `syntax error in pattern`. */
  constructor(pattern: string) {
    this.#root = pattern.startsWith("/") ? "/" : "";
    this.#segments = pattern
      .split("/")
      .filter((segment) => segment !== "")
      .map(compileSegment);
  }

  /** Paths that match, sorted. The last segment may not exist when it has no wild card; unreadable directories are empty. */
  async expand(directories: Directories): Promise<string[]> {
    let paths = [this.#root];
    for (const { matcher, text } of this.#segments) {
      const next: string[] = [];
      for (const path of paths) {
        if (matcher === undefined) next.push(join(path, text));
        else
          for (const name of await namesIn(directories, path === "" ? "." : path))
            if (matcher.test(name)) next.push(join(path, name));
      }
      paths = next;
    }
    return paths.sort();
  }
}

function join(path: string, name: string): string {
  return path === "" || path === "/" ? `${path}${name}` : `${path}/${name}`;
}

async function namesIn(directories: Directories, path: string): Promise<readonly string[]> {
  try {
    return await directories.listDirectory(path);
  } catch {
    return [];
  }
}
