import type { ByteStream, ByteStreamHandler } from "../../../runtime/interface/byte-stream.ts";
import type { Timer } from "../../../runtime/interface/clock.ts";
import type { ConnectOptions } from "../../../runtime/interface/dialling.ts";
import { StreamError } from "../../../runtime/interface/stream-error.ts";
import type { Runtime } from "../../../runtime/interface.ts";
import type { AccessLogLosses } from "../access-log-losses.ts";
import { dialErrorText, type SyslogAddress, writeErrorText } from "./address.ts";
import { queueFull, queueLimit, type SyslogWriter } from "./writer.ts";

/** Longest time a record waits for others to be written with, and when a batch is written at once (characters). */
const batchMs = 100;
const batchLength = 64 * 1024;
/** The first and the longest wait before dialling again; a connection that lasted for the longest starts anew. */
const firstRedialMs = 100;
const longestRedialMs = 30_000;
const dialTimeoutMs = 10_000;
/** A server that takes nothing for so long is given up. */
const stallMs = 30_000;
/** How long the end of the program waits for the server. */
const closeMs = 1000;

/** Records over TCP or a unix stream socket, each with a line feed behind it (RFC 6587 §3.4.2; control-plane §6.4). */
export class StreamWriter implements SyslogWriter, ByteStreamHandler {
  readonly #runtime: Runtime;
  readonly #address: SyslogAddress;
  readonly #losses: AccessLogLosses;
  readonly #flushNow = (): void => this.#flush();
  #stream: ByteStream | undefined;
  #dialledAt = 0;
  #redialMs = firstRedialMs;
  /** The stream wants no more for now. */
  #blocked = false;
  #stallTimer: Timer | undefined;
  #batch = "";
  #records = 0;
  #batchTimer: Timer | undefined;
  /** Ends the wait of `close`. */
  #finish: (() => void) | undefined;

  constructor(runtime: Runtime, address: SyslogAddress, losses: AccessLogLosses) {
    this.#runtime = runtime;
    this.#address = address;
    this.#losses = losses;
  }

  /** Dials for the first time. Rejects with a `StreamError`. */
  async open(): Promise<void> {
    const { kind, host, port, family, address } = this.#address;
    const options: ConnectOptions =
      kind === "unix"
        ? { path: address }
        : { host, port, keepAliveMs: 15_000, ...(family !== undefined && { family }) };
    const stream = await this.#runtime.connect({ ...options, timeoutMs: dialTimeoutMs }, this);
    if (this.#finish !== undefined) stream.destroy();
    this.#stream = stream;
    this.#dialledAt = this.#runtime.clock.monotonic();
    this.#losses.down = false;
    this.#flush();
  }

  write(record: string): void {
    if (this.#batch.length + record.length >= queueLimit) {
      this.#losses.failed(queueFull, 1);
      return;
    }
    this.#batch += record;
    this.#batch += "\n";
    this.#records++;
    if (this.#batch.length >= batchLength) this.#flush();
    else this.#batchTimer ??= this.#runtime.clock.after(batchMs, this.#flushNow, true);
  }

  #flush(): void {
    this.#batchTimer?.cancel();
    this.#batchTimer = undefined;
    if (this.#stream === undefined || this.#blocked || this.#batch === "") return;
    const batch = this.#batch;
    this.#batch = "";
    this.#records = 0;
    if (this.#stream.writeText(batch)) return;
    this.#blocked = true;
    this.#stallTimer = this.#runtime.clock.after(stallMs, () => this.#stream?.destroy(), true);
  }

  #unblock(): void {
    this.#blocked = false;
    this.#stallTimer?.cancel();
    this.#stallTimer = undefined;
  }

  data(): void {} // Syslog servers have nothing to say.

  drained(): void {
    this.#unblock();
    this.#flush();
  }

  ended(): void {
    if (this.#finish === undefined) this.#stream?.destroy();
  }

  closed(cause: StreamError | undefined): void {
    this.#stream = undefined;
    this.#unblock();
    if (this.#finish !== undefined) {
      this.#finish();
      return;
    }
    this.#losses.down = true;
    this.#losses.failed(writeErrorText(this.#address, cause), 0);
    const { clock } = this.#runtime;
    if (clock.monotonic() - this.#dialledAt >= longestRedialMs) this.#redialMs = firstRedialMs;
    this.#redialLater();
  }

  #redialLater(): void {
    this.#runtime.clock.after(this.#redialMs, () => void this.#redial(), true);
    this.#redialMs = Math.min(this.#redialMs * 2, longestRedialMs);
  }

  async #redial(): Promise<void> {
    if (this.#finish !== undefined) return;
    try {
      await this.open();
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.#losses.failed(dialErrorText(this.#address, error), 0);
      this.#redialLater();
    }
  }

  async close(): Promise<void> {
    const { clock } = this.#runtime;
    let deadline: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#finish = resolve;
      const stream = this.#stream;
      if (stream === undefined) {
        if (this.#records > 0) this.#losses.failed("the syslog server is away at the end", this.#records);
        resolve();
        return;
      }
      // Taken even when it wants no more: there is no later.
      if (this.#batch !== "") stream.writeText(this.#batch);
      stream.end();
      deadline = clock.after(closeMs, () => {
        stream.destroy();
        resolve();
      });
    });
    deadline?.cancel();
    this.#batchTimer?.cancel();
    this.#losses.end();
  }
}
