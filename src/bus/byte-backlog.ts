/** Bytes of the first segment: bursts of ordinary days fit. */
const firstSize = 256 * 1024;
/**
 * Bytes of the others. Allocators map memory of more than 32 MiB by itself: what was never written takes none, and what is
 * freed is given back to the system at once, whatever was allocated meanwhile.
 */
const furtherSize = 40 * 1024 * 1024;

/** Bytes from `from` to `to` wait. */
interface Segment {
  readonly bytes: Uint8Array<ArrayBuffer>;
  from: number;
  to: number;
}

/**
 * Bytes that wait, first in, first out. A hundred megabytes of a storm as they were read, in thousands of pieces, give the
 * garbage collector something to look after, and leave memory in which other things lie here and there.
 */
export class ByteBacklog {
  /** Bytes that wait. */
  length = 0;
  readonly #segments: Segment[] = [];

  /** Copies the bytes to the end. */
  push(bytes: Uint8Array): void {
    this.length += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const last = this.#roomy();
      const end = Math.min(bytes.length, at + last.bytes.length - last.to);
      last.bytes.set(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end), last.to);
      last.to += end - at;
      at = end;
    }
  }

  /** Up to so many bytes of the front as they lie there; they hold until they are dropped. Empty: none wait. */
  front(limit: number): Uint8Array {
    const segment = this.#segments[0];
    if (segment === undefined) return none;
    return segment.bytes.subarray(segment.from, Math.min(segment.to, segment.from + limit));
  }

  /** Forgets so many bytes of the front: what `front` gave, or less. */
  drop(count: number): void {
    const segment = this.#segments[0];
    if (segment === undefined) return;
    segment.from += count;
    this.length -= count;
    if (segment.from < segment.to) return;
    this.#segments.shift();
    // Not left to the collector: nobody else has it.
    segment.bytes.buffer.transfer(0);
  }

  #roomy(): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.to < last.bytes.length) return last;
    const segment = { bytes: new Uint8Array(last === undefined ? firstSize : furtherSize), from: 0, to: 0 };
    this.#segments.push(segment);
    return segment;
  }
}

const none = new Uint8Array(0);
