import { ExpressionReader, type Names, type Operand } from "./expressions.ts";
import { TemplateFault } from "./fault.ts";
import { splitTemplate } from "./pieces.ts";
import { type Token, tokensOf } from "./tokens.ts";
import type { Evaluate } from "./values.ts";

/** A part of a template; `at` is its offset in the source. */
export type Node =
  | { readonly kind: "text"; readonly text: string; readonly at: number }
  | { readonly kind: "print"; readonly evaluate: Evaluate; readonly at: number }
  | { readonly kind: "set"; readonly slot: number; readonly evaluate: Evaluate; readonly at: number }
  | {
      readonly kind: "branch";
      readonly word: "if" | "with";
      /** Undefined: the page, which is always true. */
      readonly condition: Evaluate | undefined;
      /** Where the condition's value goes. */
      readonly slot: number;
      readonly then: readonly Node[];
      readonly otherwise: readonly Node[];
      readonly at: number;
    };

/** What a template is made of. */
export interface ParsedTemplate {
  readonly nodes: readonly Node[];
  /** Variables that it has, all branches together. */
  readonly slots: number;
}

/** Variables and dot of one block; blocks see those around them. */
class Scope implements Names {
  readonly dot: number | undefined;
  readonly #outer: Scope | undefined;
  readonly #variables = new Map<string, number | "page">();

  constructor(outer: Scope | undefined, dot: number | undefined) {
    this.#outer = outer;
    this.dot = dot;
    if (outer === undefined) this.#variables.set("$", "page");
  }

  variable(name: string): number | "page" | undefined {
    return this.#variables.get(name) ?? this.#outer?.variable(name);
  }

  declare(name: string, slot: number | "page"): void {
    this.#variables.set(name, slot);
  }
}

/** How a list of nodes ended. */
interface Ending {
  readonly word: "end" | "else" | "eof";
  readonly tokens: readonly Token[];
  readonly at: number;
  readonly end: number;
}

const unsupported = new Set(["range", "template", "define", "block", "break", "continue"]);

class Parser {
  slots = 0;
  readonly #source: string;
  readonly #pieces;
  #next = 0;

  constructor(source: string) {
    this.#source = source;
    this.#pieces = splitTemplate(source);
  }

