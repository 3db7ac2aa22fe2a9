import type { Datagram } from "../../../runtime/interface/datagram.ts";
import type { Runtime } from "../../../runtime/interface.ts";
import type { AccessLogLosses } from "../access-log-losses.ts";
import { type SyslogAddress, writeErrorText } from "./address.ts";
import { queueFull, queueLimit, type SyslogWriter } from "./writer.ts";

/** One datagram for each record (control-plane §6.4). */
export class DatagramWriter implements SyslogWriter {
  readonly #datagram: Datagram;
  readonly #losses: AccessLogLosses;

  private constructor(datagram: Datagram, losses: AccessLogLosses) {
    this.#datagram = datagram;
    this.#losses = losses;
  }

  /** Rejects with a `StreamError` for a name that does not resolve. */
  static async open(runtime: Runtime, address: SyslogAddress, losses: AccessLogLosses): Promise<DatagramWriter> {
    const { host, port, family } = address;
    const options = { host, port, ...(family !== undefined && { family }) };
    const failed = (error: Parameters<typeof writeErrorText>[1]): void =>
      losses.failed(writeErrorText(address, error), 1);
    return new DatagramWriter(await runtime.openDatagram(options, failed), losses);
  }

  write(record: string): void {
    if (this.#datagram.pending + record.length > queueLimit) this.#losses.failed(queueFull, 1);
    else this.#datagram.send(record);
  }

  async close(): Promise<void> {
    await this.#datagram.close();
    this.#losses.end();
  }
}
