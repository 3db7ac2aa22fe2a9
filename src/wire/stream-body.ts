import { Failure } from "../core/forwarding/failure.ts";
import type { HeadersLike } from "../core/message.ts";
import type { BodySink, BodySource } from "./body.ts";
import { HeaderLines } from "./header-lines.ts";

/** Feeds a `ReadableStream` from a byte source; starts it at the first read, so that looking at `body` costs nothing. */
class StreamFeeder implements BodySink {
  readonly #source: BodySource;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #begun = false;
  #stalled = false;

  constructor(source: BodySource) {
    this.#source = source;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  pull(): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#source.start(this);
    } else if (this.#stalled) {
      this.#stalled = false;
      this.#source.resume();
    }
  }

  cancel(): void {
    this.#source.cancel();
  }

  write(bytes: Uint8Array): boolean {
    const controller = this.#controller!;
    // A view of its own: the runtime frees what its sockets read once that is written on, and a reader may keep this.
    controller.enqueue(bytes.subarray());
    this.#stalled = (controller.desiredSize ?? 0) <= 0;
    return !this.#stalled;
  }

  end(): void {
    this.#controller!.close();
  }

  fail(failure: Failure): void {
    this.#controller!.error(failure);
  }
}

/** A body as the platform's stream, for whoever asks for one; errors with the source's `Failure`. */
export function streamOf(source: BodySource): ReadableStream<Uint8Array<ArrayBuffer>> {
  // Bodies come from the network, never from shared memory; the platform's types want to hear it.
  return new ReadableStream<Uint8Array>(new StreamFeeder(source), { highWaterMark: 0 }) as ReadableStream<
    Uint8Array<ArrayBuffer>
  >;
}

/** What is used of a stream's reader; the types of the platforms do not agree on the rest. */
interface ChunkReader {
  read(): Promise<{ done: boolean; value?: unknown }>;
  cancel(): Promise<void>;
}

/** The failures a foreign stream can turn into: a request's body and a response's. */
type StreamFailure = "request-body" | "body-cut";

/**
 * A foreign message's body (a platform `Request` or `Response`) as a byte source: read chunk by chunk, the next one
 * only after the sink took the last. An error of the stream becomes a `Failure` of `kind` unless it is one already.
 */
export class StreamSource implements BodySource {
  readonly length: number;
  taken = false;
  readonly #stream: ReadableStream<Uint8Array>;
  readonly #kind: StreamFailure;
  readonly #trailers: Promise<HeadersLike | undefined> | undefined;
  #reader: ChunkReader | undefined;
  #sink: BodySink | undefined;
  #reading = false;
  #stalled = false;

  constructor(
    stream: ReadableStream<Uint8Array>,
    kind: StreamFailure,
    length = -1,
    trailers?: Promise<HeadersLike | undefined>,
  ) {
    this.#stream = stream;
    this.#kind = kind;
    this.length = length;
    this.#trailers = trailers;
  }

  start(sink: BodySink): void {
    this.taken = true;
    this.#sink = sink;
    try {
      this.#reader = this.#stream.getReader();
    } catch (error) {
      this.#fail(error);
      return;
    }
    void this.#read();
  }

  resume(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    void this.#read();
  }

  cancel(): void {
    this.taken = true;
    this.#sink = undefined;
    // What the stream says about being given up concerns nobody any more.
    (this.#reader ?? this.#stream).cancel().catch(() => {});
  }

  async #read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#sink !== undefined && !this.#stalled) {
        const next = await this.#reader!.read();
        if (this.#sink === undefined) return;
        if (next.done) {
          const trailers = await this.#trailers;
          const sink = this.#sink as BodySink | undefined;
          this.#sink = undefined;
          sink?.end(trailers === undefined ? undefined : HeaderLines.from(trailers));
          return;
        }
        if (!(next.value instanceof Uint8Array)) throw new TypeError("a body stream must give Uint8Array chunks");
        if (next.value.length > 0 && !this.#sink.write(next.value)) this.#stalled = true;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#reading = false;
    }
  }

  #fail(error: unknown): void {
    const sink = this.#sink;
    this.#sink = undefined;
    if (error instanceof Failure) {
      sink?.fail(error);
      return;
    }
    const text = error instanceof Error ? error.message : String(error);
    const source = this.#kind === "request-body" ? "client" : "backend";
    sink?.fail(new Failure(this.#kind, source, "never", text, error));
  }
}
