import { HeaderLines } from "../header-lines.ts";
import {
  CONNECTION_SPECIFIC,
  CONTENT_LENGTH,
  type HeaderField,
  MALFORMED,
  METHOD,
  PROTOCOL,
  STATUS,
  TRAILER,
} from "./hpack-field.ts";
import { trailerLines } from "./request-fields.ts";

/** A response's field section, read (RFC 9113 §8.3.2). One object serves one section after the other. */
export class ResponseFields {
  /** 100 to 999; 0: none, so the section is one of trailers. */
  status = 0;
  /** Content-Length; -1: none. */
  contentLength = -1;
  #fields: readonly HeaderField[] = [];
  #first = 0;
  #trailer = false;

  /** Reads a section; false: it is malformed. The array is not to change before `headers` or `trailers`. */
  read(fields: readonly HeaderField[]): boolean {
    this.status = 0;
    this.contentLength = -1;
    this.#fields = fields;
    this.#trailer = false;
    this.#first = 0;
    const first = fields[0];
    if (first?.kind === STATUS) {
      this.status = statusOf(first.value);
      if (this.status === 0) return false;
      this.#first = 1;
    }
    for (let at = this.#first; at < fields.length; at++) if (!this.#field(fields[at]!)) return false;
    return true;
  }

  /** Number of header lines. */
  get lineCount(): number {
    return this.#fields.length - this.#first;
  }

  /** The section as header lines of HTTP/1.1. */
  headers(): HeaderLines {
    const lines = this.#lines();
    // What has no length may have trailers, and the core asks for the coding before it keeps `Trailer`.
    if (this.#trailer && this.contentLength < 0) lines.append("Transfer-Encoding", "chunked");
    return lines;
  }

  trailers(): HeaderLines | undefined {
    const lines = trailerLines(this.#fields);
    return lines === undefined || lines.lineCount === 0 ? undefined : lines;
  }

  #lines(): HeaderLines {
    let text = "";
    const marks: number[] = [];
    let announced = false;
    for (let at = this.#first; at < this.#fields.length; at++) {
      const field = this.#fields[at]!;
      if (field.kind === CONNECTION_SPECIFIC || (field.kind === CONTENT_LENGTH && announced)) continue;
      if (field.kind === CONTENT_LENGTH) announced = true;
      marks.push(text.length, text.length + field.name.length);
      text += field.line;
    }
    marks.push(text.length);
    return HeaderLines.received(text, marks);
  }

  #field(field: HeaderField): boolean {
    const { kind } = field;
    if (kind === MALFORMED || (kind >= METHOD && kind <= PROTOCOL) || kind === STATUS) return false;
    if (kind === TRAILER) this.#trailer = true;
    if (kind !== CONTENT_LENGTH) return true;
    const length = lengthOf(field.value);
    if (length < 0 || (this.contentLength >= 0 && this.contentLength !== length)) return false;
    this.contentLength = length;
    return true;
  }
}

/** Three digits from 100 on; 0: something else. */
function statusOf(text: string): number {
  const status = lengthOf(text);
  return text.length === 3 && status >= 100 ? status : 0;
}

function lengthOf(text: string): number {
  if (text === "" || text.length > 15) return -1;
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
