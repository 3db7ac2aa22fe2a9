import type { Config } from "../../../core/config/schema.ts";
import type { AccessLogSink } from "../../../core/observe/access-log-line.ts";
import type { Logger } from "../../../core/observe/log.ts";
import { SyslogRecords } from "../../../core/observe/syslog-record.ts";
import type { Clock } from "../../../runtime/interface/clock.ts";
import { StreamError } from "../../../runtime/interface/stream-error.ts";
import type { Runtime } from "../../../runtime/interface.ts";
import { AccessLogLosses, towardsSyslog } from "../access-log-losses.ts";
import { StartFailure } from "../start-failure.ts";
import { dialErrorText, parseSyslogAddress, type SyslogAddress } from "./address.ts";
import { DatagramWriter } from "./datagram-writer.ts";
import { StreamWriter } from "./stream-writer.ts";
import type { SyslogWriter } from "./writer.ts";

/** Access log to a syslog server (control-plane §6.4). */
export class SyslogSink implements AccessLogSink {
  readonly #records: SyslogRecords;
  readonly #writer: SyslogWriter;
  readonly #clock: Clock;

  constructor(records: SyslogRecords, writer: SyslogWriter, clock: Clock) {
    this.#records = records;
    this.#writer = writer;
    this.#clock = clock;
  }

  write(line: string): void {
    this.#writer.write(this.#records.record(line, this.#clock.now()));
  }

  /** Resolves when what could be sent has left the process, after a second at the latest. */
  async close(): Promise<void> {
    await this.#writer.close();
  }
}

async function openWriter(runtime: Runtime, logger: Logger, address: SyslogAddress): Promise<SyslogWriter> {
  const losses = new AccessLogLosses(logger, runtime.clock, towardsSyslog);
  if (address.kind === "udp") return await DatagramWriter.open(runtime, address, losses);
  const writer = new StreamWriter(runtime, address, losses);
  await writer.open();
  return writer;
}

/**
 * Dials the syslog server of the configuration.
 *
 * @throws StartFailure when network or address are wrong, or nobody answers (control-plane §1.3).
 */
export async function openSyslog(runtime: Runtime, logger: Logger, logging: Config["logging"]): Promise<SyslogSink> {
  let address: SyslogAddress;
  try {
    address = parseSyslogAddress(logging.syslog_network, logging.syslog_addr);
  } catch (error) {
    throw failure(logger, (error as Error).message);
  }
  try {
    const writer = await openWriter(runtime, logger, address);
    const origin = { hostName: runtime.hostName(), appName: logging.syslog, processId: runtime.processId };
    return new SyslogSink(new SyslogRecords(origin, logging.syslog_truncate), writer, runtime.clock);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw failure(logger, dialErrorText(address, error));
  }
}

function failure(logger: Logger, error: string): StartFailure {
  logger.error("error-creating-syslog-writer", { error });
  return new StartFailure("error-creating-access-logger", { error });
}
