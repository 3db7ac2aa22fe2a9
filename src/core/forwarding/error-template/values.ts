/** A value that a template works with. Strings are one character per byte, numbers whole. */
export type Value = string | number | boolean;

/** What a template is rendered with (data-plane §2.2). */
export interface TemplatePage {
  readonly status: number;
  readonly statusText: string;
  readonly message: string;
  /** First value of a response header, or empty. */
  header(name: string): string;
}

/** One rendering: the page and the values of the variables. */
export interface Frame {
  readonly page: TemplatePage;
  readonly slots: Value[];
}

/** Works out a value. */
export type Evaluate = (frame: Frame) => Value;

/** Go's truth: not empty, not zero, true. */
export function isTrue(value: Value): boolean {
  return value !== "" && value !== 0 && value !== false;
}

const goType = (value: Value): string =>
  typeof value === "string" ? "string" : typeof value === "number" ? "int" : "bool";

/** `printf` for formats of `%s`, `%d` and `%%`; a verb that does not fit prints what Go prints. */
export function format(text: string, values: readonly Value[]): string {
  let next = 0;
  return text.replaceAll(/%[sd%]/g, (verb) => {
    if (verb === "%%") return "%";
    const value = values[next++]!;
    const fits = typeof value === (verb === "%s" ? "string" : "number");
    return fits ? String(value) : `%!${verb[1]}(${goType(value)}=${value})`;
  });
}

/** Reason of a comparison that cannot be made; Go's words. */
const badComparison = { types: "incompatible types for comparison", type: "invalid type for comparison" };

/** Whether two values are equal; the text of an error when their types differ. */
export function equal(left: Value, right: Value): boolean | string {
  return typeof left === typeof right ? left === right : badComparison.types;
}

/** Whether `left` is less; the text of an error when they have no order. */
export function less(left: Value, right: Value): boolean | string {
  if (typeof left === "boolean" || typeof right === "boolean") return badComparison.type;
  return typeof left === typeof right ? left < right : badComparison.types;
}
