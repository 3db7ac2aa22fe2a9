import type { Latin1 } from "../head-scan.ts";
import { type ProxyHeader, ProxyHeaderError } from "./header.ts";
import { readVersion1 } from "./version-1.ts";
import { fixedLength, readVersion2, signature, version2Length } from "./version-2.ts";

/** What a version 1 header begins with: `PROXY` and a space. */
const word: Uint8Array = Uint8Array.of(80, 82, 79, 88, 89, 32);

/** Longest version 1 line; the specification's own is 107. */
const lineLimit = 512;

/** Longest version 2 header in bytes: addresses and TLVs, a client certificate among them. */
const headerLimit = 16 * 1024;

const lineFeed = 10;
const carriageReturn = 13;

/** What a connection begins with: a header or `undefined` for none, and the bytes behind it. */
export interface Beginning {
  readonly header: ProxyHeader | undefined;
  readonly rest: Uint8Array;
}

/** How many of the first bytes are those of `prefix`; -1: one differs. */
function matched(bytes: Uint8Array, prefix: Uint8Array): number {
  const length = Math.min(bytes.length, prefix.length);
  for (let at = 0; at < length; at++) if (bytes[at] !== prefix[at]) return -1;
  return length;
}

/** Reads the PROXY header that a connection may begin with (data-plane §6.6), from bytes that arrive in any pieces. */
export class ProxyHeaderParser {
  readonly #latin1: Latin1;
  #bytes = new Uint8Array(256);
  #length = 0;
  /** Where the search for the end of the line goes on. */
  #searched = 0;

  constructor(latin1: Latin1) {
    this.#latin1 = latin1;
  }

  /** What has arrived. */
  get pending(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What has arrived begins as a header does, and as nothing else. */
  get begun(): boolean {
    const bytes = this.pending;
    return matched(bytes, word) === word.length || matched(bytes, signature) === signature.length;
  }

  /**
   * Takes bytes; undefined: more are needed.
   *
   * @throws ProxyHeaderError when the header breaks the rules.
   */
  push(bytes: Uint8Array): Beginning | undefined {
    this.#keep(bytes);
    const all = this.pending;
    const asWord = matched(all, word);
    if (asWord === word.length) return this.#line(all);
    const asSignature = matched(all, signature);
    if (asSignature === signature.length) return this.#binary(all);
    return asWord < 0 && asSignature < 0 ? { header: undefined, rest: all } : undefined;
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.pending);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  #line(all: Uint8Array): Beginning | undefined {
    const end = all.indexOf(lineFeed, this.#searched);
    this.#searched = all.length;
    if (end >= lineLimit || (end < 0 && all.length >= lineLimit)) {
      throw new ProxyHeaderError(`the line is longer than ${lineLimit} bytes`);
    }
    if (end < 0) return undefined;
    const textEnd = all[end - 1] === carriageReturn ? end - 1 : end;
    return { header: readVersion1(this.#latin1(all, 0, textEnd)), rest: all.subarray(end + 1) };
  }

  #binary(all: Uint8Array): Beginning | undefined {
    if (all.length < fixedLength) return undefined;
    const length = version2Length(all);
    if (length > headerLimit) throw new ProxyHeaderError(`the header is longer than ${headerLimit} bytes`);
    if (all.length < length) return undefined;
    return { header: readVersion2(all.slice(0, length)), rest: all.subarray(length) };
  }
}
