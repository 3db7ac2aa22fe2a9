import assert from "node:assert/strict";
import type { ByteStream, ByteStreamHandler } from "../../../src/runtime/interface/byte-stream.ts";
import type { Runtime } from "../../../src/runtime/interface.ts";
import { type Recorder, until } from "./recorder.ts";

/** Keeps writing until `total` bytes (a multiple of 64 KiB) went out, as fast as the stream allows. */
class Flood implements ByteStreamHandler {
  stream: ByteStream | undefined;
  sent = 0;
  private readonly total: number;
  /** The same bytes again and again, never changed: the test is to measure the streams, not its own garbage. */
  private readonly chunk = new Uint8Array(64 * 1024).fill(7);
  constructor(total: number) {
    this.total = total;
  }
  start(stream: ByteStream): void {
    this.stream = stream;
    stream.handler = this;
    this.drained();
  }
  drained(): void {
    const stream = this.stream!;
    while (this.sent < this.total) {
      this.sent += this.chunk.length;
      if (!stream.write(this.chunk)) return;
    }
    stream.end();
  }
  data(): void {}
  ended(): void {}
  closed(): void {}
}

/**
 * A peer that does not read answers and closes at once, which resets what `writer` still sends: the answer must arrive
 * all the same, before the end.
 */
export async function answerAndReset(
  runtime: Runtime,
  writer: ByteStream,
  atWriter: Recorder,
  peer: ByteStream,
): Promise<void> {
  peer.pause();
  const piece = new Uint8Array(1024 * 1024);
  for (let sent = 0; sent < 16; sent++) writer.write(piece);
  await until("bytes wait", () => writer.pending > 0);
  peer.write(runtime.fromLatin1("enough"));
  await until("the answer is sent", () => peer.pending === 0);
  peer.destroy();
  await until("closed", () => atWriter.isClosed);
  assert.equal(atWriter.text, "enough");
  assert.equal(atWriter.events.at(-1), "closed");
}

/** Bytes on their way: both kernel buffers and what the streams hold. */
const mostHeld = 24 * 1024 * 1024;

/**
 * Floods a reader that first does not read and then reads in small steps; fails when ever more than `mostHeld` bytes have
 * left the writer that the reader was not given, or when data arrives while paused. What is held is counted and not
 * measured as memory: what was given and is not needed any more lies there until the runtime's collector comes by.
 */
export async function floodSlowReader(writer: ByteStream, reader: ByteStream, recorder: Recorder): Promise<void> {
  const total = 100 * 1024 * 1024;
  recorder.countOnly = true;
  reader.pause();
  const flood = new Flood(total);
  flood.start(writer);
  // The writer stalls once the kernel's buffers are full: it has stood still for a while.
  let last = -1;
  let still = 0;
  await until("the writer stalls", () => {
    still = flood.sent === last ? still + 1 : 0;
    last = flood.sent;
    return still > 40;
  });
  let held = flood.sent;
  for (let round = 1; !recorder.events.includes("ended"); round++) {
    assert.ok(!recorder.isClosed, `closed after ${recorder.bytes} bytes: ${recorder.cause?.message}`);
    reader.resume();
    await new Promise((resolve) => setImmediate(resolve));
    if (round % 4 === 0) {
      reader.pause();
      const seen = recorder.bytes;
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(recorder.bytes, seen, "data while paused");
    }
    held = Math.max(held, flood.sent - recorder.bytes);
  }
  assert.equal(recorder.bytes, total);
  assert.ok(held < mostHeld, `${held} bytes were held for a slow reader`);
}
