import {
  badRequest,
  expectationFailed,
  type HeadRefusal,
  headTooLarge,
  unsupportedTransferEncoding,
  unsupportedVersion,
} from "./head-refusal.ts";
import { type HeadLimits, type HeadProblem, HeadScan, type Latin1, MORE, PROBLEM } from "./head-scan.ts";
import { HeaderLines } from "./header-lines.ts";
import { MessageFacts } from "./message-facts.ts";
import { CLASSES, HOST, skipBlanks, trimEnd } from "./octets.ts";
import { RequestLine } from "./request-line.ts";

export type { HeadLimits } from "./head-scan.ts";

// A head is read in one go, so one of each serves all connections.
const line = new RequestLine();
const facts = new MessageFacts();

/** A request head that may be served: everything of architecture §8 and data-plane §1.2 has been checked. */
export class RequestHead {
  readonly method: string;
  /** As received, one character per byte. */
  readonly target: string;
  /** `HTTP/1.0` to `HTTP/1.9`, or `HTTP/2.0` for the HTTP/2 preface. */
  readonly protocol: string;
  readonly headers: HeaderLines;
  /** Content-Length in bytes; -1: none. */
  readonly contentLength: number;
  /** The body has the chunked coding; there is no Content-Length then. */
  readonly chunked: boolean;
  /** The connection stays open behind the answer, as far as the client is concerned (RFC 9112 §9.3). */
  readonly persistent: boolean;
  /** Connection has the token `upgrade`, and there is an Upgrade line. */
  readonly upgrade: boolean;
  /** `Expect: 100-continue`; a client of HTTP/1.0 that says it does not wait for an answer (RFC 9110 §10.1.1). */
  readonly expectContinue: boolean;

  constructor(requestLine: RequestLine, headers: HeaderLines, messageFacts: MessageFacts) {
    const { minor } = requestLine;
    this.method = requestLine.method;
    this.target = requestLine.target;
    this.protocol = requestLine.protocol;
    this.headers = headers;
    this.contentLength = messageFacts.contentLength;
    this.chunked = messageFacts.chunked;
    this.persistent = !messageFacts.close && (minor > 0 || messageFacts.keepAlive);
    this.upgrade = messageFacts.upgradeToken && messageFacts.upgradeLine;
    this.expectContinue = messageFacts.expectContinue;
  }
}

/** Reads request heads from bytes that arrive in any pieces, strictly (architecture §8). One for each connection. */
export class RequestHeadParser {
  /** After a head: index of the first byte behind it, in the bytes pushed last. A view of them would cost too much. */
  end = 0;
  private readonly scan: HeadScan;
  private readonly date: (() => string) | undefined;
  private lineChecked = false;

  /** `date` gives the IMF-fixdate of now for the one refusal that has a Date line (417); without it there is none. */
  constructor(latin1: Latin1, limits: HeadLimits, date?: () => string) {
    this.scan = new HeadScan(latin1, limits, false, false);
    this.date = date;
  }

  /** A byte of a head has arrived and its end has not. */
  get started(): boolean {
    return this.scan.started;
  }

  /** `started`, and the request line is not complete. */
  get inRequestLine(): boolean {
    return this.scan.started && !this.scan.startLineDone;
  }

  /**
   * Takes bytes; a complete head, or undefined when more are needed. Throws `HeadRefusal` as soon as a byte shows that
   * the head will not do; the parser is of no use then. The request line is judged before the header lines, however
   * the bytes arrive.
   */
  push(bytes: Uint8Array): RequestHead | undefined {
    const { scan } = this;
    const end = scan.push(bytes);
    if (end === PROBLEM) throw this.refusal(scan.problem);
    if (end === MORE) {
      if (scan.startLineDone && !this.lineChecked) {
        this.lineChecked = true;
        this.checkLine(scan.text());
      }
      return undefined;
    }
    this.lineChecked = false;
    this.end = end;
    const text = scan.takeText();
    this.checkLine(text);
    return this.head(text, scan.marks);
  }

  private checkLine(text: string): void {
    const refusal = line.read(text, this.scan.startLineEnd);
    if (refusal !== undefined) throw refusal;
  }

  private refusal(problem: HeadProblem): HeadRefusal {
    if (this.scan.startLineDone) this.checkLine(this.scan.text());
    switch (problem) {
      case "too-large":
      case "too-many-lines":
        return headTooLarge();
      case "blank-in-name":
        return badRequest("invalid header name");
      default:
        return badRequest();
    }
  }

  private head(text: string, marks: number[]): RequestHead {
    facts.read(text, marks);
    if (line.preface) {
      if (marks.length > 1) throw unsupportedVersion();
    } else if (facts.hosts !== 1) {
      if (facts.hosts > 1) throw badRequest();
      if (line.minor > 0) throw badRequest("missing required Host header");
    } else if (!isHost(text, marks[facts.hostAt + 1]! + 1, marks[facts.hostAt + 2]! - 2)) {
      throw badRequest("malformed Host header");
    }
    if (facts.lengthProblem !== "none") throw badRequest();
    if (facts.transferEncodings > 0) {
      if (facts.contentLength !== -1 || line.minor === 0) throw badRequest();
      if (!facts.chunked) throw unsupportedTransferEncoding();
    }
    if (facts.expectOther) throw expectationFailed(line.minor, this.date?.());
    return new RequestHead(line, HeaderLines.received(text, marks), facts);
  }
}

/** An empty Host is taken, and answered by the pipeline (architecture §8). */
function isHost(text: string, from: number, to: number): boolean {
  const start = skipBlanks(text, from, to);
  const end = trimEnd(text, start, to);
  for (let at = start; at < end; at++) if ((CLASSES[text.charCodeAt(at)]! & HOST) === 0) return false;
  return true;
}
