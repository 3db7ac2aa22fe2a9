import type { AccessLogSink } from "../../core/observe/access-log-line.ts";
import type { Logger } from "../../core/observe/log.ts";
import type { AppendFile, Runtime } from "../../runtime/interface.ts";
import { fileErrorText } from "../file-error.ts";
import { StartFailure } from "./start-failure.ts";

/** Longest time a line waits for others to go to the file with, in milliseconds (architecture §8). */
const batchMs = 100;

/** Access log to a file and standard output, in batches (architecture §8). */
export class AccessLog implements AccessLogSink {
  readonly #file: AppendFile | undefined;
  readonly #writeOut: ((text: string) => void) | undefined;

  private constructor(file: AppendFile | undefined, writeOut: ((text: string) => void) | undefined) {
    this.#file = file;
    this.#writeOut = writeOut;
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
        opened = await runtime.openAppend(file, failed, { latin1: true, holdMs: batchMs });
      } catch (error) {
        const text = fileErrorText(file, error);
        logger.error("error-creating-accesslog-file", { filename: file, error: text });
        throw new StartFailure("error-creating-access-logger", { error: text });
      }
    }
    return new AccessLog(opened, stdout ? (text) => runtime.writeOut(text, true) : undefined);
  }

  write(line: string): void {
    const text = `${line}\n`;
    this.#file?.write(text);
    this.#writeOut?.(text);
  }

  /** Opens the file anew, after it was rotated. */
  async reopen(): Promise<void> {
    await this.#file?.reopen();
  }

  /** Resolves when every line has left the process. */
  async close(): Promise<void> {
    await this.#file?.close();
  }
}
