import type { EnvelopeLink } from "../../core/observe/envelope/emitter.ts";
import type { Logger } from "../../core/observe/log.ts";
import type { Datagram } from "../../runtime/interface/datagram.ts";
import { StreamError } from "../../runtime/interface/stream-error.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { StartFailure } from "./start-failure.ts";

/** While nobody listens, an envelope is tried so often, in milliseconds. */
const retryMs = 1000;
/** Bytes that may wait for the kernel; more are dropped. */
const queueLimit = 1 << 20;

/**
 * Reads `logging.metron_address`.
 *
 * @throws Error whose text is upstream's (control-plane §1.3).
 */
export function parseMetronAddress(address: string): { readonly host: string; readonly port: number } {
  if (address === "") throw new Error("destination variable not set");
  const colon = address.lastIndexOf(":");
  if (colon < 0 || address.endsWith("]")) throw new Error(`address ${address}: missing port in address`);
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = address.slice(colon + 1);
  if (host.includes(":") && !address.startsWith("[")) throw new Error(`address ${address}: too many colons in address`);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new Error(`address ${port}: invalid port`);
  return { host: host === "" ? "127.0.0.1" : host, port: Number(port) };
}

/** The way to the agent at `logging.metron_address` (UDP): never waits, and rests while nobody listens there. */
export class MetronLink implements EnvelopeLink {
  muted = false;
  readonly #runtime: Runtime;
  readonly #logger: Logger;
  #datagram: Datagram | undefined;
  #latest = "";

  private constructor(runtime: Runtime, logger: Logger) {
    this.#runtime = runtime;
    this.#logger = logger;
  }

  /** @throws StartFailure for an address that is of no use; one that nobody listens on is fine. */
  static async open(runtime: Runtime, logger: Logger, address: string): Promise<MetronLink> {
    const link = new MetronLink(runtime, logger);
    try {
      link.#datagram = await runtime.openDatagram(parseMetronAddress(address), (error) => link.#failed(error));
    } catch (error) {
      const unknown = error instanceof StreamError && error.kind === "name-not-found";
      const reason = unknown
        ? `lookup ${address.slice(0, address.lastIndexOf(":"))}: no such host`
        : (error as Error).message;
      throw new StartFailure("dropsonde-initialize-error", { error: `Failed to initialize dropsonde: ${reason}` });
    }
    return link;
  }

  send(envelope: string, name: string): void {
    const datagram = this.#datagram;
    if (datagram === undefined || this.muted || datagram.pending + envelope.length > queueLimit) return;
    this.#latest = name;
    datagram.send(envelope);
  }

  /**
   * Datagrams that nobody takes cost as much as others; where the runtime tells, they are not even made. Upstream does
   * not hear of it and so says nothing.
   */
  #failed(error: StreamError): void {
    if (error.kind !== "refused") {
      this.#logger.debug("failed-sending-metric", { error: error.message, metric: this.#latest });
      return;
    }
    if (this.muted) return;
    this.muted = true;
    this.#runtime.clock.after(
      retryMs,
      () => {
        this.muted = false;
      },
      true,
    );
  }

  /** Resolves when everything has left. */
  async close(): Promise<void> {
    await this.#datagram?.close();
    this.#datagram = undefined;
  }
}
