import { badRequest, type HeadRefusal, unsupportedVersion } from "./head-refusal.ts";
import { ALPHA, CLASSES, COLON, HEX, HOST, SCHEME, SP, sameWord, saysHttp1, TARGET, TOKEN } from "./octets.ts";

const PROTOCOLS: readonly string[] = "0123456789".split("").map((minor) => `HTTP/1.${minor}`);
/** The first line of the HTTP/2 connection preface (RFC 9113 §3.4). */
const PREFACE = "PRI * HTTP/2.0";

/** The request line of RFC 9112 §3. One object serves one head after the other. */
export class RequestLine {
  method = "";
  target = "";
  protocol = "";
  /** Minor version; 0 for the HTTP/2 preface. */
  minor = 0;
  /** It is the HTTP/2 preface: a request only when no header lines follow (data-plane §1.2, §1.4.11). */
  preface = false;

  /** Reads the line `text[0, end)`; what is wrong with it (data-plane §1.2), or undefined. */
  read(text: string, end: number): HeadRefusal | undefined {
    const methodEnd = span(text, 0, end, TOKEN);
    if (methodEnd === 0 || text.charCodeAt(methodEnd) !== SP) return badRequest();
    const start = methodEnd + 1;
    const targetEnd = this.targetEnd(text, start, end);
    if (targetEnd <= start || text.charCodeAt(targetEnd) !== SP) return badRequest();
    this.method = methodEnd === 3 && saysGet(text) ? "GET" : text.substring(0, methodEnd);
    if (!isTargetForm(text, start, targetEnd, this.method)) return badRequest();
    this.target = text.substring(start, targetEnd);
    return this.readVersion(text, targetEnd + 1, end);
  }

  /** Where the target ends; -1 at a `%` in the path that begins no escape. */
  private targetEnd(text: string, start: number, end: number): number {
    let inPath = true;
    let at = start;
    for (; at < end; at++) {
      const code = text.charCodeAt(at);
      if ((CLASSES[code]! & TARGET) === 0) break;
      if (code === 0x3f) inPath = false;
      else if (code === 0x25 && inPath && !isHexPair(text, at + 1)) return -1;
    }
    return at;
  }

  private readVersion(text: string, start: number, end: number): HeadRefusal | undefined {
    const digit = text.charCodeAt(end - 1) - 0x30;
    this.preface = false;
    this.minor = digit;
    if (end - start === 8 && saysHttp1(text, start) && digit >= 0 && digit <= 9) {
      this.protocol = PROTOCOLS[digit]!;
      return undefined;
    }
    if (end === PREFACE.length && text.startsWith(PREFACE)) {
      this.preface = true;
      this.protocol = "HTTP/2.0";
      return undefined;
    }
    return isVersion(text, start, end) ? unsupportedVersion() : badRequest();
  }
}

/** True for `HTTP/d.d` (RFC 9112 §2.3). */
export function isVersion(text: string, start: number, end: number): boolean {
  return (
    end - start === 8 &&
    text.startsWith("HTTP/", start) &&
    isDigit(text.charCodeAt(start + 5)) &&
    text.charCodeAt(start + 6) === 0x2e &&
    isDigit(text.charCodeAt(start + 7))
  );
}

/** The method of most requests needs no text of its own: to read one that was just cut out costs Bun 50 ns. */
function saysGet(text: string): boolean {
  return text.charCodeAt(0) === 0x47 && text.charCodeAt(1) === 0x45 && text.charCodeAt(2) === 0x54;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isHexPair(text: string, at: number): boolean {
  // Beyond the line stands its line end, which is no digit.
  return (CLASSES[text.charCodeAt(at)]! & HEX) !== 0 && (CLASSES[text.charCodeAt(at + 1)]! & HEX) !== 0;
}

/** End of the run of bytes of a kind that starts at `from`. */
function span(text: string, from: number, to: number, kind: number): number {
  let at = from;
  while (at < to && (CLASSES[text.charCodeAt(at)]! & kind) !== 0) at++;
  return at;
}

/** The forms of RFC 9112 §3.2 that data-plane §1.2 takes; `OPTIONS`-only `*` is the router's affair. */
function isTargetForm(text: string, start: number, end: number, method: string): boolean {
  const first = text.charCodeAt(start);
  if (first === 0x2f) return true;
  if (first === 0x2a && end - start === 1) return true;
  if (method === "CONNECT") return isAuthority(text, start, end);
  return isAbsolute(text, start, end);
}

/** Absolute form: scheme, `://`, and an authority whose host a Host line could hold. */
function isAbsolute(text: string, start: number, end: number): boolean {
  if ((CLASSES[text.charCodeAt(start)]! & ALPHA) === 0) return false;
  const colon = span(text, start, end, SCHEME);
  if (text.charCodeAt(colon) !== COLON || !sameWord(text, colon + 1, "//")) return false;
  let host = colon + 3;
  let at = host;
  for (; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2f || code === 0x3f) break;
    if (code === 0x40) host = at + 1;
  }
  return isAuthority(text, host, at);
}

/** Host and port that a Host line could hold; the port, where there is one, is digits, and a bracket is closed. */
function isAuthority(text: string, from: number, to: number): boolean {
  if (span(text, from, to, HOST) !== to) return false;
  let port = text.lastIndexOf(":", to - 1);
  if (text.charCodeAt(from) === 0x5b) port = text.lastIndexOf("]", to - 1) + 1;
  else if (port < from) return true;
  if (port <= from || (port < to && text.charCodeAt(port) !== COLON)) return false;
  for (let at = port + 1; at < to; at++) if (!isDigit(text.charCodeAt(at))) return false;
  return true;
}
