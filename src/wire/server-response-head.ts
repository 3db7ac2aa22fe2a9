import { reasonPhrase } from "../core/forwarding/status-text.ts";
import type { MessageHeaders, ResponseLike } from "../core/message.ts";
import { HeaderLines } from "./header-lines.ts";

/** How the end of a response body shows on the wire (RFC 9112 §6.3). */
export type Framing = "none" | "length" | "chunked" | "close";

/** What the request and its connection say about the answer. */
export interface AnswerTo {
  readonly method: string;
  /** The client speaks HTTP/1.0. */
  readonly old: boolean;
  /** The client wants to keep the connection (RFC 9112 §9.3). */
  readonly persistent: boolean;
}

/** Status lines with the standard phrase, by status, each in one piece. */
const standardLines: (string | undefined)[] = Array.from({ length: 1000 }, () => undefined);

/** The status line in the version of the request; an empty `phrase` becomes the standard one. */
export function statusLine(to: AnswerTo, status: number, phrase: string): string {
  const standard = reasonPhrase(status);
  if (to.old || (phrase !== "" && phrase !== standard)) {
    return `${to.old ? "HTTP/1.0" : "HTTP/1.1"} ${status} ${phrase === "" ? standard : phrase}\r\n`;
  }
  standardLines[status] ??= ["HTTP/1.1 ", status, " ", standard, "\r\n"].join("");
  return standardLines[status];
}

/** Header fields as lines that can be changed and written; a copy of foreign ones. */
export function linesOf(headers: MessageHeaders): HeaderLines {
  return headers instanceof HeaderLines ? headers : HeaderLines.from(headers);
}

/** True for answers that end with their head (RFC 9112 §6.3 rule 1). */
export function endsWithHead(method: string, status: number): boolean {
  return status === 204 || status === 304 || status < 200 || method === "HEAD";
}

/** Content-Length of a response as a number; -1 when there is none that can be meant. */
export function announcedLength(lines: HeaderLines): number {
  return lines.firstNumber("content-length");
}

/** True when a `Connection` value has the option `close`. */
function saysClose(value: string): boolean {
  for (const option of value.toLowerCase().split(",")) if (option.trim() === "close") return true;
  return false;
}

/** Takes fields out of `lines`; gives them as lines in the order of their names in `names`. */
function takenOut(lines: HeaderLines, names: readonly string[]): string {
  const taken = new HeaderLines();
  for (const name of names) {
    for (const [spelled, value] of lines) if (spelled.toLowerCase() === name) taken.append(spelled, value);
    lines.delete(name);
  }
  return taken.toWire();
}

/**
 * The head of a response as it goes on the wire, and what it decided (data-plane §5.5, §5.6): the handler's lines in
 * their order and spelling, then Date, Content-Length, Connection and Transfer-Encoding as far as they are needed. A
 * `Connection: close` of the handler's stays where it stands, for HTTP/1.0 too.
 * One per connection, filled anew for each response.
 */
export class ResponseHeadWriter {
  framing: Framing = "none";
  /** Announced body length; -1 when none is announced. */
  length = -1;
  /** The connection can be used again after this response. */
  persistent = false;

  /**
   * `lines` are the response's, and are changed. `bodyLength`: length of the body when known, 0 for none, else -1.
   * `mayPersist`: nothing on our side forbids to keep the connection. Returns the head with the empty line behind it,
   * one character per byte.
   */
  write(
    response: Pick<ResponseLike, "status" | "statusText" | "content" | "behindDate">,
    lines: HeaderLines,
    to: AnswerTo,
    bodyLength: number,
    mayPersist: boolean,
    date: string,
  ): string {
    const { status } = response;
    this.persistent = mayPersist && to.persistent;
    const connection = lines.first("connection");
    let closeSaid = false;
    if (connection !== null) {
      if (saysClose(connection)) this.persistent = false;
      closeSaid = lines.get("connection") === "close";
      if (!closeSaid) lines.delete("connection");
    }
    if (lines.has("transfer-encoding")) lines.delete("transfer-encoding");
    let added = this.#frame(lines, to, status, bodyLength);
    let length = this.length;
    if (response.content !== undefined && !added) {
      // The length of the router's own answers stands behind Date, to HEAD as well (data-plane §13.2).
      length = announcedLength(lines);
      lines.delete("content-length");
      added = length >= 0;
    }
    const behind = response.behindDate === undefined ? "" : takenOut(lines, response.behindDate);
    let text = `${statusLine(to, status, response.statusText)}${lines.toWire()}`;
    if (!lines.has("date")) text += `Date: ${date}\r\n`;
    if (added) text += `Content-Length: ${length}\r\n`;
    text += behind;
    if (to.old) {
      if (this.persistent) text += "Connection: keep-alive\r\n";
    } else if (!this.persistent && !closeSaid) text += "Connection: close\r\n";
    return this.framing === "chunked" ? `${text}Transfer-Encoding: chunked\r\n\r\n` : `${text}\r\n`;
  }

  /** Chooses the framing; true when a Content-Length line is to be added. */
  #frame(lines: HeaderLines, to: AnswerTo, status: number, bodyLength: number): boolean {
    const announced = announcedLength(lines);
    this.length = -1;
    if (endsWithHead(to.method, status)) {
      this.framing = "none";
      if (to.method !== "HEAD" || status === 204 || status === 304) lines.delete("content-length");
      return false;
    }
    if (announced >= 0) {
      this.framing = "length";
      this.length = announced;
      return false;
    }
    if (bodyLength >= 0) {
      lines.delete("content-length");
      this.framing = "length";
      this.length = bodyLength;
      return true;
    }
    lines.delete("content-length");
    if (to.old) {
      this.framing = "close";
      this.persistent = false;
    } else this.framing = "chunked";
    return false;
  }
}
