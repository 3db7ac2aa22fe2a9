import type { ByteStream, ByteStreamHandler } from "../../runtime/interface/byte-stream.ts";
import type { Latin1 } from "../head-scan.ts";
import type { Listed } from "../roster.ts";
import { Deadline, type TimerWheel } from "../timer-wheel.ts";
import { type ProxyHeader, ProxyHeaderError } from "./header.ts";
import { ProxyHeaderParser } from "./parser.ts";

/** Milliseconds from accept in which a header must be complete, or have begun to be no header (data-plane §6.6). */
const headerMs = 100;

/**
 * A busy process may hear of the deadline before it has read what came in time. So it reads on for so many turns of its event
 * loop, in which sockets are looked at too (Deno takes up to three to tell of bytes), each so long in milliseconds.
 */
const graceTurns = 3;
const graceMs = 10;

/** PROXY protocol on a listener. */
export interface ProxyOptions {
  /** Whether that peer's headers count; those of others are not looked for. */
  trusts(remoteAddress: string): boolean;
  /** Hears of a header that breaks the rules; its connection is closed. */
  refused?(remoteAddress: string, remotePort: number, reason: string): void;
  /** Hears of each header. */
  received?(remoteAddress: string, remotePort: number, header: ProxyHeader): void;
}

/** What an entry takes from its server. */
export interface ProxyEntryHost {
  readonly wheel: TimerWheel;
  readonly latin1: Latin1;
  /** The connection has begun: gives the handler of what follows. Without a header the stream is as it was accepted. */
  introduced(entry: ProxyEntry, stream: ByteStream, header: ProxyHeader | undefined): ByteStreamHandler;
  /** Nothing came of it. */
  removed(entry: ProxyEntry): void;
}

/**
 * An accepted connection that may begin with a PROXY header. Each has a deadline of its own, so that a silent client keeps
 * nobody waiting; what has not said `PROXY` by then is a client without a header.
 */
export class ProxyEntry extends Deadline implements ByteStreamHandler, Listed {
  place = -1;
  readonly #stream: ByteStream;
  readonly #options: ProxyOptions;
  readonly #host: ProxyEntryHost;
  readonly #parser: ProxyHeaderParser;
  #turnsLate = 0;

  constructor(stream: ByteStream, options: ProxyOptions, host: ProxyEntryHost) {
    super();
    this.#stream = stream;
    this.#options = options;
    this.#host = host;
    this.#parser = new ProxyHeaderParser(host.latin1);
    host.wheel.arm(this, headerMs);
  }

  data(bytes: Uint8Array): void {
    const { remoteAddress, remotePort } = this.#stream;
    try {
      const beginning = this.#parser.push(bytes);
      if (beginning === undefined) return;
      if (beginning.header !== undefined) this.#options.received?.(remoteAddress, remotePort, beginning.header);
      this.#handOver(beginning.header, beginning.rest);
    } catch (error) {
      if (!(error instanceof ProxyHeaderError)) throw error;
      this.#refuse(error.message);
    }
  }

  drained(): void {}

  ended(): void {
    this.#stream.destroy();
  }

  closed(): void {
    this.#host.wheel.disarm(this);
    this.#host.removed(this);
  }

  /** The time for a header is over. */
  override expired(): void {
    if (this.#turnsLate < graceTurns) {
      this.#turnsLate++;
      this.#host.wheel.arm(this, graceMs);
    } else if (this.#parser.begun) this.#refuse(`the header is not complete after ${headerMs} ms`);
    else this.#handOver(undefined, this.#parser.pending);
  }

  /** Serving ends: as long as there was no request there is nothing to wait for, and nothing to close in a hurry. */
  drain(): void {}

  destroy(): void {
    this.#stream.destroy();
  }

  #handOver(header: ProxyHeader | undefined, rest: Uint8Array): void {
    this.#host.wheel.disarm(this);
    const handler = this.#host.introduced(this, this.#stream, header);
    this.#stream.handler = handler;
    if (rest.length > 0) handler.data(rest);
  }

  #refuse(reason: string): void {
    const { remoteAddress, remotePort } = this.#stream;
    this.#options.refused?.(remoteAddress, remotePort, reason);
    this.#stream.destroy();
  }
}
