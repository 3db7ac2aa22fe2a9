import { Failure } from "../core/forwarding/failure.ts";
import { type HeadLimits, type HeadProblem, HeadScan, type Latin1, MORE, PROBLEM } from "./head-scan.ts";
import { HeaderLines } from "./header-lines.ts";
import { MessageFacts } from "./message-facts.ts";
import { CLASSES, CR, DIGIT, LF, SP, saysHttp1, skipBlanks, trimEnd } from "./octets.ts";
import { isVersion } from "./request-line.ts";

/** Garbage is quoted in a header and in log lines: this much of it, in characters, is enough. */
const MAX_QUOTED = 128;

// A head is read in one go, so one serves all connections.
const facts = new MessageFacts();

/** The head of a backend's answer, interim ones (1xx) included. */
export class ResponseHead {
  /** 100 to 999. */
  readonly status: number;
  /** Minor version. */
  readonly minor: number;
  readonly headers: HeaderLines;
  /** Content-Length in bytes; -1: none. Whether there is a body at all, status and method say (RFC 9112 §6.3). */
  readonly contentLength: number;
  readonly chunked: boolean;
  /** The backend keeps the connection open behind the answer; never after an irregular one. */
  readonly persistent: boolean;
  /** Something was made regular (architecture §8): the connection must not be used again. */
  readonly irregular: boolean;
  /** Bytes from the status line to the closing empty line, included. */
  readonly byteLength: number;
  /** The whole head, and where its status line ends. */
  readonly #text: string;
  readonly #lineEnd: number;

  constructor(
    status: number,
    text: string,
    lineEnd: number,
    minor: number,
    headers: HeaderLines,
    messageFacts: MessageFacts,
    irregular: boolean,
  ) {
    this.status = status;
    this.#text = text;
    this.#lineEnd = lineEnd;
    this.minor = minor;
    this.headers = headers;
    this.contentLength = messageFacts.contentLength;
    this.chunked = messageFacts.chunked;
    this.persistent = !irregular && !messageFacts.close && (minor > 0 || messageFacts.keepAlive);
    this.irregular = irregular;
    this.byteLength = text.length;
  }

  /** Reason phrase, one character per byte; may be empty. */
  get reason(): string {
    return this.#lineEnd > 13 ? this.#text.substring(13, this.#lineEnd) : "";
  }
}

/**
 * Reads response heads from bytes that arrive in any pieces, with the leniency of architecture §8 and data-plane §5.5.
 * One for each backend connection.
 */
export class ResponseHeadParser {
  /** After a head: index of the first byte behind it, in the bytes pushed last. A view of them would cost too much. */
  end = 0;
  private readonly scan: HeadScan;
  private readonly limits: HeadLimits;
  private lineChecked = false;

  constructor(latin1: Latin1, limits: HeadLimits) {
    this.scan = new HeadScan(latin1, limits, true, false);
    this.limits = limits;
  }

  /** A byte of a head has arrived and its end has not. */
  get started(): boolean {
    return this.scan.started;
  }

  /**
   * Takes `bytes` from `from` on; a complete head, or undefined when more are needed. Throws `Failure` (`malformed-response`,
   * `response-head-too-large`, `too-many-response-headers`; texts of data-plane §2.3) as soon as a byte shows that the
   * head will not do; the parser is of no use then. The status line is judged before the header lines.
   */
  push(bytes: Uint8Array, from = 0): ResponseHead | undefined {
    const { scan } = this;
    // An interim response with another one behind it is rare enough for a view.
    const end = scan.push(from === 0 ? bytes : bytes.subarray(from));
    if (end === PROBLEM) throw this.failure(scan.problem);
    if (end === MORE) {
      if (scan.startLineDone && !this.lineChecked) {
        this.lineChecked = true;
        checkStatusLine(scan.text(), scan.startLineEnd);
      }
      return undefined;
    }
    this.lineChecked = false;
    this.end = from + end;
    return this.head(scan.takeText(), scan.startLineEnd);
  }

