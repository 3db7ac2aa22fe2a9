import { TemplateFault } from "./fault.ts";

/**
 * A token of an action. `text`: of a word, field (`.Name`), variable (`$name`) or mark as written; of a string or number
 * literal its value.
 */
export interface Token {
  readonly kind: "word" | "field" | "dot" | "variable" | "string" | "number" | "mark";
  readonly text: string;
  /** `[start, end)` in the source. */
  readonly start: number;
  readonly end: number;
  /** Nothing stands between it and the token before. */
  readonly adjacent: boolean;
}

const name = /[A-Za-z_][A-Za-z_0-9]*/y;
const number = /[+-]?(?:0|[1-9][0-9]*)(?![0-9A-Za-z_.])/y;
const quoted = /"((?:[^"\\\n]|\\[^\n])*)"/y;
const raw = /`([^`]*)`/y;
const escapes = /\\(?:([abfnrtv\\"])|x([0-9A-Fa-f]{2})|([0-3][0-7]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))/g;
const letters: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};

function matchAt(pattern: RegExp, source: string, at: number, end: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  const match = pattern.exec(source);
  return match !== null && at + match[0].length <= end ? match : undefined;
}

/** A code point in UTF-8, one character per byte; undefined for what is none. */
function encoded(code: number): string | undefined {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  let bytes = "";
  for (const byte of new TextEncoder().encode(String.fromCodePoint(code))) bytes += String.fromCharCode(byte);
  return bytes;
}

/** The value of an interpreted string literal (Go's escapes), one character per byte. */
function unescaped(text: string, at: number): string {
  return text.replaceAll(escapes, (whole, letter, byte, octal, four, eight) => {
    const value =
      letter !== undefined
        ? letters[letter]
        : byte !== undefined
          ? String.fromCharCode(Number.parseInt(byte, 16))
          : octal !== undefined
            ? String.fromCharCode(Number.parseInt(octal, 8))
            : encoded(Number.parseInt(four ?? eight ?? "110000", 16));
    if (value === undefined) throw new TemplateFault(at, `unknown escape ${whole} in a string`);
    return value;
  });
}

/** The token at `at`, which is no white space. */
function tokenAt(source: string, at: number, end: number): Omit<Token, "adjacent"> {
  const character = source[at]!;
  const token = (kind: Token["kind"], length: number, text = source.slice(at, at + length)) => ({
    kind,
    text,
    start: at,
    end: at + length,
  });
  if (character === "." || character === "$") {
    const found = matchAt(name, source, at + 1, end);
    if (character === "$") return token("variable", 1 + (found?.[0].length ?? 0));
    return found === undefined ? token("dot", 1) : token("field", 1 + found[0].length);
  }
  const word = matchAt(name, source, at, end);
  if (word !== undefined) return token("word", word[0].length);
  const literal = matchAt(quoted, source, at, end);
  if (literal !== undefined) return token("string", literal[0].length, unescaped(literal[1]!, at));
  const rawLiteral = matchAt(raw, source, at, end);
  if (rawLiteral !== undefined) return token("string", rawLiteral[0].length, rawLiteral[1]!);
  const digits = matchAt(number, source, at, end);
  if (digits !== undefined) return token("number", digits[0].length);
  if (source.startsWith(":=", at)) return token("mark", 2);
  if ("()|=".includes(character)) return token("mark", 1);
  throw new TemplateFault(at, `${JSON.stringify(character)} is not supported here`);
}

/**
 * The tokens of an action, which is `source[start, end)`.
 *
 * @throws TemplateFault
 */
export function tokensOf(source: string, start: number, end: number): Token[] {
  const tokens: Token[] = [];
  let last = -1;
  let at = start;
  for (;;) {
    while (at < end && " \t\r\n".includes(source[at]!)) at += 1;
    if (at >= end) return tokens;
    const token = tokenAt(source, at, end);
    const adjacent = token.start === last;
    if (adjacent && runsInto(tokens.at(-1)!, token)) {
      throw new TemplateFault(at, `put a space in front of ${source.slice(token.start, token.end)}`);
    }
    tokens.push({ ...token, adjacent });
    last = token.end;
    at = token.end;
  }
}

/** Whether two tokens that touch each other must not. */
function runsInto(before: Pick<Token, "kind">, after: Pick<Token, "kind">): boolean {
  if (before.kind === "mark" || after.kind === "mark") return false;
  return !(after.kind === "field" && (before.kind === "field" || before.kind === "variable"));
}
