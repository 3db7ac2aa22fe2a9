import { TemplateFault } from "./fault.ts";
import { attributeDanger } from "./html-attribute.ts";

/**
 * Where in an HTML document a place is, as far as it decides what may be put there. `rcdata`: text of `title` and
 * `textarea`; `raw`: inside `script` and `style`.
 */
export interface HtmlContext {
  readonly state:
    | "text"
    | "rcdata"
    | "raw"
    | "comment"
    | "tag-name"
    | "tag"
    | "attribute-name"
    | "after-name"
    | "before-value"
    | "value";
  /** Lower-case name of the element of the tag, or whose text it is; with `/` in front: its closing tag. */
  readonly element: string;
  /** Lower-case name of the attribute. */
  readonly attribute: string;
  /** What ends the value: a quote, or empty for an unquoted one. */
  readonly quote: string;
}

/** The beginning of a document. */
export const documentStart: HtmlContext = { state: "text", element: "", attribute: "", quote: "" };

/** Whether two places take the same. */
export function sameContext(a: HtmlContext, b: HtmlContext): boolean {
  return a.state === b.state && a.element === b.element && a.attribute === b.attribute && a.quote === b.quote;
}

/** Why no value may stand at a place; undefined: it may, escaped by `escapeHtml`. */
export function valueRefusal(context: HtmlContext): string | undefined {
  const { state, element, attribute, quote } = context;
  if (state === "text" || state === "rcdata") return undefined;
  if (state === "raw") return `cannot print a value inside <${element}>; print it as text or in a data attribute`;
  if (state === "comment") return "cannot print a value in an HTML comment";
  if (state === "before-value" || (state === "value" && quote === "")) {
    return `cannot print a value without quotes; write ${attribute}="…"`;
  }
  if (state !== "value") return "cannot print a value inside a tag; values stand in text and quoted attributes";
  return attributeDanger(element, attribute);
}

const space = /[ \t\n\f\r]/;
const doctype = /^<!doctype/i;

/** Reads pieces of a document one after the other. */
class HtmlReader {
  output = "";
  state: HtmlContext["state"];
  element: string;
  attribute: string;
  quote: string;
  readonly #text: string;
  readonly #offset: number;
  #at = 0;

  constructor(context: HtmlContext, text: string, offset: number) {
    ({ state: this.state, element: this.element, attribute: this.attribute, quote: this.quote } = context);
    this.#text = text;
    this.#offset = offset;
  }

  run(): void {
    while (this.#at < this.#text.length) this.#step();
  }

  #step(): void {
    const { state } = this;
    if (state === "text") this.#inText();
    else if (state === "rcdata" || state === "raw") this.#inElement();
    else if (state === "comment") this.#inComment();
    else if (state === "tag-name" || state === "attribute-name") this.#inName();
    else if (state === "value") this.#inValue();
    else this.#betweenNames();
  }

