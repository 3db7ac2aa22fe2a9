import { type Document, LineCounter, parseAllDocuments, type YAMLError } from "yaml";
import type { Position } from "../core/config/config-error.ts";

/** Wider than any text is indented. */
const indentation = " ".repeat(256);
/** Lines that are indented at the most: each costs a reading of the whole text. */
const mostLines = 500;
/** No quotes and brackets reach beyond the end of a document. */
const endOfDocument = /^(?:---|\.\.\.)(?:\s|$)/;

/** The first document of a YAML text. */
export class YamlDocument {
  /** Undefined: there is none. */
  readonly document: Document | undefined;
  readonly #lines = new LineCounter();
  /** Numbers of the lines that have `indentation` in front of what the text has. */
  readonly #indented: ReadonlySet<number>;

  constructor(text: string, indented: ReadonlySet<number>) {
    // "failsafe": every scalar stays text; the core decides what it is, by Go's rules.
    const options = { schema: "failsafe", version: "1.2", uniqueKeys: false, lineCounter: this.#lines } as const;
    const documents = parseAllDocuments(text, { ...options, prettyErrors: false, logLevel: "silent" });
    this.document = Array.isArray(documents) ? documents[0] : undefined;
    this.#indented = indented;
  }

  get error(): YAMLError | undefined {
    return this.document?.errors[0];
  }

  /** Line and column of an offset, as in the text that was given. */
  position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: this.#indented.has(line) ? Math.max(col - indentation.length, 1) : col };
  }
}

/** Where the line begins that the parser finds too little indented; undefined: it complains of something else. */
function lineTooFarLeft(text: string, { code, message, pos: [offset] }: YAMLError): number | undefined {
  if (code === "BAD_INDENT" && message.startsWith("Flow ")) return text.lastIndexOf("\n", offset - 1) + 1;
  if (code !== "MISSING_CHAR" || !message.startsWith("Missing closing ")) return undefined;
  const end = text.indexOf("\n", offset);
  return end < 0 ? undefined : end + 1;
}

/**
 * Reads the first document of a YAML text. As in Go's YAML package, whose files operators have, lines inside of `[…]`,
 * `{…}` and quotes may be indented as they like; the parser wants them further in than their key, so they are moved.
 */
export function readYaml(text: string): YamlDocument {
  const asGiven = new YamlDocument(text, new Set());
  let latest = asGiven;
  let moved = text;
  const indented = new Set<number>();
  while (latest.error !== undefined && indented.size < mostLines) {
    const start = lineTooFarLeft(moved, latest.error);
    if (start === undefined || start >= moved.length || endOfDocument.test(moved.slice(start, start + 4))) break;
    const { line } = latest.position(start);
    if (indented.has(line)) break;
    indented.add(line);
    moved = moved.slice(0, start) + indentation + moved.slice(start);
    latest = new YamlDocument(moved, indented);
  }
  return latest.error === undefined ? latest : asGiven;
}
