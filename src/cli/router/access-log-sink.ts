import type { AccessLogSink } from "../../core/observe/access-log-line.ts";
import type { Logger } from "../../core/observe/log.ts";
import type { AppendFile, Clock, Runtime, Timer } from "../../runtime/interface.ts";
import { fileErrorText } from "../file-error.ts";
import { StartFailure } from "./start-failure.ts";

/** Longest time a line waits for others to be written with, in milliseconds. */
const batchMs = 100;
/** A batch is written at once when it has grown to this many characters. */
const batchLength = 64 * 1024;

/** Access log to a file and standard output, in batches (architecture §8). */
export class AccessLog implements AccessLogSink {
  readonly #file: AppendFile | undefined;
  readonly #writeOut: ((text: string) => void) | undefined;
  readonly #clock: Clock;
  readonly #flushNow = (): void => this.#flush();
  #batch = "";
  #timer: Timer | undefined;

  private constructor(file: AppendFile | undefined, writeOut: ((text: string) => void) | undefined, clock: Clock) {
    this.#file = file;
    this.#writeOut = writeOut;
    this.#clock = clock;
  }

  /**
   * Opens what the configuration names; undefined when it names nothing.
   *
   * @throws StartFailure when the file cannot be opened (control-plane §1.3).
   */
  static async open(
    runtime: Runtime,
    logger: Logger,
    options: { readonly file: string; readonly stdout: boolean },
  ): Promise<AccessLog | undefined> {
    const { file, stdout } = options;
    if (file === "" && !stdout) return undefined;
    const failed = (error: Error): void =>
      logger.error("error-emitting-access-log-to-writer-accesslog", { error: error.message });
    let opened: AppendFile | undefined;
    if (file !== "") {
      try {
        opened = await runtime.openAppend(file, failed, true);
      } catch (error) {
        const text = fileErrorText(file, error);
        logger.error("error-creating-accesslog-file", { filename: file, error: text });
        throw new StartFailure("error-creating-access-logger", { error: text });
      }
    }
    return new AccessLog(opened, stdout ? (text) => runtime.writeOut(text, true) : undefined, runtime.clock);
  }

  write(line: string): void {
    this.#batch += line;
    this.#batch += "\n";
    if (this.#batch.length >= batchLength) this.#flush();
    else this.#timer ??= this.#clock.after(batchMs, this.#flushNow, true);
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const batch = this.#batch;
    this.#batch = "";
    if (batch === "") return;
    this.#file?.write(batch);
    this.#writeOut?.(batch);
  }

  /** Opens the file anew, after it was rotated. */
  async reopen(): Promise<void> {
    this.#flush();
    await this.#file?.reopen();
  }

  /** Resolves when every line has left the process. */
  async close(): Promise<void> {
    this.#flush();
    await this.#file?.close();
  }
}
