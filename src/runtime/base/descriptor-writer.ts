import { Buffer } from "node:buffer";
import { write } from "node:fs";

/** Bytes that may wait for a slow disk or pipe; what comes beyond them is dropped, and the error told. */
const waitingLimit = 64 * 1024 * 1024;
/** Before a pipe that is full is tried again, in milliseconds. */
const retryMs = 5;

/**
 * Writes text to a file descriptor in order and without waiting: one write is under way at a time, and what is handed over
 * meanwhile goes out as one batch after it.
 */
export class DescriptorWriter {
  /** May be replaced between batches (log rotation) by `replace`. */
  private descriptor: number;
  private readonly encoding: "utf8" | "latin1";
  private readonly onError: (error: Error) => void;
  private waiting = "";
  private busy = false;
  private idle: (() => void)[] = [];
  private dropping = false;

  constructor(descriptor: number, encoding: "utf8" | "latin1", onError: (error: Error) => void) {
    this.descriptor = descriptor;
    this.encoding = encoding;
    this.onError = onError;
  }

  write(text: string): void {
    if (this.waiting.length + text.length > waitingLimit) {
      if (!this.dropping)
        this.onError(new Error(`Cannot keep up writing: more than ${waitingLimit} bytes wait; dropping`));
      this.dropping = true;
      return;
    }
    this.waiting += text;
    if (!this.busy) this.begin();
  }

  /** Resolves when everything handed over so far was written, or failed. */
  flushed(): Promise<void> {
    return this.busy ? new Promise((resolve) => this.idle.push(resolve)) : Promise.resolve();
  }

  /** Writes to another descriptor from now on; resolves with the old one when nothing is being written to it. */
  async replace(descriptor: number): Promise<number> {
    await this.flushed();
    const old = this.descriptor;
    this.descriptor = descriptor;
    return old;
  }

  private begin(): void {
    this.busy = true;
    // The first text of a burst waits for the rest of it.
    queueMicrotask(() => this.next());
  }

  private next(): void {
    if (this.waiting === "") {
      this.busy = false;
      this.dropping = false;
      const idle = this.idle;
      this.idle = [];
      for (const resolve of idle) resolve();
      return;
    }
    const batch = Buffer.from(this.waiting, this.encoding);
    this.waiting = "";
    this.put(batch);
  }

  private put(batch: Buffer): void {
    write(this.descriptor, batch, 0, batch.length, null, (error, written) => {
      if (error === null || error === undefined) {
        if (written < batch.length) this.put(batch.subarray(written));
        else this.next();
      } else if (error.code === "EAGAIN") {
        setTimeout(() => this.put(batch), retryMs);
      } else {
        this.onError(error);
        this.next();
      }
    });
  }
}
