import { CLASSES, FIELD, LOWER, TOKEN } from "../octets.ts";

/** What a field means to the connection; decided once for each field that HPACK's table holds. */
export const REGULAR = 0;
export const METHOD = 1;
export const SCHEME = 2;
export const AUTHORITY = 3;
export const PATH = 4;
export const PROTOCOL = 5;
export const STATUS = 6;
/** `connection` and its kind: no field of HTTP/2 (RFC 9113 §8.2.2). */
export const CONNECTION_SPECIFIC = 7;
export const TE = 8;
export const HOST = 9;
export const COOKIE = 10;
export const CONTENT_LENGTH = 11;
export const EXPECT = 12;
export const TRAILER = 13;
/** A name or value that no field may have (RFC 9113 §8.2.1), or a pseudo-header field that nobody knows. */
export const MALFORMED = 14;

const kinds: ReadonlyMap<string, number> = new Map([
  [":method", METHOD],
  [":scheme", SCHEME],
  [":authority", AUTHORITY],
  [":path", PATH],
  [":protocol", PROTOCOL],
  [":status", STATUS],
  ["connection", CONNECTION_SPECIFIC],
  ["keep-alive", CONNECTION_SPECIFIC],
  ["proxy-connection", CONNECTION_SPECIFIC],
  ["transfer-encoding", CONNECTION_SPECIFIC],
  ["upgrade", CONNECTION_SPECIFIC],
  ["te", TE],
  ["host", HOST],
  ["cookie", COOKIE],
  ["content-length", CONTENT_LENGTH],
  ["expect", EXPECT],
  ["trailer", TRAILER],
]);

function kindOf(name: string, value: string): number {
  const known = kinds.get(name);
  for (let i = 0; i < value.length; i++) if ((CLASSES[value.charCodeAt(i)]! & FIELD) === 0) return MALFORMED;
  if (known !== undefined) return known;
  if (name.length === 0) return MALFORMED;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if ((CLASSES[code]! & TOKEN) === 0 || LOWER[code] !== code) return MALFORMED;
  }
  return REGULAR;
}

/** Spellings that were worked out before; peers choose names, so there is a bound. */
const spellings = new Map<string, string>();
const spellingsBound = 1024;

/** A field name as HTTP/1.1 peers of upstream see it: `x-cf-applicationid` → `X-Cf-Applicationid` (data-plane §5.2). */
export function canonicalName(name: string): string {
  const known = spellings.get(name);
  if (known !== undefined) return known;
  let spelled = "";
  let upper = true;
  for (const letter of name) {
    spelled += upper ? letter.toUpperCase() : letter.toLowerCase();
    upper = letter === "-";
  }
  if (spellings.size < spellingsBound && name.length <= 64) spellings.set(name, spelled);
  return spelled;
}

/** A field of a header block. Those of HPACK's tables are made once and used again with every reference. */
export class HeaderField {
  /** Lower case as received. */
  readonly name: string;
  readonly value: string;
  /** One of the numbers above. */
  readonly kind: number;
  /** Bytes that it counts for (RFC 7541 §4.1). */
  readonly size: number;
  #line: string | undefined;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
    this.kind = kindOf(name, value);
    this.size = name.length + value.length + 32;
  }

  /** The field as a line of HTTP/1.1, with its line end. */
  get line(): string {
    this.#line ??= `${canonicalName(this.name)}: ${this.value}\r\n`;
    return this.#line;
  }
}
