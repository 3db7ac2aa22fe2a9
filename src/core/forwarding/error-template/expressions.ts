import { TemplateFault } from "./fault.ts";
import type { Token } from "./tokens.ts";
import { type Evaluate, equal, format, isTrue, less, type Value } from "./values.ts";

/** What an expression stands for: a value, or the page itself, whose fields can be read and nothing else. */
export interface Operand {
  /** Undefined: the page. */
  readonly evaluate: Evaluate | undefined;
  /** The value, when it is a literal. */
  readonly literal: Value | undefined;
  readonly start: number;
}

/** What names mean where an expression stands. */
export interface Names {
  /** Slot of the dot's value; undefined: the dot is the page. */
  readonly dot: number | undefined;
  /** Slot of a variable; `page`: it is the page; undefined: there is none. */
  variable(name: string): number | "page" | undefined;
}

type Call = (args: readonly Operand[], fault: (reason: string) => TemplateFault) => Evaluate;

const value = (operand: Operand): Evaluate => {
  if (operand.evaluate === undefined) {
    throw new TemplateFault(
      operand.start,
      "cannot use the whole page as a value; write .Status, .Message or another field",
    );
  }
  return operand.evaluate;
};

function count(args: readonly Operand[], least: number, most: number, fault: (reason: string) => TemplateFault): void {
  if (args.length >= least && args.length <= most) return;
  const wanted = least === most ? String(least) : `at least ${least}`;
  throw fault(`wrong number of arguments: want ${wanted}, got ${args.length}`);
}

/** A comparison of the first argument with the others: true when it holds for one. */
function comparison(name: string, most: number, holds: (left: Value, right: Value) => boolean | string): Call {
  return (args, fault) => {
    count(args, 2, most, fault);
    const [first, ...others] = args.map(value) as [Evaluate, ...Evaluate[]];
    return (frame) => {
      const left = first(frame);
      for (const other of others) {
        const result = holds(left, other(frame));
        if (typeof result === "string") throw fault(`error calling ${name}: ${result}`);
        if (result) return true;
      }
      return false;
    };
  };
}

const notEqual = (left: Value, right: Value): boolean | string => {
  const same = equal(left, right);
  return typeof same === "string" ? same : !same;
};

/** Evaluates arguments until one decides; the last one does in any case. */
function firstThat(decides: (value: Value) => boolean): Call {
  return (args, fault) => {
    count(args, 1, Number.POSITIVE_INFINITY, fault);
    const evaluations = args.map(value);
    return (frame) => {
      let result: Value = "";
      for (const evaluate of evaluations) {
        result = evaluate(frame);
        if (decides(result)) return result;
      }
      return result;
    };
  };
}

const functions: Readonly<Record<string, Call>> = {
  and: firstThat((value) => !isTrue(value)),
  or: firstThat(isTrue),
  not(args, fault) {
    count(args, 1, 1, fault);
    const evaluate = value(args[0]!);
    return (frame) => !isTrue(evaluate(frame));
  },
  eq: comparison("eq", Number.POSITIVE_INFINITY, equal),
  ne: comparison("ne", 2, notEqual),
  lt: comparison("lt", 2, less),
  gt: comparison("gt", 2, (left, right) => less(right, left)),
  printf(args, fault) {
    const text = args[0]?.literal;
    if (typeof text !== "string") throw fault("printf needs a string literal as its format");
    const verbs = text.match(/%./gs) ?? [];
    const unknown = verbs.find((verb) => verb !== "%s" && verb !== "%d" && verb !== "%%");
    if (unknown !== undefined || /(?:^|[^%])(?:%%)*%$/.test(text)) {
      throw fault(`printf knows %s, %d and %%, not ${unknown ?? "a single % at the end"}`);
    }
    const wanted = verbs.filter((verb) => verb !== "%%").length;
    if (args.length - 1 !== wanted) throw fault(`printf has ${wanted} verbs for ${args.length - 1} values`);
    const evaluations = args.slice(1).map(value);
    return (frame) =>
      format(
        text,
        evaluations.map((evaluate) => evaluate(frame)),
      );
  },
};

const pageFields: Readonly<Record<string, Evaluate>> = {
  ".Status": (frame) => frame.page.status,
  ".StatusText": (frame) => frame.page.statusText,
  ".Message": (frame) => frame.page.message,
};

/** Reads expressions off the tokens of one action, by Go's grammar for pipelines. */
export class ExpressionReader {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #names: Names;
  readonly #end: number;
  #next: number;

  /** `from`: index of the first token of the pipeline; `end`: offset behind the action. */
  constructor(source: string, tokens: readonly Token[], from: number, end: number, names: Names) {
    this.#source = source;
    this.#tokens = tokens;
    this.#next = from;
    this.#end = end;
    this.#names = names;
  }

  /** The pipeline up to the end of the action. */
  readAll(): Operand {
    const result = this.#pipeline();
    const left = this.#tokens[this.#next];
    if (left !== undefined) throw new TemplateFault(left.start, `unexpected ${this.#shown(left)}`);
    return result;
  }

