import { HeaderLines } from "../header-lines.ts";
import { CLASSES, HEX, HOST, TARGET, TOKEN } from "../octets.ts";
import {
  AUTHORITY,
  CONNECTION_SPECIFIC,
  CONTENT_LENGTH,
  COOKIE,
  canonicalName,
  EXPECT,
  type HeaderField,
  HOST as HOST_FIELD,
  MALFORMED,
  METHOD,
  PATH,
  PROTOCOL,
  REGULAR,
  SCHEME,
  STATUS,
  TE,
  TRAILER,
} from "./hpack-field.ts";

/** The order in which fields that HTTP/2 does not have are complained about. */
const connectionSpecific = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/** A request's field section, read (RFC 9113 §8.3.1). One object serves one section after the other. */
export class RequestFields {
  method = "";
  /** The request target as HTTP/1.1 has it: `:path`; of CONNECT the authority (RFC 9113 §8.5). */
  target = "";
  /** `:protocol` of an extended CONNECT (RFC 8441 §4); empty otherwise. */
  protocol = "";
  /** Content-Length; -1: none. */
  contentLength = -1;
  /** `Expect: 100-continue`; the field itself is taken out. */
  expectContinue = false;
  /** Text of the 400 for fields that HTTP/2 does not have (data-plane §10.1); empty: none. */
  refusal = "";
  #scheme = "";
  #authority = "";
  #path = "";
  #host: string | undefined;
  #cookies = "";
  #trailer = false;
  #length: string | undefined;
  #foreign = 0;
  #te: string | undefined;
  #text = "";
  #marks: number[] = [];

