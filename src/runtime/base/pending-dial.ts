import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import type { ConnectOptions } from "../interface/dialling.ts";
import { dialTimeout } from "./dial-errors.ts";
import { TimeLimit } from "./time-limit.ts";

/** A dial under way, however the connection is made: its time limit, the time it took, and its one end. */
export abstract class PendingDial {
  protected readonly action: string;
  protected readonly options: ConnectOptions;
  protected readonly handler: ByteStreamHandler;
  protected readonly resolve: (stream: ByteStream) => void;
  protected readonly reject: (error: Error) => void;
  private readonly begun = performance.now();
  private timeLimit: TimeLimit | undefined = undefined;
  private over = false;

  /** `action` begins messages; `resolve` and `reject` are those of the promise that the caller has. */
  constructor(
    action: string,
    options: ConnectOptions,
    handler: ByteStreamHandler,
    resolve: (stream: ByteStream) => void,
    reject: (error: Error) => void,
  ) {
    this.action = action;
    this.options = options;
    this.handler = handler;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Starts the clock of `timeoutMs`. */
  protected limit(): void {
    const { timeoutMs } = this.options;
    if (timeoutMs === undefined) return;
    this.timeLimit = new TimeLimit(timeoutMs, () => {
      if (!this.settle()) return;
      this.abandon();
      this.reject(dialTimeout(this.action, timeoutMs));
    });
  }

  /** The dial has come to an end. False: it had before, and nobody waits for it. */
  protected settle(): boolean {
    if (this.over) return false;
    this.over = true;
    this.timeLimit?.cancel();
    const { times } = this.options;
    if (times !== undefined) times.dialMs = performance.now() - this.begun;
    return true;
  }

  /** The time is over: takes the dial back, where that can be done. */
  protected abstract abandon(): void;
}
