import type { KeyOrder } from "./json-key-order.ts";
import { JsonSyntaxError, leadByte, quoteByte } from "./json-syntax-error.ts";

/** What a value turned out to be, in Go's words. */
export type JsonKind = "object" | "array" | "string" | "number" | "bool" | "null";

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Go's decoder refuses deeper nesting. */
const maxDepth = 10000;

const escapes = new Map([
  [quote, '"'],
  [backslash, "\\"],
  [0x2f, "/"],
  [0x62, "\b"],
  [0x66, "\f"],
  [0x6e, "\n"],
  [0x72, "\r"],
  [0x74, "\t"],
]);

/**
 * Reads one document from a text. A value is read by asking for its kind and then for the value, or by skipping it.
 *
 * A strict RFC 8259 reader that walks over the source text, so that the reader of a message sees what `JSON.parse`
 * hides: the digits of a number as they were written, duplicate keys, and where exactly the text is wrong. Each method
 * that reads throws `JsonSyntaxError` where the text is no JSON.
 */
export class JsonReader {
  /** Index of the next character. */
  position = 0;
  readonly #text: string;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The kind of the value that comes next; nothing is consumed but white space. */
  kind(): JsonKind {
    const code = this.#significant();
    if (code === quote) return "string";
    if (code === openBrace) return "object";
    if (code === openBracket) return "array";
    if (code === 0x74 || code === 0x66) return "bool";
    if (code === 0x6e) return "null";
    if (code === minus || (code >= zero && code <= nine)) return "number";
    throw this.#wrong(code, "looking for beginning of value");
  }

  /**
   * Reads an object; `member` is called after each key's colon and must consume the value. `order` is that of objects of
   * its kind.
   */
  object<T>(member: (reader: JsonReader, key: string, target: T) => void, target: T, order?: KeyOrder): void {
    this.#enter();
    let code = this.#significant();
    if (code === closeBrace) {
      this.#leave();
      return;
    }
    for (let index = 0; ; index++) {
      member(this, this.#key(code, order, index), target);
      code = this.#significant();
      if (code === closeBrace) break;
      if (code !== comma) throw this.#wrong(code, "after object key:value pair");
      this.position++;
      code = this.#significant();
    }
    this.#leave();
  }

  /** Reads an array; `element` is called before each element and must consume it. */
  array<T>(element: (reader: JsonReader, target: T) => void, target: T): void {
    this.#enter();
    if (this.#significant() === closeBracket) {
      this.#leave();
      return;
    }
    for (;;) {
      element(this, target);
      const code = this.#significant();
      if (code === closeBracket) break;
      if (code !== comma) throw this.#wrong(code, "after array element");
      this.position++;
    }
    this.#leave();
  }

