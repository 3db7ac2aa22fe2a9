/** What a client of the NATS protocol says; the calls come in the order of the operations. */
export interface ProtocolHandler {
  /** `json` is the text between CONNECT and the line's end. */
  connect(json: string): void;
  /** `headers` is the raw block of HPUB, or undefined for PUB. Both are views that the handler may keep. */
  publish(subject: string, reply: string, headers: Uint8Array | undefined, payload: Uint8Array): void;
  subscribe(subject: string, queue: string, id: string): void;
  /** `max` 0: at once; else after that many messages in all. */
  unsubscribe(id: string, max: number): void;
  ping(): void;
  pong(): void;
}

/** The client broke the protocol: it is to be told (`-ERR '<message>'`) and cut. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** Texts of nats-server. */
const unknownOperation = "Unknown Protocol Operation";
const parserError = "Parser Error";
const payloadViolation = "Maximum Payload Violation";
const lineViolation = "Maximum Control Line Exceeded";

const maxControlLine = 4096;
const lf = 0x0a;
const cr = 0x0d;
const none = new Uint8Array(0);
const text = new TextDecoder();

function count(token: string | undefined): number {
  if (token === undefined || token === "" || token.length > 9) throw new ProtocolError(parserError);
  let value = 0;
  for (let i = 0; i < token.length; i++) {
    const digit = token.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) throw new ProtocolError(parserError);
    value = value * 10 + digit;
  }
  return value;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** A publication whose payload has not arrived completely. */
interface Publication {
  readonly subject: string;
  readonly reply: string;
  /** -1: PUB. */
  readonly headerBytes: number;
  readonly totalBytes: number;
}

/**
 * Parses the client side of the NATS protocol incrementally. Operations are matched without regard to case, arguments
 * are separated by spaces or tabs, lines end with CRLF (LF alone is taken too, as nats-server does).
 */
export class ProtocolParser {
  readonly #handler: ProtocolHandler;
  readonly #maxPayload: number;
  #rest: Uint8Array = none;
  #publication: Publication | undefined;

  constructor(handler: ProtocolHandler, maxPayload: number) {
    this.#handler = handler;
    this.#maxPayload = maxPayload;
  }

  /** Takes the next bytes. Throws `ProtocolError`; the parser is of no use afterwards. */
  parse(bytes: Uint8Array): void {
    const input = join(this.#rest, bytes);
    let at = 0;
    for (;;) {
      const next = this.#publication === undefined ? this.#line(input, at) : this.#payload(input, at);
      if (next < 0) break;
      at = next;
    }
    this.#rest = at === input.length ? none : input.subarray(at);
  }

  /** Reads one line; gives the index after it, or -1 when it is not complete. */
  #line(input: Uint8Array, start: number): number {
    const end = input.indexOf(lf, start);
    if ((end < 0 ? input.length : end) - start > maxControlLine) throw new ProtocolError(lineViolation);
    if (end < 0) {
      this.#refuseEarly(input, start);
      return -1;
    }
    const stop = end > start && input[end - 1] === cr ? end - 1 : end;
    this.#operation(text.decode(input.subarray(start, stop)));
    return end + 1;
  }

  /** Someone who speaks another protocol is told so at once, not after a line end that may never come. */
  #refuseEarly(input: Uint8Array, start: number): void {
    if (start < input.length && !"CPSUH".includes(String.fromCharCode(input[start]! & 0xdf)))
      throw new ProtocolError(unknownOperation);
  }

  #operation(line: string): void {
    const words = line.split(/[ \t]+/);
    if (words.at(-1) === "") words.pop();
    const [name = "", ...args] = words;
    switch (name.toUpperCase()) {
      case "PUB":
        if (args.length !== 2 && args.length !== 3) throw new ProtocolError(parserError);
        this.#announce(args[0]!, args.length === 3 ? args[1]! : "", -1, count(args.at(-1)));
        return;
      case "HPUB":
        if (args.length !== 3 && args.length !== 4) throw new ProtocolError(parserError);
        this.#announce(args[0]!, args.length === 4 ? args[1]! : "", count(args.at(-2)), count(args.at(-1)));
        return;
      case "SUB":
        if (args.length !== 2 && args.length !== 3) throw new ProtocolError(parserError);
        this.#handler.subscribe(args[0]!, args.length === 3 ? args[1]! : "", args.at(-1)!);
        return;
      case "UNSUB":
        if (args.length !== 1 && args.length !== 2) throw new ProtocolError(parserError);
        this.#handler.unsubscribe(args[0]!, args.length === 2 ? count(args[1]) : 0);
        return;
      case "CONNECT":
        this.#handler.connect(line.slice("CONNECT".length).trim());
        return;
      case "PING":
        this.#handler.ping();
        return;
      case "PONG":
        this.#handler.pong();
        return;
      default:
        throw new ProtocolError(unknownOperation);
    }
  }

  #announce(subject: string, reply: string, headerBytes: number, totalBytes: number): void {
    if (totalBytes > this.#maxPayload) throw new ProtocolError(payloadViolation);
    if (headerBytes > totalBytes) throw new ProtocolError(parserError);
    this.#publication = { subject, reply, headerBytes, totalBytes };
  }

  /** Reads a payload and its line end; gives the index after it, or -1 when it is not complete. */
  #payload(input: Uint8Array, start: number): number {
    const { subject, reply, headerBytes, totalBytes } = this.#publication!;
    const end = start + totalBytes;
    if (end >= input.length) return -1;
    let next = end;
    if (input[next] === cr) next++;
    if (next >= input.length) return -1;
    if (input[next] !== lf) throw new ProtocolError(parserError);
    this.#publication = undefined;
    const split = start + Math.max(headerBytes, 0);
    const headers = headerBytes < 0 ? undefined : input.subarray(start, split);
    this.#handler.publish(subject, reply, headers, input.subarray(split, end));
    return next + 1;
  }
}