  /** Nodes up to `{{else}}`, `{{end}}` or the end of the template. */
  list(scope: Scope): { readonly nodes: Node[]; readonly ending: Ending } {
    const nodes: Node[] = [];
    for (let piece = this.#pieces[this.#next++]; piece !== undefined; piece = this.#pieces[this.#next++]) {
      const { start, end } = piece;
      if (piece.kind === "text") {
        nodes.push({ kind: "text", text: this.#source.slice(start, end), at: start });
        continue;
      }
      const tokens = tokensOf(this.#source, start, end);
      const [first] = tokens;
      if (first === undefined) throw new TemplateFault(start, "missing value for command");
      const word = first.kind === "word" ? first.text : "";
      if (word === "end" || word === "else") return { nodes, ending: { word, tokens, at: first.start, end } };
      if (unsupported.has(word)) throw new TemplateFault(first.start, `{{${word}}} is not supported`);
      if (word === "if" || word === "with") nodes.push(this.#branch(word, tokens, 1, end, scope));
      else this.#plain(nodes, tokens, end, scope);
    }
    const at = this.#source.length;
    return { nodes, ending: { word: "eof", tokens: [], at, end: at } };
  }

  /** `{{pipeline}}`, `{{$x := pipeline}}`, `{{$x = pipeline}}`. */
  #plain(nodes: Node[], tokens: readonly Token[], end: number, scope: Scope): void {
    const at = tokens[0]!.start;
    const assigns = tokens[1]?.kind === "mark" && tokens[1].text === "=";
    const declared = this.#declaration(tokens, 0);
    if (declared === undefined && !assigns) {
      const { evaluate } = new ExpressionReader(this.#source, tokens, 0, end, scope).readAll();
      if (evaluate === undefined) throw new TemplateFault(at, "cannot print the whole page; print a field of it");
      nodes.push({ kind: "print", evaluate, at });
      return;
    }
    const operand = new ExpressionReader(this.#source, tokens, 2, end, scope).readAll();
    if (declared !== undefined) {
      const slot = this.#slotFor(operand);
      scope.declare(declared, slot);
      if (slot !== "page") nodes.push({ kind: "set", slot, evaluate: operand.evaluate!, at });
      return;
    }
    const known = scope.variable(tokens[0]!.text);
    if (known === undefined) throw new TemplateFault(at, `undefined variable ${JSON.stringify(tokens[0]!.text)}`);
    if (known === "page" || operand.evaluate === undefined) {
      throw new TemplateFault(at, "cannot assign the page, or to it; declare a variable of its own by :=");
    }
    nodes.push({ kind: "set", slot: known, evaluate: operand.evaluate, at });
  }

  /** Name of the variable that `$x :=` at that token declares. */
  #declaration(tokens: readonly Token[], from: number): string | undefined {
    const [variable, mark] = [tokens[from], tokens[from + 1]];
    if (variable?.kind !== "variable" || mark?.text !== ":=" || mark.kind !== "mark") return undefined;
    return variable.text;
  }

  #slotFor(operand: Operand): number | "page" {
    return operand.evaluate === undefined ? "page" : this.slots++;
  }

  /** `{{if}}` or `{{with}}`, whose pipeline begins at token `from`, up to its `{{end}}`. */
  #branch(word: "if" | "with", tokens: readonly Token[], from: number, end: number, outer: Scope): Node {
    const at = tokens[from - 1]!.start;
    const scope = new Scope(outer, outer.dot);
    const declared = this.#declaration(tokens, from);
    const first = declared === undefined ? from : from + 2;
    const { evaluate: condition } = new ExpressionReader(this.#source, tokens, first, end, outer).readAll();
    const slot = this.slots++;
    if (declared !== undefined) scope.declare(declared, condition === undefined ? "page" : slot);
    const dot = word === "with" ? (condition === undefined ? undefined : slot) : outer.dot;
    const { nodes: then, ending } = this.list(new Scope(scope, dot));
    const otherwise = this.#otherwise(word, ending, at, scope);
    return { kind: "branch", word, condition, slot, then, otherwise, at };
  }

  /** What follows the first part of a branch: `{{end}}`, `{{else}}` with its part, or `{{else if}}`, `{{else with}}`. */
  #otherwise(word: string, ending: Ending, at: number, scope: Scope): readonly Node[] {
    if (ending.word === "eof") throw new TemplateFault(at, `{{${word}}} has no {{end}}`);
    if (ending.word === "end") {
      this.#nothingBehind(ending);
      return [];
    }
    const again = ending.tokens[1];
    if (again?.kind === "word" && (again.text === "if" || again.text === "with")) {
      return [this.#branch(again.text, ending.tokens, 2, ending.end, scope)];
    }
    this.#nothingBehind(ending);
    const { nodes, ending: last } = this.list(new Scope(scope, scope.dot));
    if (last.word === "eof") throw new TemplateFault(at, `{{${word}}} has no {{end}}`);
    if (last.word === "else") throw new TemplateFault(last.at, "expected {{end}}, found {{else}}");
    this.#nothingBehind(last);
    return nodes;
  }

  #nothingBehind({ tokens, word }: Ending): void {
    if (tokens[1] !== undefined) throw new TemplateFault(tokens[1].start, `unexpected text behind {{${word}}}`);
  }
}

/**
 * Reads a template of the subset of data-plane §2.2. `source` is one character per byte.
 *
 * @throws TemplateFault
 */
export function parseTemplate(source: string): ParsedTemplate {
  const parser = new Parser(source);
  const { nodes, ending } = parser.list(new Scope(undefined, undefined));
  if (ending.word !== "eof") throw new TemplateFault(ending.at, `unexpected {{${ending.word}}}`);
  return { nodes, slots: parser.slots };
}
