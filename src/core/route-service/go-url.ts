import { escapeLogValue, utf8Bytes } from "../observe/access-log-quote.ts";

/** A URL in its parts, none of them decoded or normalised; one character per byte. */
export interface ParsedUrl {
  /** Lower case; empty when there is none. */
  readonly scheme: string;
  /** With port, without user information; maybe empty. */
  readonly host: string;
  /** Maybe empty. */
  readonly path: string;
  /** What follows the first `?`; undefined without one. */
  readonly query: string | undefined;
}

const hostMarks = "-._~!$&'()*+,;=:[]<>\"";
const isAlphanumeric = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
const quoted = (text: string): string => `"${escapeLogValue(text)}"`;

/** The scheme before the first `:`, and where the rest begins. Without a scheme everything is the rest. */
function splitScheme(url: string): [scheme: string, rest: string] {
  for (let i = 0; i < url.length; i++) {
    const code = url.charCodeAt(i);
    if (code === 0x3a) {
      if (i === 0) throw new Error("missing protocol scheme");
      return [url.slice(0, i).toLowerCase(), url.slice(i + 1)];
    }
    const letter = isAlphanumeric(code) && code > 57;
    const later = i > 0 && (isAlphanumeric(code) || code === 0x2b || code === 0x2d || code === 0x2e);
    if (!letter && !later) break;
  }
  return ["", url];
}

/** Refuses `%` that begins no escape; in a host, also escapes of ASCII. */
function checkEscapes(text: string, inHost: boolean): void {
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", at + 1)) {
    const written = text.slice(at, at + 3);
    const isEscape = /^%[0-9A-Fa-f]{2}$/.test(written);
    if (!isEscape || (inHost && written < "%8" && written !== "%25")) {
      throw new Error(`invalid URL escape ${quoted(written)}`);
    }
  }
}

function checkPort(port: string): void {
  if (port !== "" && !/^:\d*$/.test(port)) throw new Error(`invalid port ${quoted(port)} after host`);
}

/** The host of an authority. */
function hostOfAuthority(authority: string): string {
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (host.startsWith("[")) {
    const end = host.lastIndexOf("]");
    if (end < 0) throw new Error("missing ']' in host");
    checkPort(host.slice(end + 1));
    return host;
  }
  const colon = host.lastIndexOf(":");
  if (colon >= 0) checkPort(host.slice(colon));
  checkEscapes(host, true);
  for (const character of host) {
    const code = character.charCodeAt(0);
    if (code < 0x80 && code !== 0x25 && !isAlphanumeric(code) && !hostMarks.includes(character)) {
      throw new Error(`invalid character ${quoted(character)} in host name`);
    }
  }
  return host;
}

function parse(url: string, isRequest: boolean): ParsedUrl {
  for (let i = 0; i < url.length; i++) {
    const code = url.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) throw new Error("net/url: invalid control character in URL");
  }
  if (isRequest && url === "") throw new Error("empty url");
  if (url === "*") return { scheme: "", host: "", path: "*", query: undefined };
  const [scheme, behind] = splitScheme(url);
  const mark = behind.indexOf("?");
  const query = mark < 0 ? undefined : behind.slice(mark + 1);
  let path = mark < 0 ? behind : behind.slice(0, mark);
  if (!path.startsWith("/")) {
    if (scheme !== "") return { scheme, host: "", path: "", query };
    if (isRequest) throw new Error("invalid URI for request");
    if (path.split("/", 1)[0]!.includes(":")) throw new Error("first path segment in URL cannot contain colon");
  }
  let host = "";
  if (path.startsWith("//") && (scheme !== "" || (!isRequest && !path.startsWith("///")))) {
    const end = path.indexOf("/", 2);
    host = hostOfAuthority(end < 0 ? path.slice(2) : path.slice(2, end));
    path = end < 0 ? "" : path.slice(end);
  }
  checkEscapes(path, false);
  return { scheme, host, path, query };
}

/**
 * Takes a URL apart by the rules and with the error texts of Go's parser (data-plane §8.5).
 *
 * @param isRequest as in a request line: it must be absolute or begin with `/`, and `#` has no meaning.
 * @throws Error `parse "URL": REASON`, one character per byte.
 */
export function parseUrl(text: string, isRequest: boolean): ParsedUrl {
  const bytes = utf8Bytes(text);
  const fragment = isRequest ? -1 : bytes.indexOf("#");
  try {
    return parse(fragment < 0 ? bytes : bytes.slice(0, fragment), isRequest);
  } catch (error) {
    throw new Error(`parse ${quoted(bytes)}: ${(error as Error).message}`);
  }
}
