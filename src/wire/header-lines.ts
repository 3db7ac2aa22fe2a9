import type { MessageHeaders } from "../core/message.ts";
import { AddedLine, inOrder, isNamed } from "./added-line.ts";
import { checkedValue, checkName } from "./field-syntax.ts";
import { decimal, sameWord, skipBlanks, trimEnd } from "./octets.ts";

/**
 * Marks of a head without lines. Marks of n lines are 2n + 1 offsets into the text: for each line where it starts and
 * where its colon is (-1: the line was removed), then where the last line ends. A line ends with CRLF.
 */
const NO_MARKS: number[] = [0];

/**
 * One of 32 bits that stands for names of that length and first letter. The bits of a message's names tell most names
 * that it has not without looking at its lines: the router asks for some thirty that few messages have.
 */
function nameBit(length: number, first: number): number {
  return 1 << ((length * 7 + (first | 0x20)) & 31);
}

/** The value of most `Connection` lines, as nearly everybody spells it: a text that stays costs less than one cut out. */
function saysKeepAlive(text: string, at: number): boolean {
  for (let i = 0; i < 10; i++) if (text.charCodeAt(at + i) !== "keep-alive".charCodeAt(i)) return false;
  return true;
}

/**
 * Header fields as a view over the received head (architecture §2, §8): offsets into its text, marks for removed
 * lines, and added lines behind them. Received lines keep order, spelling and value bytes; writing copies each run of
 * untouched ones as one slice. Text is one byte per character. Names are matched without regard to case.
 *
 * Iteration gives one entry for each line, in wire order and spelling; Fetch's own `Headers` sorts and joins.
 */
export class HeaderLines implements MessageHeaders {
  private text = "";
  private marks = NO_MARKS;
  /** Lines of the received head that were not removed. */
  private kept = 0;
  /** The last of the added lines. */
  private added: AddedLine | undefined = undefined;
  /** `nameBit` of every line there is, and maybe of some that were removed. */
  private names = 0;
  /** Another view has the same marks: copy them before changing one. */
  private shared = false;
  /** Lines behind the added ones that other views have too (`appendAll`). */
  private block: HeaderLines | undefined = undefined;
  /** As the block of others: the text of all lines, in one piece. */
  private whole: string | undefined = undefined;

  /**
   * The view over `text` that `marks` describe (see above): regular lines ending in CRLF. The array belongs to the
   * view from now on.
   */
  static received(text: string, marks: number[]): HeaderLines {
    const lines = new HeaderLines();
    lines.text = text;
    lines.marks = marks;
    let kept = 0;
    let names = 0;
    for (let at = 0; at < marks.length - 1; at += 2) {
      const start = marks[at]!;
      const colon = marks[at + 1]!;
      if (colon === -1) continue;
      kept++;
      names |= nameBit(colon - start, text.charCodeAt(start));
    }
    lines.kept = kept;
    lines.names = names;
    return lines;
  }

  /** Header fields of another kind, platform `Headers` for example, copied. Throws as `append` does. */
  static from(headers: Iterable<[string, string]>): HeaderLines {
    const lines = new HeaderLines();
    for (const [name, value] of headers) lines.append(name, value);
    return lines;
  }

  /** Number of lines. */
  get lineCount(): number {
    let lines = this.kept;
    for (let line = this.added; line !== undefined; line = line.before) lines++;
    return this.block === undefined ? lines : lines + this.block.lineCount;
  }

  /** What the lines take on the wire; removed ones of the received head count all the same. */
  get byteLength(): number {
    let bytes = this.marks[this.marks.length - 1]! - this.marks[0]!;
    if (this.added !== undefined) bytes += this.added.wire.length;
    return this.block === undefined ? bytes : bytes + this.block.byteLength;
  }

  /** Values of all lines with that name, joined with `, ` as Fetch does; null when there is none. */
  get(name: string): string | null {
    if (this.lacks(name)) return null;
    let joined: string | null = null;
    for (let at = this.receivedLine(name, 0); at !== -1; at = this.receivedLine(name, at + 2)) {
      const value = this.receivedValue(at);
      joined = joined === null ? value : `${joined}, ${value}`;
    }
    if (this.firstAdded(name) !== undefined) {
      for (const line of inOrder(this.added)) {
        if (isNamed(line, name)) joined = joined === null ? line.value : `${joined}, ${line.value}`;
      }
    }
    const last = this.block === undefined ? null : this.block.get(name);
    return joined === null || last === null ? (joined ?? last) : `${joined}, ${last}`;
  }

