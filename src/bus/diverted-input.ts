/** Hears a message while it lies in the input: `start` and `end` of its payload hold during the call only. */
export type DivertedHandler = (subject: string, reply: string, input: Uint8Array, start: number, end: number) => void;

const lf = 0x0a;
const lowerCase = 0x20;
const [letterG, letterH, letterM, letterS] = [0x67, 0x68, 0x6d, 0x73];
const text = new TextDecoder();

/** Longer control lines are none; what comes is passed on as it is. */
const maxLine = 1 << 20;
const maxDigits = 10;

/** Bytes of memory for operations of which only a beginning has come, at first and for good. */
const [smallest, largest] = [4096, 256 * 1024];

/**
 * What a NATS server says, on its way to the client of the protocol: messages of a subscription that gets very many go
 * to a handler of their own without an object for each, and everything else passes. It knows no more of the protocol
 * than where an operation ends.
 */
export class DivertedInput {
  readonly #pass: (bytes: Uint8Array) => void;
  readonly #handlers = new Map<number, DivertedHandler>();
  /** In front of it stands the beginning of an operation whose end has not come yet: so many bytes. */
  #begun = new Uint8Array(smallest);
  #begunLength = 0;
  /** Bytes of a payload that are to be passed on as they come. */
  #passing = 0;
  /** Begin and end of each argument of the control line looked at: subject, subscription, reply if any, size. */
  readonly #bounds: number[] = [];
  #subject = "";

  /** What is passed on belongs to the receiver. */
  constructor(pass: (bytes: Uint8Array) => void) {
    this.#pass = pass;
  }

  /** From now on messages of that subscription go to the handler; undefined: no longer. */
  divert(subscription: number, handler: DivertedHandler | undefined): void {
    if (handler === undefined) this.#handlers.delete(subscription);
    else this.#handlers.set(subscription, handler);
  }

  /** What the server says next; when this returns nobody has the bytes any more. */
  data(bytes: Uint8Array): void {
    const input = this.#begunLength === 0 ? bytes : this.#continued(bytes);
    let at = Math.min(this.#passing, input.length);
    this.#passing -= at;
    /** What lies between here and `at` is to be passed on. */
    let from = 0;
    while (at < input.length) {
      const line = input.indexOf(lf, at);
      if (line < 0) {
        if (input.length - at > maxLine) at = input.length;
        break;
      }
      const size = payloadSize(input, at, line, this.#bounds);
      const next = size < 0 ? line + 1 : line + 1 + size + 2;
      const handler = size < 0 ? undefined : this.#handlers.get(numberIn(input, this.#bounds[2]!, this.#bounds[3]!));
      if (handler === undefined) {
        at = Math.min(next, input.length);
        this.#passing = next - at;
        continue;
      }
      if (next > input.length) break;
      if (from < at) this.#pass(input.slice(from, at));
      const headed = isHeaded(input, at);
      const begin = line + 1 + (headed ? Math.min(this.#headersIn(input), size) : 0);
      from = next;
      at = next;
      handler(this.#subjectIn(input), this.#replyIn(input, headed), input, begin, line + 1 + size);
    }
    if (from < at) this.#pass(input.slice(from, at));
    this.#keep(input, at);
  }

  /** The beginning that waits and these bytes behind it. */
  #continued(bytes: Uint8Array): Uint8Array {
    const length = this.#begunLength + bytes.length;
    this.#reserve(length);
    this.#begun.set(bytes, this.#begunLength);
    return this.#begun.subarray(0, length);
  }

  /** What follows `from` waits for its end. */
  #keep(input: Uint8Array, from: number): void {
    const length = input.length - from;
    this.#begunLength = length;
    if (input.buffer === this.#begun.buffer) this.#begun.copyWithin(0, from, input.length);
    else if (length > 0) {
      this.#reserve(length);
      this.#begun.set(input.subarray(from));
    }
    if (length === 0 && this.#begun.length > largest) this.#begun = new Uint8Array(smallest);
  }

  #reserve(length: number): void {
    if (length <= this.#begun.length) return;
    const larger = new Uint8Array(Math.max(length, 2 * this.#begun.length));
    larger.set(this.#begun);
    this.#begun = larger;
  }

  /** Mostly that of the message before. */
  #subjectIn(input: Uint8Array): string {
    const [start = 0, end = 0] = this.#bounds;
    const last = this.#subject;
    let same = last.length === end - start;
    for (let i = 0; same && i < last.length; i++) same = last.charCodeAt(i) === input[start + i];
    if (!same) this.#subject = text.decode(input.subarray(start, end));
    return this.#subject;
  }

  #replyIn(input: Uint8Array, headed: boolean): string {
    const withReply = headed ? 10 : 8;
    return this.#bounds.length === withReply ? text.decode(input.subarray(this.#bounds[4], this.#bounds[5])) : "";
  }

  /** Bytes of headers, which nobody here reads, in front of the payload. */
  #headersIn(input: Uint8Array): number {
    const { length } = this.#bounds;
    return Math.max(numberIn(input, this.#bounds[length - 4]!, this.#bounds[length - 3]!), 0);
  }
}

function isHeaded(input: Uint8Array, at: number): boolean {
  return (input[at]! | lowerCase) === letterH;
}

/**
 * Bytes that follow the control line from `at` to `line`, their line end not counted: -1 for an operation that is no
 * message. Puts the bounds of the arguments into `bounds`.
 */
function payloadSize(input: Uint8Array, at: number, line: number, bounds: number[]): number {
  const headers = isHeaded(input, at) ? 1 : 0;
  const name = at + headers;
  if ((input[name]! | lowerCase) !== letterM || (input[name + 1]! | lowerCase) !== letterS) return -1;
  if ((input[name + 2]! | lowerCase) !== letterG || !isBlank(input[name + 3]!)) return -1;
  bounds.length = 0;
  let inside = false;
  for (let i = name + 3; i <= line; i++) {
    const blank = isBlank(input[i]!);
    if (blank === inside) bounds.push(i);
    inside = !blank;
  }
  const { length } = bounds;
  return length < 6 + 2 * headers ? -1 : numberIn(input, bounds[length - 2]!, bounds[length - 1]!);
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === lf;
}

/** -1: no number. */
function numberIn(input: Uint8Array, start: number, end: number): number {
  if (end - start > maxDigits) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = input[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
