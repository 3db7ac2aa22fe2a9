import type { Latin1 } from "../head-scan.ts";
import { HeaderField } from "./hpack-field.ts";
import { staticTable } from "./hpack-static.ts";
import { huffmanDecode } from "./huffman.ts";
import { COMPRESSION_ERROR, ConnectionError } from "./protocol.ts";

/** Bytes of the dynamic table that we offer and peers start with (RFC 9113 §6.5.2). */
const tableSize = 4096;

const staticLength = staticTable.length;

function bad(what: string): ConnectionError {
  return new ConnectionError(COMPRESSION_ERROR, what);
}

/** Reads the header blocks of one connection, in their order (RFC 7541). */
export class HpackDecoder {
  /** Fields of the block decoded last, as far as they fitted. Used again for the next block. */
  readonly fields: HeaderField[] = [];
  /** The last block's fields were more than `maxListSize`: those behind the limit are not in `fields`. */
  tooLarge = false;
  readonly #latin1: Latin1;
  readonly #maxListSize: number;
  /** The dynamic table, newest last; what stands before `#oldest` was evicted. */
  #table: HeaderField[] = [];
  #oldest = 0;
  #used = 0;
  #bound = tableSize;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** `maxListSize`: bytes of a block's fields, each with 32 more than name and value (RFC 9113 §6.5.2). */
  constructor(latin1: Latin1, maxListSize: number) {
    this.#latin1 = latin1;
    this.#maxListSize = maxListSize;
  }

  /** Decodes a block into `fields`. Throws `ConnectionError` when it is malformed: the tables are of no use then. */
  decode(block: Uint8Array): void {
    const { fields } = this;
    fields.length = 0;
    this.tooLarge = false;
    this.#bytes = block;
    this.#at = 0;
    let size = 0;
    let updatable = true;
    while (this.#at < block.length) {
      const first = block[this.#at]!;
      if ((first & 0xe0) === 0x20) {
        if (!updatable) throw bad("a table size update stands behind a field");
        this.#resize(this.#integer(0x1f));
        continue;
      }
      updatable = false;
      const field = (first & 0x80) !== 0 ? this.#lookup(this.#integer(0x7f)) : this.#literal(first);
      size += field.size;
      if (size > this.#maxListSize) this.tooLarge = true;
      else fields.push(field);
    }
    this.#bytes = block.subarray(0, 0);
  }

  #literal(first: number): HeaderField {
    const indexed = (first & 0x40) !== 0;
    const index = this.#integer(indexed ? 0x3f : 0x0f);
    const name = index === 0 ? this.#text() : this.#lookup(index).name;
    const field = new HeaderField(name, this.#text());
    if (indexed) this.#insert(field);
    return field;
  }

  #lookup(index: number): HeaderField {
    if (index === 0) throw bad("index 0");
    const field =
      index <= staticLength
        ? staticTable[index - 1]
        : index - staticLength <= this.#table.length - this.#oldest
          ? this.#table[this.#table.length - (index - staticLength)]
          : undefined;
    if (field === undefined) throw bad(`index ${index} stands for nothing`);
    return field;
  }

  #insert(field: HeaderField): void {
    this.#table.push(field);
    this.#used += field.size;
    this.#evict();
  }

  #resize(bound: number): void {
    if (bound > tableSize) throw bad(`a table of ${bound} bytes was not offered`);
    this.#bound = bound;
    this.#evict();
  }

  #evict(): void {
    const table = this.#table;
    while (this.#used > this.#bound) this.#used -= table[this.#oldest++]!.size;
    if (this.#oldest < 64 && this.#oldest < table.length) return;
    this.#table = table.slice(this.#oldest);
    this.#oldest = 0;
  }

  /** An integer whose prefix has the bits of `mask` (RFC 7541 §5.1). */
  #integer(mask: number): number {
    const bytes = this.#bytes;
    let value = bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[this.#at++];
      if (byte === undefined) throw bad("an integer is cut off");
      value += (byte & 0x7f) * factor;
      if (value > 0x7fff_ffff || factor > 0x1000_0000) throw bad("an integer is too large");
      if ((byte & 0x80) === 0) return value;
    }
  }

  /** A string literal (RFC 7541 §5.2), one character per byte. */
  #text(): string {
    const bytes = this.#bytes;
    const first = bytes[this.#at];
    if (first === undefined) throw bad("a string is missing");
    const length = this.#integer(0x7f);
    const start = this.#at;
    const end = start + length;
    if (end > bytes.length) throw bad("a string is cut off");
    this.#at = end;
    if ((first & 0x80) === 0) return length === 0 ? "" : this.#latin1(bytes, start, end);
    const text = huffmanDecode(bytes, start, end);
    if (text === undefined) throw bad("a string is no Huffman code");
    return text;
  }
}