  /** Value of the first line with that name; null when there is none. */
  first(name: string): string | null {
    if (this.lacks(name)) return null;
    const received = this.receivedLine(name, 0);
    if (received !== -1) return this.receivedValue(received);
    const added = this.firstAdded(name);
    if (added !== undefined) return added.value;
    return this.block === undefined ? null : this.block.first(name);
  }

  /** Value of the first line with that name as a number; -1 without one, and when it is not 1 to 15 digits. */
  firstNumber(name: string): number {
    if (this.lacks(name)) return -1;
    const at = this.receivedLine(name, 0);
    if (at === -1) {
      const value = this.first(name);
      return value === null ? -1 : decimal(value, 0, value.length);
    }
    // Read where it stands: to read a text that was just cut out costs Bun 50 ns.
    const { text, marks } = this;
    const end = marks[at + 2]! - 2;
    const start = skipBlanks(text, marks[at + 1]! + 1, end);
    return decimal(text, start, trimEnd(text, start, end));
  }

  has(name: string): boolean {
    if (this.lacks(name)) return false;
    return this.receivedLine(name, 0) !== -1 || this.firstAdded(name) !== undefined || this.block?.has(name) === true;
  }

  hasAny(names: readonly string[]): boolean {
    for (let i = 0; i < names.length; i++) if (this.has(names[i]!)) return true;
    return false;
  }

  /** Replaces all lines with that name by one. Throws `TypeError` as `append` does. */
  set(name: string, value: string): void {
    checkName(name);
    const line = checkedValue(name, value);
    if (this.lacks(name)) {
      this.add(name, line);
      return;
    }
    if (this.block !== undefined) this.ownBlock();
    this.deleteReceived(name);
    const first = this.firstAdded(name);
    if (first === undefined) {
      this.add(name, line);
      return;
    }
    const added = inOrder(this.added);
    this.added = undefined;
    for (const other of added) {
      if (other === first) this.add(name, line);
      else if (!isNamed(other, name)) this.add(other.name, other.value);
    }
  }

  /** As `set`, but the line stands in front of the others. */
  setAhead(name: string, value: string): void {
    checkName(name);
    const line = `${name}: ${checkedValue(name, value)}\r\n`;
    this.delete(name);
    const { text, marks } = this;
    const start = marks[0]!;
    const shift = line.length - start;
    this.text = line + text.substring(start, marks[marks.length - 1]!);
    this.marks = [0, name.length];
    for (const offset of marks) this.marks.push(offset === -1 ? -1 : offset + shift);
    this.shared = false;
    this.kept++;
    this.names |= nameBit(name.length, name.charCodeAt(0));
  }

  /**
   * Adds a line behind the others. As with Fetch, blanks and line ends around the value go, and a name that is no token
   * or a value with NUL, CR, LF or a character above U+00FF throws `TypeError`.
   */
  append(name: string, value: string): void {
    checkName(name);
    this.add(name, checkedValue(name, value));
  }

  appendLine(name: string, value: string, line: string): void {
    if (this.block !== undefined) this.ownBlock();
    this.names |= nameBit(name.length, name.charCodeAt(0));
    this.added = new AddedLine(name, value, line, this.added);
  }

  /** Adds all lines of other fields behind the others. Those must not be changed any more: they are not copied. */
  appendAll(lines: MessageHeaders): void {
    if (this.block !== undefined) this.ownBlock();
    if (lines instanceof HeaderLines) {
      lines.whole ??= Array.from(lines, ([name, value]) => `${name}: ${value}\r\n`).join("");
      this.block = lines;
      this.names |= lines.names;
    } else for (const [name, value] of lines) this.append(name, value);
  }

  delete(name: string): void {
    if (this.lacks(name)) return;
    if (this.block !== undefined) this.ownBlock();
    this.deleteReceived(name);
    if (this.firstAdded(name) === undefined) return;
    const added = inOrder(this.added);
    this.added = undefined;
    for (const line of added) if (!isNamed(line, name)) this.add(line.name, line.value);
  }

