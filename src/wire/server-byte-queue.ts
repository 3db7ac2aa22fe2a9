/** The chunks of a queue that nothing was put in yet, as on most connections. */
const noChunks: Uint8Array[] = [];

/** Chunks that wait, in order; taking one is cheap however many there are. */
export class ByteQueue {
  /** Bytes in all chunks. */
  bytes = 0;
  #chunks: (Uint8Array | undefined)[] = noChunks;
  #next = 0;

  get empty(): boolean {
    return this.#next === this.#chunks.length;
  }

  push(chunk: Uint8Array): void {
    if (this.#chunks === noChunks) this.#chunks = [chunk];
    else this.#chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** Takes the first chunk; undefined when there is none. */
  shift(): Uint8Array | undefined {
    const chunk = this.#chunks[this.#next];
    if (chunk === undefined) return undefined;
    this.#chunks[this.#next++] = undefined;
    this.bytes -= chunk.length;
    if (this.#next === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#next = 0;
    }
    return chunk;
  }

  /** Puts what is left of the chunk taken last back to the front. */
  unshift(chunk: Uint8Array): void {
    if (this.#chunks === noChunks) this.#chunks = [chunk];
    else if (this.#next === 0) this.#chunks.unshift(chunk);
    else this.#chunks[--this.#next] = chunk;
    this.bytes += chunk.length;
  }

  clear(): void {
    this.#chunks = noChunks;
    this.#next = 0;
    this.bytes = 0;
  }
}