  /** Passes everything up to `end` on. */
  #pass(end: number): void {
    this.output += this.#text.slice(this.#at, end);
    this.#at = end;
  }

  #inText(): void {
    const text = this.#text;
    const mark = text.indexOf("<", this.#at);
    this.#pass(mark < 0 ? text.length : mark);
    if (mark < 0) return;
    if (text.startsWith("<!--", mark)) {
      this.state = "comment";
      this.#at += 4;
      return;
    }
    const name = text[mark + 1] === "/" ? mark + 2 : mark + 1;
    if (/[A-Za-z]/.test(text[name] ?? "")) {
      this.state = "tag-name";
      this.element = name === mark + 2 ? "/" : "";
      this.#pass(name);
    } else if (doctype.test(text.slice(mark, mark + 9))) this.#pass(mark + 1);
    else {
      // It begins nothing; as Go's html/template, so that what follows cannot make it begin something.
      this.output += "&lt;";
      this.#at += 1;
    }
  }

  /** Text of an element that only its own closing tag ends (HTML §13.2.5.2 to §13.2.5.4). */
  #inElement(): void {
    const rest = this.#text.slice(this.#at);
    const end = new RegExp(`</${this.element}[ \\t\\n\\f\\r/>]`, "i").exec(rest);
    const inside = end === null ? rest : rest.slice(0, end.index);
    const nested = this.element === "script" ? inside.search(/<script/i) : -1;
    if (nested >= 0) {
      throw new TemplateFault(
        this.#offset + this.#at + nested,
        "cannot tell where a <script> with <script inside ends",
      );
    }
    this.output += this.state === "rcdata" ? inside.replaceAll("<", "&lt;") : inside;
    this.#at += inside.length;
    if (end !== null) this.state = "text";
  }

  /** Comments do not go out, as with Go's html/template. */
  #inComment(): void {
    const end = this.#text.indexOf("-->", this.#at);
    this.#at = end < 0 ? this.#text.length : end + 3;
    if (end < 0) return;
    this.state = "text";
    this.element = "";
  }

  #inName(): void {
    const start = this.#at;
    let end = start;
    const ends = this.state === "tag-name" ? /[ \t\n\f\r/>]/ : /[ \t\n\f\r/>=]/;
    while (end < this.#text.length && !ends.test(this.#text[end]!)) {
      if (`"'<`.includes(this.#text[end]!)) {
        throw new TemplateFault(this.#offset + end, `unexpected ${this.#text[end]} in a tag`);
      }
      end += 1;
    }
    const name = this.#text.slice(start, end).toLowerCase();
    if (this.state === "tag-name") this.element += name;
    else this.attribute += name;
    this.#pass(end);
    if (end === this.#text.length) return;
    this.state = this.state === "tag-name" ? "tag" : "after-name";
  }

  #betweenNames(): void {
    const character = this.#text[this.#at]!;
    if (space.test(character)) this.#pass(this.#at + 1);
    else if (this.state === "before-value") {
      if (character === ">") this.state = "tag";
      else {
        this.state = "value";
        this.quote = `"'`.includes(character) ? character : "";
        this.#pass(this.#at + this.quote.length);
      }
    } else if (this.state === "after-name") {
      if (character === "=") {
        this.state = "before-value";
        this.#pass(this.#at + 1);
      } else this.#endAttribute();
    } else if (character === ">") this.#endTag();
    else if (character === "/") this.#pass(this.#at + 1);
    else if (character === "=") throw new TemplateFault(this.#offset + this.#at, "expected an attribute name before =");
    else this.state = "attribute-name";
  }

  #inValue(): void {
    const rest = this.#text.slice(this.#at);
    const length = this.quote === "" ? rest.search(/[ \t\n\f\r>]/) : rest.indexOf(this.quote);
    if (length < 0) {
      this.#pass(this.#text.length);
      return;
    }
    this.#pass(this.#at + length + this.quote.length);
    this.#endAttribute();
  }

  #endAttribute(): void {
    this.state = "tag";
    this.attribute = "";
    this.quote = "";
  }

  #endTag(): void {
    this.#pass(this.#at + 1);
    this.attribute = "";
    const { element } = this;
    if (element === "script" || element === "style") this.state = "raw";
    else if (element === "title" || element === "textarea") this.state = "rcdata";
    else {
      this.state = "text";
      this.element = "";
    }
  }
}

/**
 * Follows the text of a template through the document: what goes out of it, as Go's html/template has it (comments
 * removed, a `<` that begins nothing escaped), and the place behind it. `offset`: of the text in the source.
 *
 * @throws TemplateFault for a tag that cannot be understood.
 */
export function readHtml(
  context: HtmlContext,
  text: string,
  offset: number,
): { readonly output: string; readonly context: HtmlContext } {
  const reader = new HtmlReader(context, text, offset);
  reader.run();
  const { output, state, element, attribute, quote } = reader;
  return { output, context: { state, element, attribute, quote } };
}
