import type { Config } from "../../core/config/schema.ts";
import type { AccessLogSink } from "../../core/observe/access-log-line.ts";
import type { Logger } from "../../core/observe/log.ts";
import type { AppendFile } from "../../runtime/interface/files.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { fileErrorText, writeErrorText } from "../file-error.ts";
import { AccessLogLosses, towardsFile } from "./access-log-losses.ts";
import { StartFailure } from "./start-failure.ts";
import { openSyslog, type SyslogSink } from "./syslog/open.ts";

/** Longest time a line waits for others to go to the file with, in milliseconds (architecture §8). */
const batchMs = 100;

/**
 * What `access_log.file` says for the process's own output, as containers do. Opened by name it would be another open
 * file: one that overwrites our log lines, or (sockets; Deno's permissions) one that cannot be opened.
 */
const ownOutput = "/dev/stdout";
const ownErrors = "/dev/stderr";

const isOwn = (file: string): boolean => file === ownOutput || file === ownErrors;

/**
 * Why `access_log.file` could not be opened at a start, as far as that can be told without creating it; undefined: nothing
 * speaks against it. A folder that may not be listed may be written to all the same.
 */
export async function accessLogFileFault(runtime: Runtime, file: string): Promise<string | undefined> {
  if (file === "" || isOwn(file)) return undefined;
  try {
    if ((await runtime.fileStamp(file)) !== undefined) {
      const opened = await runtime.openAppend(file, () => {}, { latin1: true, holdMs: batchMs });
      await opened.close();
      return undefined;
    }
  } catch (error) {
    return fileErrorText(file, error);
  }
  const list = async (path: string): Promise<unknown> =>
    await runtime.listDirectory(path).then(
      () => undefined,
      (error: unknown) => error,
    );
  if ((await list(file)) === undefined) return `open ${file}: is a directory`;
  const slash = file.lastIndexOf("/");
  const fault = await list(slash === -1 ? "." : file.slice(0, slash + 1));
  const text = fault === undefined ? "" : fileErrorText(file, fault);
  return text === "" || text.endsWith(": permission denied") ? undefined : text;
}

/** Access log to a file and the process's output, in batches (architecture §8), and to syslog. */
export class AccessLog implements AccessLogSink {
  readonly #file: AppendFile | undefined;
  readonly #losses: AccessLogLosses;
  readonly #outputs: readonly ((text: string) => void)[];
  readonly #syslog: SyslogSink | undefined;

  private constructor(
    file: AppendFile | undefined,
    losses: AccessLogLosses,
    outputs: readonly ((text: string) => void)[],
    syslog: SyslogSink | undefined,
  ) {
    this.#file = file;
    this.#losses = losses;
    this.#outputs = outputs;
    this.#syslog = syslog;
  }

  /**
   * Opens what the configuration names; undefined when it names nothing.
   *
   * @throws StartFailure when the file cannot be opened or the syslog server not be reached (control-plane §1.3).
   */
  static async open(
    runtime: Runtime,
    logger: Logger,
    config: Pick<Config, "access_log" | "logging">,
  ): Promise<AccessLog | undefined> {
    const { file, stdout, enable_streaming: streams } = config.access_log;
    if (file === "" && !stdout && !streams) return undefined;
    const log = logger.source("access-grlog");
    const named = isOwn(file);
    const losses = new AccessLogLosses(log, runtime.clock, towardsFile);
    const failed = (error: Error, lost: number): void => losses.failed(writeErrorText(file, error), lost);
    let opened: AppendFile | undefined;
    if (file !== "" && !named) {
      try {
        opened = await runtime.openAppend(file, failed, { latin1: true, holdMs: batchMs });
      } catch (error) {
        const text = fileErrorText(file, error);
        log.error("error-creating-accesslog-file", { filename: file, error: text });
        throw new StartFailure("error-creating-access-logger", { error: text });
      }
    }
    const syslog = streams ? await openSyslog(runtime, log, config.logging) : undefined;
    const writers = [
      ...(stdout || file === ownOutput ? [(text: string) => runtime.writeOut(text, true)] : []),
      ...(file === ownErrors ? [(text: string) => runtime.writeError(text, true)] : []),
    ];
    return new AccessLog(opened, losses, writers, syslog);
  }

  write(line: string): void {
    const text = `${line}\n`;
    this.#file?.write(text);
    for (const write of this.#outputs) write(text);
    this.#syslog?.write(line);
  }

  /** Opens the file anew, after it was rotated. */
  async reopen(): Promise<void> {
    await this.#file?.reopen();
  }

  /** Resolves when every line has left the process. */
  async close(): Promise<void> {
    await this.#file?.close();
    this.#losses.end();
    await this.#syslog?.close();
  }
}