  #shown(token: Token): string {
    return this.#source.slice(token.start, token.end);
  }

  #peekMark(mark: string): boolean {
    const token = this.#tokens[this.#next];
    return token?.kind === "mark" && token.text === mark;
  }

  #pipeline(): Operand {
    let result = this.#command(undefined);
    while (this.#peekMark("|")) {
      this.#next += 1;
      result = this.#command(result);
    }
    return result;
  }

  /** One command; `piped` is its last argument. */
  #command(piped: Operand | undefined): Operand {
    const first = this.#tokens[this.#next];
    if (first === undefined) throw new TemplateFault(this.#end, "missing value for command");
    const isCall = first.kind === "word" && first.text !== "true" && first.text !== "false";
    if (!isCall && !this.#isHeaderGet(this.#next)) {
      const operand = this.#operand();
      const next = this.#tokens[this.#next];
      if (piped !== undefined || (next !== undefined && !(next.kind === "mark" && "|)".includes(next.text)))) {
        throw new TemplateFault(first.start, `cannot give an argument to ${this.#shown(first)}: it is no function`);
      }
      return operand;
    }
    const name = isCall ? first.text : ".Header.Get";
    const call = isCall ? (Object.hasOwn(functions, name) ? functions[name] : undefined) : headerGet;
    if (call === undefined) {
      const known = Object.keys(functions).join(", ");
      throw new TemplateFault(first.start, `${JSON.stringify(name)} is not supported; there are ${known}`);
    }
    this.#next += isCall ? 1 : this.#chainLength(this.#next);
    const args: Operand[] = [];
    for (let token = this.#tokens[this.#next]; token !== undefined; token = this.#tokens[this.#next]) {
      if (token.kind === "mark" && token.text !== "(") break;
      args.push(this.#operand());
    }
    if (piped !== undefined) args.push(piped);
    const end = this.#tokens[this.#next - 1]!.end;
    const text = this.#source.slice(first.start, end);
    const fault = (reason: string): TemplateFault => new TemplateFault(first.start, `at <${text}>: ${reason}`);
    return { evaluate: call(args, fault), literal: undefined, start: first.start };
  }

  /** Tokens of the chain (`.A.B`, `$x.A`) that begins there. */
  #chainLength(from: number): number {
    let length = 1;
    for (;;) {
      const token = this.#tokens[from + length];
      if (token?.kind !== "field" || !token.adjacent) return length;
      length += 1;
    }
  }

  /** A chain on the page that ends in `.Header.Get`. */
  #isHeaderGet(from: number): boolean {
    const chain = this.#tokens.slice(from, from + this.#chainLength(from));
    if (chain.length < 2 || chain.at(-2)!.text !== ".Header" || chain.at(-1)!.text !== ".Get") return false;
    const base = chain.length === 2 ? this.#names.dot === undefined : this.#isPageVariable(chain[0]!);
    return base && chain.length === (chain[0]!.kind === "variable" ? 3 : 2);
  }

  #isPageVariable(token: Token): boolean {
    return token.kind === "variable" && this.#names.variable(token.text) === "page";
  }

  #operand(): Operand {
    const token = this.#tokens[this.#next]!;
    const start = token.start;
    const literal = (held: Value): Operand => {
      this.#next += 1;
      return { evaluate: () => held, literal: held, start };
    };
    if (token.kind === "string") return literal(token.text);
    if (token.kind === "number") return literal(Number(token.text));
    if (token.kind === "word" && (token.text === "true" || token.text === "false"))
      return literal(token.text === "true");
    if (token.kind === "mark" && token.text === "(") return this.#parenthesised(token);
    if (token.kind === "dot") {
      this.#next += 1;
      return this.#slot(this.#names.dot, start);
    }
    if (token.kind === "variable" || token.kind === "field") return this.#chain(token);
    if (token.kind === "word") {
      throw new TemplateFault(start, `${JSON.stringify(token.text)} is not supported here; put calls into parentheses`);
    }
    throw new TemplateFault(start, `unexpected ${this.#shown(token)}`);
  }

  #parenthesised(open: Token): Operand {
    this.#next += 1;
    const inner = this.#pipeline();
    if (!this.#peekMark(")")) throw new TemplateFault(open.start, "unclosed parenthesis");
    this.#next += 1;
    const after = this.#tokens[this.#next];
    if (after?.kind === "field" && after.adjacent) {
      throw new TemplateFault(after.start, `cannot read ${after.text} of an expression`);
    }
    return { ...inner, literal: undefined };
  }

  #slot(slot: number | undefined, start: number): Operand {
    const evaluate: Evaluate | undefined = slot === undefined ? undefined : (frame) => frame.slots[slot]!;
    return { evaluate, literal: undefined, start };
  }

  /** `.Field`, `$x`, `$x.Field`. */
  #chain(first: Token): Operand {
    const length = this.#chainLength(this.#next);
    const chain = this.#tokens.slice(this.#next, this.#next + length);
    const fields = first.kind === "field" ? chain : chain.slice(1);
    const text = chain.map((token) => token.text).join("");
    this.#next += length;
    let base: number | "page" | undefined = this.#names.dot ?? "page";
    if (first.kind === "variable") {
      base = this.#names.variable(first.text);
      if (base === undefined) throw new TemplateFault(first.start, `undefined variable ${JSON.stringify(first.text)}`);
    }
    if (fields.length === 0) return this.#slot(base === "page" ? undefined : base, first.start);
    const [field] = fields;
    const evaluate = base === "page" && fields.length === 1 && Object.hasOwn(pageFields, field!.text);
    if (evaluate) return { evaluate: pageFields[field!.text], literal: undefined, start: first.start };
    if (base === "page" && field!.text === ".Header") {
      throw new TemplateFault(first.start, 'of .Header there is .Header.Get "NAME", as a command or in parentheses');
    }
    const known = ".Status, .StatusText, .Message and .Header.Get";
    throw new TemplateFault(first.start, `cannot read ${text}: the fields are ${known}, of the page`);
  }
}

const headerGet: Call = (args, fault) => {
  count(args, 1, 1, fault);
  const name = value(args[0]!);
  return (frame) => {
    const wanted = name(frame);
    if (typeof wanted !== "string") throw fault("wrong type for value; expected string");
    return frame.page.header(wanted);
  };
};