  private head(text: string, lineEnd: number): ResponseHead {
    checkStatusLine(text, lineEnd);
    let irregular = this.scan.irregular;
    let lines = text;
    let { marks } = this.scan;
    if (irregular) {
      marks = [];
      lines = regularLines(text, this.scan.marks, marks);
    }
    facts.read(lines, marks);
    const headers = HeaderLines.received(lines, marks);
    checkFraming(headers);
    const minor = text.charCodeAt(7) - 0x30;
    if (facts.chunked) {
      if (facts.contentLength !== -1) {
        headers.delete("content-length");
        facts.contentLength = -1;
        irregular = true;
      }
      // RFC 9112 §6.1: HTTP/1.0 has no transfer codings; the sender means it, but the connection ends there.
      if (minor === 0) irregular = true;
    }
    // A missing reason phrase has no space in front of it either; versions other than 1.0 and 1.1 do not exist.
    if (facts.lengthRepeated || lineEnd === 12 || minor > 1 || !saysHttp1(text, 0)) irregular = true;
    return new ResponseHead(statusOf(text), text, lineEnd, minor, headers, facts, irregular);
  }

  private failure(problem: HeadProblem): Failure {
    const text = this.scan.text();
    if (this.scan.startLineDone) checkStatusLine(text, this.scan.startLineEnd);
    if (problem === "too-large") {
      const bytes = this.limits.maxBytes;
      const message = `net/http: server response headers exceeded ${bytes} bytes; aborted`;
      return broken("response-head-too-large", message);
    }
    if (!this.scan.startLineDone) return broken("malformed-response", `malformed HTTP response ${quoted(text)}`);
    if (problem === "too-many-lines") {
      return new Failure("too-many-response-headers", "backend", "never", "Too many response headers");
    }
    const { marks } = this.scan;
    let start = marks[marks.length - 1]!;
    // Within a value the last mark is the colon of the line, or stands for one.
    if (marks.length % 2 === 0) start = marks[marks.length - 2]!;
    const end = problem === "no-colon" && text.endsWith("\r") ? text.length - 1 : text.length;
    const line = quoted(text.substring(start, end));
    switch (problem) {
      case "no-colon":
        return broken("malformed-response", `malformed MIME header: missing colon: ${line}`);
      case "folding":
        return broken("malformed-response", `malformed MIME header initial line: ${line}`);
      default:
        return broken("malformed-response", `malformed MIME header line: ${line}`);
    }
  }
}

function broken(kind: "malformed-response" | "response-head-too-large", message: string): Failure {
  return new Failure(kind, "backend", "never", `net/http: HTTP/1.x transport connection broken: ${message}`);
}

/** The three digits of a checked status line as a number. */
function statusOf(text: string): number {
  return (text.charCodeAt(9) - 0x30) * 100 + (text.charCodeAt(10) - 0x30) * 10 + text.charCodeAt(11) - 0x30;
}

function isDigit(code: number): boolean {
  return (CLASSES[code]! & DIGIT) !== 0;
}

/** RFC 9112 §4: `HTTP/d.d`, SP, three digits from 100 on, and SP and a phrase, both of which may be missing. */
function checkStatusLine(text: string, end: number): void {
  // What nearly every answer begins with.
  if (
    end > 12 &&
    saysHttp1(text, 0) &&
    isDigit(text.charCodeAt(7)) &&
    text.charCodeAt(8) === SP &&
    text.charCodeAt(9) !== 0x30 &&
    isDigit(text.charCodeAt(9)) &&
    isDigit(text.charCodeAt(10)) &&
    isDigit(text.charCodeAt(11)) &&
    text.charCodeAt(12) === SP
  ) {
    return;
  }
  const line = text.substring(0, end);
  const space = line.indexOf(" ");
  if (space === -1) throw broken("malformed-response", `malformed HTTP response ${quoted(line)}`);
  const next = line.indexOf(" ", space + 1);
  const code = line.substring(space + 1, next === -1 ? line.length : next);
  let status = code.length === 3 && code.charCodeAt(0) !== 0x30;
  for (let at = 0; at < code.length; at++) status &&= (CLASSES[code.charCodeAt(at)]! & DIGIT) !== 0;
  if (!status) throw broken("malformed-response", `malformed HTTP status code ${quoted(code)}`);
  if (!isVersion(line, 0, space)) {
    throw broken("malformed-response", `malformed HTTP version ${quoted(line.substring(0, space))}`);
  }
}

