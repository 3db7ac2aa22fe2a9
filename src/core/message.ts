/**
 * The part of the Fetch standard that the core uses. The platform's own `Request`, `Response` and `Headers` fit, and
 * so do the wire layer's lazy objects; the compiler proves both.
 */

/** Header fields, by the methods of `Headers` that the core calls. Names are matched without regard to case. */
export interface HeadersLike
  extends Pick<Headers, "get" | "has" | "set" | "append" | "delete" | "getSetCookie">,
    Iterable<[string, string]> {}

/** Header fields that can be copied cheaply; the copy and the original change independently. */
export interface MessageHeaders extends HeadersLike {
  fork?(): MessageHeaders;
  /**
   * Value of the first line with that name, where `get` joins all lines with `, ` as Fetch does.
   * Absent on platform `Headers`: `get` is the best there is.
   */
  first?(name: string): string | null;
  /**
   * Appends all lines of other fields at once, cheaper than one by one; those must not be changed any more. Absent on platform
   * `Headers`: append each.
   */
  appendAll?(lines: MessageHeaders): void;
  /**
   * As `append`, with the line at hand as it goes on the wire: `line` is name, colon, blank, value and CRLF, and is taken as
   * it is. Absent on platform `Headers`: append name and value.
   */
  appendLine?(name: string, value: string, line: string): void;
  /** As `set`, with the line in front of all others. Absent on platform `Headers`, which have an order of their own. */
  setAhead?(name: string, value: string): void;
  /** Whether there is a line with one of these names. Absent on platform `Headers`: ask for one after the other. */
  hasAny?(names: readonly string[]): boolean;
  /** Number of lines. Absent on platform `Headers`: count by iterating. */
  readonly lineCount?: number;
  /**
   * What all lines take on the wire: name, value and 4 bytes each; or anything above that.
   * Absent: computed by iterating where it is needed (data-plane §1.4.12).
   */
  readonly byteLength?: number;
}

/** An incoming request. `url` is for embedders; the router reads `Client.target` only (RFC 9112 §3.2 forms survive there). */
export interface RequestLike extends Pick<Request, "method" | "url" | "body" | "signal"> {
  readonly headers: MessageHeaders;
  /** It says `Expect: 100-continue`. Absent where the listener meets that expectation itself. */
  readonly expectsContinue?: boolean;
}

/** A response. A null `body` is an empty one. */
export interface ResponseLike extends Pick<Response, "status" | "statusText" | "body"> {
  readonly headers: MessageHeaders;
  /** Trailer fields (RFC 9110 §6.5), once the body has been read; absent or undefined when there are none. */
  readonly trailers?: Promise<HeadersLike | undefined>;
  /**
   * The whole body, one character per byte, when it is at hand: `body` gives the same as a stream.
   * Present on answers of the router's own, which announce its length in `Content-Length`.
   */
  readonly content?: string;
  /** Names (lower case) of the fields that stand behind Date, as those that a server adds to what its handler set. */
  readonly behindDate?: readonly string[];
  /**
   * Everything to be sent, one character per byte, instead of status line, headers and body; the connection is closed
   * after it. A listener that cannot (HTTP/2, native serving) sends the response as usual.
   */
  readonly raw?: string;
}

/** What a tunnel's far end must at least be able to do; the wire layer knows more about it. */
export interface TunnelStream {
  destroy(): void;
}

/** The other way an exchange can end: the backend switched protocols and its byte stream is ours (RFC 9110 §7.8). */
export interface Tunnel {
  readonly status: number;
  readonly statusText: string;
  readonly headers: MessageHeaders;
  readonly tunnel: TunnelStream;
}

/** Tells a tunnel from a response. */
export function isTunnel(result: ResponseLike | Tunnel): result is Tunnel {
  return (result as Tunnel).tunnel !== undefined;
}

/** Value of the first line with that name, as far as the implementation can tell it from the others. */
export function firstValue(headers: MessageHeaders, name: string): string | null {
  return headers.first === undefined ? headers.get(name) : headers.first(name);
}

const copies = (headers: HeadersLike): MessageHeaders => new Headers([...headers]);

/** An independent copy of header fields: a cheap fork where the implementation has one. */
export function forkHeaders(headers: MessageHeaders): MessageHeaders {
  return headers.fork === undefined ? copies(headers) : headers.fork();
}

/** Replaces Host, which belongs in front of the other fields (RFC 9110 §7.2). */
export function setHost(headers: MessageHeaders, host: string): void {
  if (headers.setAhead === undefined) headers.set("Host", host);
  else headers.setAhead("Host", host);
}

/** Replaces all lines with that name by one that is at hand as it goes on the wire (`MessageHeaders.appendLine`). */
export function setLine(headers: MessageHeaders, name: string, value: string, line: string): void {
  if (headers.appendLine === undefined || headers.has(name)) headers.set(name, value);
  else headers.appendLine(name, value, line);
}
