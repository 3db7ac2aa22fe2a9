import { CLASSES, CR, HTAB, LF, SP, TOKEN } from "./octets.ts";

/** Throws `TypeError` for a name that is no token (RFC 9110 §5.6.2). */
export function checkName(name: string): void {
  let valid = name.length > 0;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0xff || (CLASSES[code]! & TOKEN) === 0) valid = false;
  }
  if (!valid)
    throw new TypeError(`cannot set header ${JSON.stringify(name)}: use a token (RFC 9110 §5.6.2) as its name`);
}

/**
 * A field value without blanks and line ends around it, as Fetch normalises it. Throws `TypeError` for one that is not one
 * line of bytes: nothing can smuggle in a second line.
 */
export function checkedValue(name: string, value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && isLineSpace(value.charCodeAt(from))) from++;
  while (to > from && isLineSpace(value.charCodeAt(to - 1))) to--;
  for (let i = from; i < to; i++) {
    const code = value.charCodeAt(i);
    if (code === CR || code === LF || code === 0 || code > 0xff) {
      throw new TypeError(
        `cannot set header ${name}: its value ${JSON.stringify(value)} has a character that cannot go on the wire ` +
          `(at ${i}); use characters U+0001 to U+00FF without line ends`,
      );
    }
  }
  return to - from === value.length ? value : value.substring(from, to);
}

function isLineSpace(code: number): boolean {
  return code === SP || code === HTAB || code === CR || code === LF;
}