function checkFraming(headers: HeaderLines): void {
  if (facts.lengthProblem === "not-a-number") {
    const lengths = values(headers, "content-length");
    const bad = lengths.find((length) => !isLength(length)) ?? "";
    throw broken("malformed-response", `bad Content-Length ${quoted(bad)}`);
  }
  if (facts.lengthProblem === "differing") {
    const all = values(headers, "content-length").map(quoted).join(" ");
    throw broken("malformed-response", `http: message cannot contain multiple Content-Length headers; got [${all}]`);
  }
  if (facts.transferEncodings > 0 && !facts.chunked) {
    const codings = values(headers, "transfer-encoding").map(quoted);
    const what =
      codings.length > 1
        ? `too many transfer encodings: [${codings.join(" ")}]`
        : `unsupported transfer encoding: ${codings[0]}`;
    throw broken("malformed-response", what);
  }
}

function values(headers: HeaderLines, name: string): string[] {
  const found: string[] = [];
  for (const [other, value] of headers) if (other.toLowerCase() === name) found.push(value);
  return found;
}

function isLength(text: string): boolean {
  for (let at = 0; at < text.length; at++) if ((CLASSES[text.charCodeAt(at)]! & DIGIT) === 0) return false;
  return text.length > 0 && Number(text) <= Number.MAX_SAFE_INTEGER;
}

/**
 * Irregular lines made regular: CRLF behind each, folds joined with one space, lines with SP in the name dropped.
 * Fills `marks` for the text it returns.
 */
function regularLines(text: string, irregularMarks: readonly number[], marks: number[]): string {
  let regular = "";
  for (let at = 0; at < irregularMarks.length - 1; at += 2) {
    const start = irregularMarks[at]!;
    const colon = irregularMarks[at + 1]!;
    if (colon === -1) continue;
    marks.push(regular.length, regular.length + colon - start);
    const value = unfolded(text, colon + 1, irregularMarks[at + 2]!);
    regular += `${text.substring(start, colon)}: ${value}\r\n`;
  }
  marks.push(regular.length);
  return regular;
}

function unfolded(text: string, from: number, to: number): string {
  let value = "";
  for (let at = from; at < to; ) {
    let end = at;
    while (end < to && text.charCodeAt(end) !== CR && text.charCodeAt(end) !== LF) end++;
    const start = skipBlanks(text, at, end);
    const part = text.substring(start, trimEnd(text, start, end));
    if (part !== "") value = value === "" ? part : `${value} ${part}`;
    at = end + 1;
  }
  return value;
}

/** As operators know it from Go: in double quotes, everything but printable ASCII escaped; cut when long. */
function quoted(text: string): string {
  let escaped = "";
  for (let at = 0; at < text.length && at < MAX_QUOTED; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22 || code === 0x5c) escaped += `\\${text[at]}`;
    else if (code >= 0x20 && code < 0x7f) escaped += text[at];
    else if (code === CR) escaped += "\\r";
    else if (code === LF) escaped += "\\n";
    else if (code === 0x09) escaped += "\\t";
    else escaped += `\\x${code.toString(16).padStart(2, "0")}`;
  }
  return text.length > MAX_QUOTED ? `"${escaped}..."` : `"${escaped}"`;
}