  /** Reads a section; false: it is malformed, and its stream to be reset. */
  read(fields: readonly HeaderField[]): boolean {
    this.#clear();
    let at = 0;
    while (at < fields.length && fields[at]!.name.charCodeAt(0) === 0x3a)
      if (!this.#pseudo(fields[at++]!)) return false;
    if (!this.#complete()) return false;
    const host = this.#authority === "" ? hostOf(fields, at) : this.#authority;
    if (!isMadeOf(host, HOST)) return false;
    this.#host = host;
    this.#line("Host", `Host: ${host}\r\n`);
    for (; at < fields.length; at++) if (!this.#field(fields[at]!)) return false;
    if (this.#cookies !== "") this.#line("Cookie", `Cookie: ${this.#cookies}\r\n`);
    if (this.#te !== undefined) this.#judgeTe(this.#te);
    if (this.#foreign > 0) this.#refuseForeign(fields);
    return this.#readLength();
  }

  /** The section as header lines of HTTP/1.1, `Host` first; once, after `read`. */
  headers(): HeaderLines {
    // What is not announced by a length may have trailers, and the core asks for the coding before it keeps `Trailer`.
    if (this.#trailer && this.contentLength < 0) this.#line("Transfer-Encoding", "Transfer-Encoding: chunked\r\n");
    this.#marks.push(this.#text.length);
    return HeaderLines.received(this.#text, this.#marks);
  }

  /** The authority, with its port. */
  get host(): string {
    return this.#host ?? "";
  }

  /** Adds a line of the router's own. */
  add(name: string, value: string): void {
    this.#line(name, `${name}: ${value}\r\n`);
  }

  #clear(): void {
    this.method = "";
    this.target = "";
    this.protocol = "";
    this.contentLength = -1;
    this.expectContinue = false;
    this.refusal = "";
    this.#scheme = "";
    this.#authority = "";
    this.#path = "";
    this.#cookies = "";
    this.#trailer = false;
    this.#length = undefined;
    this.#foreign = 0;
    this.#te = undefined;
    this.#text = "";
    this.#marks = [];
  }

  #line(name: string, line: string): void {
    const start = this.#text.length;
    this.#marks.push(start, start + name.length);
    this.#text += line;
  }

  /** Each pseudo-header field once, in front of all others, and with content. */
  #pseudo(field: HeaderField): boolean {
    const { value } = field;
    if (value === "") return field.kind === AUTHORITY;
    switch (field.kind) {
      case METHOD:
        if (this.method !== "" || !isMadeOf(value, TOKEN)) return false;
        this.method = value;
        return true;
      case SCHEME:
        if (this.#scheme !== "") return false;
        this.#scheme = value;
        return true;
      case AUTHORITY:
        if (this.#authority !== "") return false;
        this.#authority = value;
        return true;
      case PATH:
        if (this.#path !== "") return false;
        this.#path = value;
        return true;
      case PROTOCOL:
        if (this.protocol !== "") return false;
        this.protocol = value;
        return true;
      default:
        return false;
    }
  }

  /** Which of them a request must have, and may have (RFC 9113 §8.3.1, §8.5; RFC 8441 §4). */
  #complete(): boolean {
    if (this.method === "CONNECT" && this.protocol === "") {
      this.target = this.#authority;
      return this.#authority !== "" && this.#scheme === "" && this.#path === "";
    }
    if (this.protocol !== "" && this.method !== "CONNECT") return false;
    if (this.method === "" || (this.#scheme !== "http" && this.#scheme !== "https")) return false;
    this.target = this.#path;
    return isPath(this.#path);
  }

  #field(field: HeaderField): boolean {
    switch (field.kind) {
      case REGULAR:
        this.#line(field.name, field.line);
        return true;
      case COOKIE:
        this.#cookies = this.#cookies === "" ? field.value : `${this.#cookies}; ${field.value}`;
        return true;
      case CONTENT_LENGTH:
        if (this.#length !== undefined && this.#length !== field.value) return false;
        if (this.#length === undefined) this.#line(field.name, field.line);
        this.#length = field.value;
        return true;
      case EXPECT:
        if (field.value.toLowerCase() === "100-continue") this.expectContinue = true;
        else this.#line(field.name, field.line);
        return true;
      case TE:
        this.#te = this.#te === undefined ? field.value : `${this.#te}\n${field.value}`;
        this.#line(field.name, field.line);
        return true;
      case TRAILER:
        this.#trailer = true;
        this.#line(field.name, field.line);
        return true;
      case CONNECTION_SPECIFIC:
        this.#foreign++;
        return true;
      case HOST_FIELD:
        return true;
      default:
        // MALFORMED, and pseudo-header fields behind others.
        return false;
    }
  }

  #judgeTe(te: string): void {
    if (te !== "trailers" && te !== "") this.refusal = 'request header "TE" may only be "trailers" in HTTP/2';
  }

  #refuseForeign(fields: readonly HeaderField[]): void {
    const name = connectionSpecific.find((foreign) => fields.some((field) => field.name === foreign))!;
    this.refusal = `request header "${canonicalName(name)}" is not valid in HTTP/2`;
  }

  #readLength(): boolean {
    if (this.#length === undefined) return true;
    const length = Number(this.#length);
    if (!isDigits(this.#length) || length > Number.MAX_SAFE_INTEGER) return false;
    this.contentLength = length;
    return true;
  }
}

function hostOf(fields: readonly HeaderField[], from: number): string {
  for (let at = from; at < fields.length; at++) if (fields[at]!.kind === HOST_FIELD) return fields[at]!.value;
  return "";
}

function isMadeOf(text: string, kind: number): boolean {
  for (let at = 0; at < text.length; at++) if ((CLASSES[text.charCodeAt(at)]! & kind) === 0) return false;
  return true;
}

function isDigits(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text.length > 0 && text.length <= 16;
}

/** `*`, or a path as HTTP/1.1's origin form has it (data-plane §1.2). */
function isPath(path: string): boolean {
  if (path.charCodeAt(0) !== 0x2f) return path === "*";
  let inPath = true;
  for (let at = 1; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if ((CLASSES[code]! & TARGET) === 0) return false;
    if (code === 0x3f) inPath = false;
    else if (code === 0x25 && inPath) {
      if (at + 2 >= path.length) return false;
      if ((CLASSES[path.charCodeAt(at + 1)]! & CLASSES[path.charCodeAt(at + 2)]! & HEX) === 0) return false;
    }
  }
  return true;
}

/** Trailer fields of a section as lines (RFC 9113 §8.1); undefined: it is malformed. */
export function trailerLines(fields: readonly HeaderField[]): HeaderLines | undefined {
  let text = "";
  const marks: number[] = [];
  for (const field of fields) {
    if (field.kind === MALFORMED || (field.kind >= METHOD && field.kind <= STATUS)) return undefined;
    if (field.kind === CONNECTION_SPECIFIC) continue;
    marks.push(text.length, text.length + field.name.length);
    text += field.line;
  }
  marks.push(text.length);
  return HeaderLines.received(text, marks);
}
