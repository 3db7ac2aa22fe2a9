import { Buffer } from "node:buffer";
import { write } from "node:fs";
import type { OnWriteError } from "../interface/files.ts";
import { putLatin1 } from "./text.ts";

/** Bytes that may wait for a slow disk or pipe; what comes beyond them is dropped, and the error told. */
const waitingLimit = 64 * 1024 * 1024;
const tooMuch = new Error(`Cannot keep up writing: more than ${waitingLimit} bytes wait; dropping`);
/** Text is gathered in blocks of this many bytes; a full one goes out at once. */
const blockBytes = 64 * 1024;
/**
 * So many blocks that were written are kept for the next ones. A block fills in milliseconds under load, in which a write
 * may not have ended: fresh memory instead is memory that the kernel has to clear first.
 */
const mostSpares = 8;
/** How long the end waits for somebody who takes nothing, in milliseconds. */
const patienceMs = 2000;
/** Before a pipe that is full is tried again, in milliseconds. */
const retryMs = 5;

/** Writes some of the bytes, or fails (`EAGAIN`: not now), and tells later how many; never waits. */
export type WriteSome = (
  descriptor: number,
  bytes: Uint8Array,
  then: (error: ({ readonly code?: string } & Error) | null, written: number) => void,
) => void;

const writeByFs: WriteSome = (descriptor, bytes, then) => write(descriptor, bytes, 0, bytes.length, null, then);

/**
 * Writes text to a file descriptor in order and without waiting: one write is under way at a time, and what is handed
 * over meanwhile goes out as one batch after it. Text becomes bytes when it is handed over, while the engine has it at hand.
 */
export class DescriptorWriter {
  /** May be replaced between batches (log rotation) by `replace`. */
  private descriptor: number;
  private readonly holdMs: number;
  private readonly onError: OnWriteError;
  /** Where text is put, and how much of it is filled. */
  private block: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  private filled = 0;
  /** Blocks that were written, for the next ones. */
  private readonly spares: Buffer[] = [];
  /** Full blocks that wait for the write under way. */
  private full: Buffer[] = [];
  private waiting = 0;
  /** A write is under way, or about to begin. */
  private busy = false;
  private timer: NodeJS.Timeout | undefined;
  private idle: (() => void)[] = [];
  private readonly writeSome: WriteSome;
  /** Bytes that have left. */
  written = 0;
  private readonly beginNow = (): void => {
    this.timer = undefined;
    if (!this.busy) this.next();
  };

  /**
   * `holdMs`: how long text may wait for more of it, in milliseconds; 0: until the end of the turn. `writeSome`: for a
   * runtime on which `fs.write` waits.
   */
  constructor(descriptor: number, onError: OnWriteError, holdMs = 0, writeSome = writeByFs) {
    this.writeSome = writeSome;
    this.descriptor = descriptor;
    this.onError = onError;
    this.holdMs = holdMs;
  }

  /** With `latin1` one byte per character, else UTF-8. */
  write(text: string, latin1: boolean): void {
    // A UTF-16 unit takes three bytes at most.
    const most = latin1 ? text.length : text.length * 3;
    if (this.waiting + this.filled + most > waitingLimit) {
      this.onError(tooMuch, most);
      return;
    }
    if (this.filled + most > this.block.length) this.seal(most);
    if (latin1) {
      putLatin1(text, this.block, this.filled);
      this.filled += most;
    } else this.filled += this.block.write(text, this.filled, "utf8");
    if (this.busy || this.timer !== undefined) return;
    if (this.holdMs > 0) {
      this.timer = setTimeout(this.beginNow, this.holdMs);
      this.timer.unref();
    } else {
      this.busy = true;
      // The first text of a burst waits for the rest of it.
      queueMicrotask(() => this.next());
    }
  }

  /** Resolves when everything handed over so far was written, or failed. */
  flushed(): Promise<void> {
    if (this.timer !== undefined) {
      clearTimeout(this.timer);
      this.beginNow();
    }
    return this.busy ? new Promise((resolve) => this.idle.push(resolve)) : Promise.resolve();
  }

  /**
   * Resolves with true as `flushed`, or with false when for two seconds nothing was taken: a reader who does not read, or a
   * disk that stands still, is not to keep a program that has ended.
   */
  async flushedOrStuck(): Promise<boolean> {
    let timer: ReturnType<typeof setInterval> | undefined;
    let before = this.written;
    const stuck = new Promise<boolean>((resolve) => {
      timer = setInterval(() => {
        if (this.written === before) resolve(false);
        before = this.written;
      }, patienceMs);
    });
    const done = await Promise.race([this.flushed().then(() => true), stuck]);
    clearInterval(timer);
    return done;
  }

  /** Writes to another descriptor from now on; resolves with the old one when nothing is being written to it. */
  async replace(descriptor: number): Promise<number> {
    await this.flushed();
    const old = this.descriptor;
    this.descriptor = descriptor;
    return old;
  }

  /** Begins a block with room for so many bytes. */
  private seal(bytes: number): void {
    if (this.filled > 0) {
      this.full.push(this.block.subarray(0, this.filled));
      this.waiting += this.filled;
      this.filled = 0;
      this.block = this.spares.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
    }
    if (bytes > this.block.length) this.block = Buffer.allocUnsafeSlow(bytes);
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.beginNow();
  }

  private next(): void {
    let batch = this.full.shift();
    if (batch !== undefined) this.waiting -= batch.length;
    else if (this.filled > 0) {
      batch = this.block.subarray(0, this.filled);
      this.filled = 0;
      this.block = this.spares.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
    }
    if (batch !== undefined) {
      this.busy = true;
      this.put(batch, 0);
      return;
    }
    this.busy = false;
    const idle = this.idle;
    this.idle = [];
    for (const resolve of idle) resolve();
  }

  private put(batch: Buffer, from: number): void {
    this.writeSome(this.descriptor, from === 0 ? batch : batch.subarray(from), (error, written) => {
      if (error === null || error === undefined) {
        this.written += written;
        if (from + written < batch.length) this.put(batch, from + written);
        else this.done(batch);
      } else if (error.code === "EAGAIN") {
        setTimeout(() => this.put(batch, from), retryMs);
      } else {
        this.onError(error, batch.length - from);
        this.done(batch);
      }
    });
  }

  private done(batch: Buffer): void {
    if (batch.buffer.byteLength === blockBytes && this.spares.length < mostSpares) {
      this.spares.push(Buffer.from(batch.buffer));
    }
    this.next();
  }
}