  /** Values of all `Set-Cookie` lines, one by one. */
  getSetCookie(): string[] {
    const values: string[] = [];
    if (this.lacks("set-cookie")) return values;
    for (let at = this.receivedLine("set-cookie", 0); at !== -1; at = this.receivedLine("set-cookie", at + 2)) {
      values.push(this.receivedValue(at));
    }
    for (const line of inOrder(this.added)) if (isNamed(line, "set-cookie")) values.push(line.value);
    if (this.block !== undefined) values.push(...this.block.getSetCookie());
    return values;
  }

  *[Symbol.iterator](): Iterator<[string, string]> {
    const { text, marks } = this;
    for (let at = 0; at < marks.length - 1; at += 2) {
      if (marks[at + 1] !== -1) yield [text.substring(marks[at]!, marks[at + 1]!), this.receivedValue(at)];
    }
    for (const { name, value } of inOrder(this.added)) yield [name, value];
    if (this.block !== undefined) yield* this.block;
  }

  /** An independent copy; the text of the head is shared. */
  fork(): HeaderLines {
    const copy = new HeaderLines();
    copy.text = this.text;
    copy.marks = this.marks;
    copy.shared = true;
    this.shared = true;
    copy.kept = this.kept;
    copy.added = this.added;
    copy.names = this.names;
    copy.block = this.block;
    return copy;
  }

  /** Characters of the received start line, its line end included; 0: there was none, or lines stand in front of it now. */
  get startLength(): number {
    return this.marks[0]!;
  }

  /**
   * All lines as they go on the wire, `Name: value\r\n` each, without the closing empty line. `withStart`: behind the start
   * line, as it was received.
   */
  toWire(withStart = false): string {
    const received = this.receivedToWire(withStart);
    const { added, block } = this;
    if (added === undefined) return block === undefined ? received : received + block.whole!;
    return block === undefined ? received + added.wire : received + added.wire + block.whole!;
  }

  /** Makes the lines of the block added lines of this view, so that they can be changed. */
  private ownBlock(): void {
    const block = this.block!;
    this.block = undefined;
    for (const [name, value] of block) this.add(name, value);
  }

  /** True when there is certainly no line with that name. */
  private lacks(name: string): boolean {
    return (this.names & nameBit(name.length, name.charCodeAt(0))) === 0;
  }

  private add(name: string, value: string): void {
    this.appendLine(name, value, `${name}: ${value}\r\n`);
  }

  private receivedToWire(withStart: boolean): string {
    const { text, marks } = this;
    const last = marks.length - 1;
    if (this.kept * 2 === last) return text.substring(withStart ? 0 : marks[0]!, marks[last]!);
    let wire = "";
    let run = withStart ? 0 : -1;
    for (let at = 0; at < last; at += 2) {
      if (marks[at + 1] === -1) {
        if (run !== -1) wire += text.substring(run, marks[at]!);
        run = -1;
      } else if (run === -1) {
        run = marks[at]!;
      }
    }
    return run === -1 ? wire : wire + text.substring(run, marks[last]!);
  }

  /** Index into the marks of the first received line with that name, from index `from` on; -1: none. */
  private receivedLine(name: string, from: number): number {
    const { text, marks } = this;
    const length = name.length;
    for (let at = from; at < marks.length - 1; at += 2) {
      const start = marks[at]!;
      if (marks[at + 1]! - start === length && sameWord(text, start, name)) return at;
    }
    return -1;
  }

  private receivedValue(at: number): string {
    const { text, marks } = this;
    const end = marks[at + 2]! - 2;
    const start = skipBlanks(text, marks[at + 1]! + 1, end);
    const stop = trimEnd(text, start, end);
    return stop - start === 10 && saysKeepAlive(text, start) ? "keep-alive" : text.substring(start, stop);
  }

  private firstAdded(name: string): AddedLine | undefined {
    let found: AddedLine | undefined;
    for (let line = this.added; line !== undefined; line = line.before) if (isNamed(line, name)) found = line;
    return found;
  }

  private deleteReceived(name: string): void {
    for (let at = this.receivedLine(name, 0); at !== -1; at = this.receivedLine(name, at + 2)) {
      if (this.shared) {
        this.marks = this.marks.slice();
        this.shared = false;
      }
      this.marks[at + 1] = -1;
      this.kept--;
    }
  }
}
