import { utf8Bytes } from "../../observe/access-log-quote.ts";
import { positionText, TemplateFault } from "./fault.ts";
import { documentStart, type HtmlContext, readHtml, sameContext, valueRefusal } from "./html-context.ts";
import { escapeHtml } from "./html-escape.ts";
import { type Node, parseTemplate } from "./parse.ts";
import { type Frame, isTrue, type TemplatePage } from "./values.ts";

/**
 * A compiled page: gives HTML, one character per byte.
 *
 * @throws Error when a value does not fit, with template name, line and column.
 */
export type ErrorTemplate = (page: TemplatePage) => string;

type Render = (frame: Frame) => string;

/** Nodes as one function, and the place in the document behind them. */
function compileNodes(
  nodes: readonly Node[],
  start: HtmlContext,
): { readonly render: Render; readonly context: HtmlContext } {
  const parts: Render[] = [];
  let context = start;
  for (const node of nodes) {
    if (node.kind === "text") {
      const { output, context: next } = readHtml(context, node.text, node.at);
      context = next;
      if (output !== "") parts.push(() => output);
    } else if (node.kind === "print") {
      const refusal = valueRefusal(context);
      if (refusal !== undefined) throw new TemplateFault(node.at, refusal);
      const { evaluate } = node;
      parts.push((frame) => escapeHtml(String(evaluate(frame))));
    } else if (node.kind === "set") {
      const { slot, evaluate } = node;
      parts.push((frame) => {
        frame.slots[slot] = evaluate(frame);
        return "";
      });
    } else {
      const branch = compileBranch(node, context);
      context = branch.context;
      parts.push(branch.render);
    }
  }
  const render: Render = (frame) => {
    let text = "";
    for (const part of parts) text += part(frame);
    return text;
  };
  return { render, context };
}

function compileBranch(
  node: Extract<Node, { kind: "branch" }>,
  start: HtmlContext,
): { readonly render: Render; readonly context: HtmlContext } {
  const { condition, slot, word } = node;
  const then = compileNodes(node.then, start);
  const otherwise = compileNodes(node.otherwise, start);
  if (!sameContext(then.context, otherwise.context)) {
    throw new TemplateFault(node.at, `{{${word}}} branches end in different contexts`);
  }
  const render: Render = (frame) => {
    if (condition === undefined) return then.render(frame);
    const value = condition(frame);
    frame.slots[slot] = value;
    return isTrue(value) ? then.render(frame) : otherwise.render(frame);
  };
  return { render, context: then.context };
}

/**
 * Compiles an HTML error template (data-plane §2.2): the part of Go's template language that error pages use, values
 * only in text and quoted plain attributes, everything else refused. `name` stands in errors; `source` is text.
 *
 * @throws Error with `template: NAME:LINE:COLUMN: REASON`.
 */
export function compileErrorTemplate(name: string, source: string): ErrorTemplate {
  const bytes = utf8Bytes(source);
  const located = (error: unknown, during: string): unknown => {
    if (!(error instanceof TemplateFault)) return error;
    return new Error(`template: ${name}:${positionText(bytes, error.at)}: ${during}${error.message}`, { cause: error });
  };
  try {
    const { nodes, slots } = parseTemplate(bytes);
    const { render, context } = compileNodes(nodes, documentStart);
    if (context.state !== "text") throw new TemplateFault(bytes.length, `ends inside a ${placeName(context)}`);
    return (page) => {
      try {
        return render({ page, slots: new Array(slots).fill("") });
      } catch (error) {
        throw located(error, `executing ${JSON.stringify(name)} `);
      }
    };
  } catch (error) {
    throw located(error, "");
  }
}

function placeName({ state, element }: HtmlContext): string {
  if (state === "comment") return "comment";
  return state === "raw" || state === "rcdata" ? `<${element}>` : "tag";
}
