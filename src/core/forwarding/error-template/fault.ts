/** Something wrong with a template, at an offset of its source. `compile.ts` makes it a text with line and column. */
export class TemplateFault extends Error {
  override readonly name = "TemplateFault";
  readonly at: number;
  constructor(at: number, reason: string) {
    super(reason);
    this.at = at;
  }
}

/** `LINE:COLUMN` of an offset, both from 1; columns count bytes. */
export function positionText(source: string, at: number): string {
  let line = 1;
  let lineStart = 0;
  for (let end = source.indexOf("\n"); end >= 0 && end < at; end = source.indexOf("\n", lineStart)) {
    line += 1;
    lineStart = end + 1;
  }
  return `${line}:${at - lineStart + 1}`;
}