  /** Reads a string. A lone surrogate escape becomes U+FFFD, as in Go. */
  string(): string {
    const text = this.#text;
    const start = ++this.position;
    let at = start;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === quote) {
        this.position = at + 1;
        return text.slice(start, at);
      }
      // Also true for NaN, the end of the text.
      if (code === backslash || !(code >= space)) break;
      at++;
    }
    this.position = at;
    return this.#stringWithEscapes(text.slice(start, at));
  }

  /** Reads a number and gives it as it was written. */
  number(): string {
    const start = this.position;
    if (this.#code() === minus) this.position++;
    const first = this.#code();
    if (!isDigit(first)) throw this.#wrong(first, "in numeric literal");
    this.position++;
    if (first !== zero) this.#digits();
    if (this.#code() === 0x2e) {
      this.position++;
      this.#needDigit("after decimal point in numeric literal");
    }
    if ((this.#code() | 0x20) === 0x65) {
      this.position++;
      const sign = this.#code();
      if (sign === minus || sign === 0x2b) this.position++;
      this.#needDigit("in exponent of numeric literal");
    }
    return this.#text.slice(start, this.position);
  }

  /** Reads `true`, `false` or `null`. */
  literal(): void {
    const first = this.#text.charCodeAt(this.position);
    const word = first === 0x74 ? "true" : first === 0x66 ? "false" : "null";
    for (let i = 1; i < word.length; i++) {
      this.position++;
      if (this.#code() !== word.charCodeAt(i))
        throw this.#wrong(this.#code(), `in literal ${word} (expecting '${word[i]}')`);
    }
    this.position++;
  }

  /** Reads `true` or `false`. */
  bool(): boolean {
    const value = this.#text.charCodeAt(this.position) === 0x74;
    this.literal();
    return value;
  }

  /** Reads a value that nobody wants, and says what it was. Nesting costs no stack. */
  skip(): JsonKind {
    const outermost = this.kind();
    const open: number[] = [];
    let kind = outermost;
    for (;;) {
      if (this.#skipHead(kind, open)) {
        kind = this.kind();
        continue;
      }
      if (!this.#nextSkipped(open)) return outermost;
      kind = this.kind();
    }
  }

  /** Skips a scalar or an empty container; of any other container its beginning: true, a value comes next. */
  #skipHead(kind: JsonKind, open: number[]): boolean {
    if (kind === "string") this.string();
    else if (kind === "number") this.number();
    else if (kind !== "object" && kind !== "array") this.literal();
    else {
      this.#enter();
      const close = kind === "object" ? closeBrace : closeBracket;
      const code = this.#significant();
      if (code !== close) {
        open.push(close);
        if (close === closeBrace) this.#key(code);
        return true;
      }
      this.#leave();
    }
    return false;
  }

  /** After a skipped value: closes what ends here and goes to the next value; false when nothing is open any more. */
  #nextSkipped(open: number[]): boolean {
    for (;;) {
      const close = open.at(-1);
      if (close === undefined) return false;
      const code = this.#significant();
      if (code === close) {
        this.#leave();
        open.pop();
        continue;
      }
      if (code !== comma)
        throw this.#wrong(code, close === closeBrace ? "after object key:value pair" : "after array element");
      this.position++;
      if (close === closeBrace) this.#key(this.#significant());
      return true;
    }
  }

  /** Only white space may follow. */
  end(): void {
    this.#white();
    if (this.position < this.#text.length) throw this.#wrong(this.#code(), "after top-level value");
  }

  /** Reads a key and its colon; `first` is the character it begins with. */
  #key(first: number, order?: KeyOrder, index = 0): string {
    if (first !== quote) throw this.#wrong(first, "looking for beginning of object key string");
    const key = order === undefined ? this.string() : this.#expectedKey(order, index);
    const code = this.#significant();
    if (code !== colon) throw this.#wrong(code, "after object key");
    this.position++;
    return key;
  }

  #expectedKey(order: KeyOrder, index: number): string {
    const start = this.position + 1;
    const expected = order.at(index);
    const end = start + expected.length;
    if (expected !== "" && this.#text.charCodeAt(end) === quote && this.#text.startsWith(expected, start)) {
      this.position = end + 1;
      return expected;
    }
    const key = this.string();
    // With an escape in it the text is longer than the key.
    if (this.position - start === key.length + 1) order.surprise(index, key);
    return key;
  }

  #stringWithEscapes(begin: string): string {
    const text = this.#text;
    let value = begin;
    for (;;) {
      const code = text.charCodeAt(this.position);
      if (code === quote) break;
      if (code === backslash) {
        this.position++;
        value += this.#escape();
        continue;
      }
      if (Number.isNaN(code)) throw this.#tooShort();
      if (code < space) throw this.#wrong(code, "in string literal");
      const start = this.position++;
      for (;;) {
        const next = text.charCodeAt(this.position);
        if (next === quote || next === backslash || !(next >= space)) break;
        this.position++;
      }
      value += text.slice(start, this.position);
    }
    this.position++;
    return value.toWellFormed();
  }

  #escape(): string {
    const code = this.#code();
    const simple = escapes.get(code);
    if (simple !== undefined) {
      this.position++;
      return simple;
    }
    if (code !== 0x75) throw this.#wrong(code, "in string escape code");
    let value = 0;
    for (let i = 0; i < 4; i++) {
      this.position++;
      const digit = Number.parseInt(this.#text[this.position] ?? " ", 16);
      if (Number.isNaN(digit)) throw this.#wrong(this.#code(), "in \\u hexadecimal character escape");
      value = value * 16 + digit;
    }
    this.position++;
    return String.fromCharCode(value);
  }

  #needDigit(context: string): void {
    if (!isDigit(this.#code())) throw this.#wrong(this.#code(), context);
    this.#digits();
  }

  #digits(): void {
    while (isDigit(this.#code())) this.position++;
  }

  /** The next character; past the end a space, which is what Go's scanner feeds itself there. */
  #code(): number {
    return this.position < this.#text.length ? this.#text.charCodeAt(this.position) : space;
  }

  #white(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.position);
      if (code !== space && code !== lf && code !== cr && code !== tab) return;
      this.position++;
    }
  }

  #significant(): number {
    this.#white();
    if (this.position >= this.#text.length) throw this.#tooShort();
    return this.#text.charCodeAt(this.position);
  }

  #enter(): void {
    this.position++;
    if (++this.#depth > maxDepth) throw new JsonSyntaxError("exceeded max depth", this.position - 1);
  }

  #leave(): void {
    this.position++;
    this.#depth--;
  }

  #tooShort(): JsonSyntaxError {
    return new JsonSyntaxError("unexpected end of JSON input", -1);
  }

  #wrong(code: number, context: string): JsonSyntaxError {
    const byte = code < 0x80 ? code : leadByte(this.#text, this.position);
    return new JsonSyntaxError(`invalid character ${quoteByte(byte)} ${context}`, this.position);
  }
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}
