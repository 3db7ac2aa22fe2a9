import { sameWord } from "./octets.ts";

/** A line behind the received ones, with those before it. Never changed, so that views share it and a fork copies nothing. */
export class AddedLine {
  readonly name: string;
  readonly value: string;
  /** All lines up to this one, as they go on the wire. */
  readonly wire: string;
  readonly before: AddedLine | undefined;

  /** `line`: the line as it goes on the wire. */
  constructor(name: string, value: string, line: string, before: AddedLine | undefined) {
    this.name = name;
    this.value = value;
    this.wire = before === undefined ? line : before.wire + line;
    this.before = before;
  }
}

/** Lines from the first added one on. */
export function inOrder(last: AddedLine | undefined): AddedLine[] {
  const lines: AddedLine[] = [];
  for (let line = last; line !== undefined; line = line.before) lines.push(line);
  return lines.reverse();
}

/** Whether the line has that name. */
export function isNamed(line: AddedLine, name: string): boolean {
  const other = line.name;
  return other === name || (other.length === name.length && sameWord(other, 0, name));
}
