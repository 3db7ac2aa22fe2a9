import type { DistinguishedName } from "./distinguished-name.ts";
import { type PemBlock, pemBlocks } from "./pem.ts";

/** What the router wants to know of an X.509 certificate (RFC 5280). */
export interface CertificateFacts {
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  /** Basic constraints say that it may issue certificates. */
  readonly isAuthority: boolean;
  /** Validity in milliseconds since the epoch, both ends included. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly der: Uint8Array;
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

const malformed = "x509: malformed certificate";

/** Reads DER (X.690 §10) element by element. Throws an `Error` where the bytes are none. */
class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  next(): Element {
    const tag = this.#byte();
    let length = this.#byte();
    if (length > 0x7f) {
      let count = length & 0x7f;
      if (count === 0 || count > 4) throw new Error(malformed);
      for (length = 0; count > 0; count--) length = length * 256 + this.#byte();
    }
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    if (content.length < length) throw new Error(malformed);
    this.#at += length;
    return { tag, content };
  }

  of(tag: number): Uint8Array {
    const element = this.next();
    if (element.tag !== tag) throw new Error(malformed);
    return element.content;
  }

  /** The next element if it has that tag; else it stays. */
  optional(tag: number): Uint8Array | undefined {
    return this.more && this.#bytes[this.#at] === tag ? this.of(tag) : undefined;
  }

  sequence(): DerReader {
    return new DerReader(this.of(0x30));
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error(malformed);
    return byte;
  }
}

/** Last arc of the attribute types under 2.5.4. */
const attributes: ReadonlyMap<number, keyof DistinguishedName> = new Map([
  [3, "common_name"],
  [5, "serial_number"],
  [6, "country"],
  [7, "locality"],
  [8, "province"],
  [9, "street_address"],
  [10, "organization"],
  [11, "organizational_unit"],
  [17, "postal_code"],
]);

const utf8 = new TextDecoder();

function textOf({ tag, content }: Element): string {
  if (tag !== 0x1e) return utf8.decode(content);
  let text = "";
  for (let at = 0; at + 1 < content.length; at += 2) text += String.fromCharCode(content[at]! * 256 + content[at + 1]!);
  return text;
}

function readName(sequence: DerReader): DistinguishedName {
  const name = {
    common_name: "",
    serial_number: "",
    country: [] as string[],
    organization: [] as string[],
    organizational_unit: [] as string[],
    locality: [] as string[],
    province: [] as string[],
    street_address: [] as string[],
    postal_code: [] as string[],
  };
  while (sequence.more) {
    const set = new DerReader(sequence.of(0x31));
    while (set.more) {
      const pair = set.sequence();
      const type = pair.of(0x06);
      const value = textOf(pair.next());
      const key = type.length === 3 && type[0] === 0x55 && type[1] === 0x04 ? attributes.get(type[2]!) : undefined;
      if (key === undefined) continue;
      if (key === "common_name" || key === "serial_number") name[key] = value;
      else name[key].push(value);
    }
  }
  return name;
}

/** UTCTime or GeneralizedTime (RFC 5280 §4.1.2.5) in milliseconds since the epoch. */
function timeOf({ tag, content }: Element): number {
  const digits = utf8.decode(content);
  const short = tag === 0x17 ? (Number(digits.slice(0, 2)) < 50 ? "20" : "19") : "";
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(short + digits);
  if (found === null) throw new Error("x509: malformed validity");
  const [year = 0, month = 1, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

const basicConstraints = "551d13";

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function readAuthority(extensions: DerReader): boolean {
  let isAuthority = false;
  while (extensions.more) {
    const extension = extensions.sequence();
    const id = hex(extension.of(0x06));
    extension.optional(0x01);
    const value = extension.of(0x04);
    if (id !== basicConstraints) continue;
    const constraints = new DerReader(value).sequence();
    isAuthority = (constraints.optional(0x01)?.[0] ?? 0) !== 0;
  }
  return isAuthority;
}

/**
 * Reads a certificate.
 *
 * @throws Error `x509: malformed certificate` for bytes that are none.
 */
export function readCertificate(der: Uint8Array): CertificateFacts {
  const whole = new DerReader(der);
  const outer = whole.sequence();
  if (whole.more) throw new Error("x509: trailing data");
  const signed = outer.sequence();
  outer.of(0x30);
  outer.of(0x03);
  signed.optional(0xa0);
  signed.of(0x02);
  signed.of(0x30);
  const issuer = readName(signed.sequence());
  const validity = signed.sequence();
  const notBefore = timeOf(validity.next());
  const notAfter = timeOf(validity.next());
  const subject = readName(signed.sequence());
  signed.of(0x30);
  signed.optional(0x81);
  signed.optional(0x82);
  const extensions = signed.optional(0xa3);
  const isAuthority = extensions !== undefined && readAuthority(new DerReader(extensions).sequence());
  return { subject, issuer, isAuthority, notBefore, notAfter, der };
}

/** True for a block that is taken for a certificate; one with header lines is not. */
export function holdsCertificate({ type, headers }: PemBlock): boolean {
  return type === "CERTIFICATE" && !headers;
}

/** The certificates of a PEM text that can be read; broken neighbours are passed over (notes of control-plane §1.3). */
export function certificatesOf(pem: string): CertificateFacts[] {
  return pemBlocks(pem)
    .filter(holdsCertificate)
    .flatMap(({ der }) => {
      try {
        return [readCertificate(der)];
      } catch {
        return [];
      }
    });
}
