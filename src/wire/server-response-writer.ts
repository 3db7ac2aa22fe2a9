import type { Failure } from "../core/forwarding/failure.ts";
import type { ByteStream } from "../runtime/interface/byte-stream.ts";
import type { BodySink, BodySource } from "./body.ts";
import { chunkPrefix } from "./chunked.ts";
import type { HeaderLines } from "./header-lines.ts";
import type { Framing } from "./server-response-head.ts";

/** A chunk up to this many bytes is copied beside its framing: that costs less than a second system call. */
const joinLimit = 8 * 1024;

/** Who hears how the writing of a response went. */
export interface ResponseOwner {
  /** Everything was handed to the stream, and the stream can take more. */
  responseWritten(): void;
  /** The body failed, or did not keep to its announced length: the rest of the response cannot follow. */
  responseCut(): void;
}

const bytesBehind = (bytes: Uint8Array, text: string): Uint8Array => {
  const joined = new Uint8Array(bytes.length + text.length);
  joined.set(bytes);
  for (let i = 0; i < text.length; i++) joined[bytes.length + i] = text.charCodeAt(i);
  return joined;
};

/**
 * Writes responses to a stream, one after the other: the head together with the first body bytes where they are at
 * hand, the framing (RFC 9112 §7.1), and back-pressure from the stream to the body's source.
 */
export class ResponseWriter implements BodySink {
  /** Body bytes taken from the source so far. */
  bodyBytes = 0;
  /** A response is being written. */
  busy = false;
  readonly #stream: ByteStream;
  readonly #owner: ResponseOwner;
  #source: BodySource | undefined;
  #framing: Framing = "none";
  #length = -1;
  /** Text that goes out before the next body bytes: the head, or the end of the last chunk. */
  #text = "";
  /** A small chunk that waits, behind `#text`, for what comes right after it. */
  #held: Uint8Array | undefined;
  /** The stream wants no more for now. */
  #blocked = false;
  /** The source heard "stop". */
  #stalled = false;
  #starting = false;
  #ended = false;
  #flushing = false;
  #flushLater: (() => void) | undefined;

  constructor(stream: ByteStream, owner: ResponseOwner) {
    this.#stream = stream;
    this.#owner = owner;
  }

  /**
   * Writes a response that is at hand as text, one character per byte. `bodyBytes` is what counts as its body: also
   * that of an answer to HEAD, which is not sent (data-plane §1.4.3).
   */
  writeWhole(text: string, bodyBytes: number): void {
    this.busy = true;
    this.bodyBytes = bodyBytes;
    this.#source = undefined;
    this.#ended = true;
    this.#blocked = !this.#stream.writeText(text);
    if (!this.#blocked) this.#finish();
  }

  /** Writes the head and then what the source gives; `length` is the announced one. */
  begin(head: string, framing: Framing, length: number, source: BodySource): void {
    this.busy = true;
    this.bodyBytes = 0;
    this.#source = source;
    this.#framing = framing;
    this.#length = length;
    this.#text = head;
    this.#ended = false;
    this.#stalled = false;
    this.#starting = true;
    source.start(this);
    this.#starting = false;
    if (!this.busy) return;
    if (this.#ended) {
      if (!this.#blocked) this.#finish();
    } else this.#flush();
  }

  /** Gives the response up: the stream is gone. */
  abandon(): void {
    if (!this.busy) return;
    this.busy = false;
    const source = this.#source;
    this.#clear();
    source?.cancel();
  }

  /** The stream took everything. */
  drained(): void {
    this.#blocked = false;
    if (!this.busy) return;
    if (this.#ended) this.#finish();
    else if (this.#stalled) {
      this.#stalled = false;
      this.#source!.resume();
    }
  }

  writeFrom(bytes: Uint8Array, from: number): boolean {
    const fits = this.#framing === "length" && this.bodyBytes + bytes.length - from <= this.#length;
    if (!fits || !this.busy || this.#ended || this.#text === "") return this.write(bytes.subarray(from));
    this.bodyBytes += bytes.length - from;
    this.#writeBehindText(bytes, from);
    this.#stalled = this.#blocked;
    return !this.#blocked;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.busy || this.#ended) return false;
    if (bytes.length === 0) return !this.#blocked;
    this.bodyBytes += bytes.length;
    if (this.#framing === "chunked") this.#writeChunk(bytes);
    else if (this.#framing === "length" && this.bodyBytes > this.#length) {
      this.#source!.cancel();
      this.#cut();
      return false;
    } else if (this.#text === "") this.#blocked = !this.#stream.write(bytes);
    else this.#writeBehindText(bytes, 0);
    this.#stalled = this.#blocked;
    return !this.#blocked;
  }

  end(trailers: HeaderLines | undefined): void {
    if (!this.busy || this.#ended) return;
    if (this.#framing === "length" && this.bodyBytes < this.#length) {
      this.#cut();
      return;
    }
    if (this.#framing === "chunked") {
      const last = trailers === undefined ? "0\r\n\r\n" : `0\r\n${trailers.toWire()}\r\n`;
      if (this.#held === undefined) this.#text += last;
      else this.#held = bytesBehind(this.#held, `\r\n${last}`);
    }
    this.#ended = true;
    this.#send();
    // The next request must not begin while the source is still in its call.
    if (!this.#starting && !this.#blocked) this.#finish();
  }

  fail(_failure: Failure): void {
    if (!this.busy || this.#ended) return;
    // The client sees how far it came; the end of the connection says that it is not all.
    this.#flush();
    this.#cut();
  }

  #writeChunk(bytes: Uint8Array): void {
    if (this.#held !== undefined) this.#flush();
    const text = this.#text + chunkPrefix(bytes.length);
    if (bytes.length <= joinLimit) {
      this.#text = text;
      this.#held = bytes;
    } else {
      this.#text = "\r\n";
      this.#blocked = !this.#stream.writeText(text, bytes);
    }
    if (!this.#flushing && !this.#starting) {
      this.#flushing = true;
      this.#flushLater ??= () => {
        this.#flushing = false;
        if (this.busy) this.#flush();
      };
      queueMicrotask(this.#flushLater);
    }
  }

  #writeBehindText(bytes: Uint8Array, from: number): void {
    const text = this.#text;
    this.#text = "";
    this.#blocked = !this.#stream.writeText(text, bytes, from);
  }

  /** Sends what is held back, with the end of the chunk. */
  #flush(): void {
    if (this.#held !== undefined) this.#held = bytesBehind(this.#held, "\r\n");
    this.#send();
  }

  #send(): void {
    const held = this.#held;
    if (held !== undefined) {
      this.#held = undefined;
      this.#writeBehindText(held, 0);
    } else if (this.#text !== "") {
      const text = this.#text;
      this.#text = "";
      this.#blocked = !this.#stream.writeText(text);
    }
  }

  #finish(): void {
    this.busy = false;
    this.#clear();
    this.#owner.responseWritten();
  }

  #cut(): void {
    this.busy = false;
    this.#clear();
    this.#owner.responseCut();
  }

  #clear(): void {
    this.#source = undefined;
    this.#text = "";
    this.#held = undefined;
  }
}
