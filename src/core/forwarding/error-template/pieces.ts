import { TemplateFault } from "./fault.ts";

/** A run of plain text, or what stands between `{{` and `}}`, markers and comments taken off. */
export interface Piece {
  readonly kind: "text" | "action";
  /** Where it stands in the source: `[start, end)`. */
  readonly start: number;
  readonly end: number;
}

const open = "{{";
const close = "}}";

function isSpace(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === "\r" || character === "\n";
}

function skipSpace(source: string, from: number, to: number): number {
  let at = from;
  while (at < to && isSpace(source[at])) at += 1;
  return at;
}

function trimEnd(source: string, from: number, to: number): number {
  let at = to;
  while (at > from && isSpace(source[at - 1])) at -= 1;
  return at;
}

/** Offset of the `}}` that ends the action whose inside begins at `from`; string literals may hold one. */
function actionEnd(source: string, from: number, start: number): number {
  for (let at = from; at < source.length; at += 1) {
    if (source.startsWith(close, at)) return at;
    const character = source[at];
    if (character === "`") {
      at = source.indexOf("`", at + 1);
      if (at < 0) break;
    } else if (character === '"') {
      const literal = at;
      for (at += 1; source[at] !== '"'; at += 1) {
        if (source[at] === "\\") at += 1;
        if (at >= source.length || source[at] === "\n") throw new TemplateFault(literal, "unterminated quoted string");
      }
    }
  }
  throw new TemplateFault(start, "unclosed action");
}

/** Offset behind the `}}` of a comment, and whether it trims the text behind it. */
function commentEnd(source: string, from: number, start: number): { readonly at: number; readonly trims: boolean } {
  const end = source.indexOf("*/", from + 2) + 2;
  if (end < 2) throw new TemplateFault(start, "unclosed comment");
  const trims = isSpace(source[end]) && source[end + 1] === "-";
  const at = trims ? end + 2 : end;
  if (!source.startsWith(close, at)) throw new TemplateFault(start, "comment ends before closing delimiter");
  return { at: at + close.length, trims };
}

/**
 * Splits a template into text and actions as Go's text/template does: `{{-` and `-}}` with white space beside them trim
 * the neighbouring text, comments vanish.
 *
 * @throws TemplateFault
 */
export function splitTemplate(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimmed = false;
  for (;;) {
    const found = source.indexOf(open, at);
    const limit = found < 0 ? source.length : found;
    const start = trimmed ? skipSpace(source, at, limit) : at;
    const trims = found >= 0 && source[found + 2] === "-" && isSpace(source[found + 3]);
    const end = trims ? trimEnd(source, start, limit) : limit;
    if (end > start) pieces.push({ kind: "text", start, end });
    if (found < 0) return pieces;
    const inside = found + (trims ? 4 : 2);
    if (source.startsWith("/*", inside)) {
      const comment = commentEnd(source, inside, found);
      at = comment.at;
      trimmed = comment.trims;
      continue;
    }
    const last = actionEnd(source, inside, found);
    trimmed = last - 2 >= inside && source[last - 1] === "-" && isSpace(source[last - 2]);
    pieces.push({ kind: "action", start: inside, end: trimmed ? last - 2 : last });
    at = last + close.length;
  }
}
