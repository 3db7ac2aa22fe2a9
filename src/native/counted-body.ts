/** What a counted body ends with. */
type BodyEnd = "complete" | "cancelled" | "failed";

/** A stream that passes another one on, chunk by chunk as it is asked for, counts the bytes and tells the end. */
export class CountedBody {
  bytes = 0;
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;

  /** `ended` is called once, unless nobody reads the stream to an end. */
  constructor(body: ReadableStream<Uint8Array>, ended: (end: BodyEnd) => void = () => {}) {
    let reader: ReturnType<typeof readerOf> | undefined;
    const source = {
      pull: async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
        try {
          reader ??= readerOf(body);
          const { done, value } = await reader.read();
          if (done) {
            ended("complete");
            controller.close();
          } else {
            this.bytes += value!.length;
            controller.enqueue(value!);
          }
        } catch (error) {
          ended("failed");
          controller.error(error);
        }
      },
      cancel: async (reason: unknown): Promise<void> => {
        ended("cancelled");
        // What the stream says about being given up concerns nobody any more.
        await (reader ?? body).cancel(reason).catch(() => {});
      },
    };
    // Bodies come from the network, never from shared memory; the platform's types want to hear it.
    this.stream = new ReadableStream(source, { highWaterMark: 0 }) as ReadableStream<Uint8Array<ArrayBuffer>>;
  }
}

/** A reader by what is used of it; the types of the platforms do not agree on the rest. */
function readerOf(body: ReadableStream<Uint8Array>): {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(reason?: unknown): Promise<void>;
} {
  return body.getReader();
}
