import type { Failure } from "../../core/forwarding/failure.ts";
import type { ByteStream, ByteStreamHandler } from "../../runtime/interface/byte-stream.ts";
import { StreamError } from "../../runtime/interface/stream-error.ts";
import type { TlsFacts } from "../../runtime/interface/tls.ts";
import type { BodySink, BodySource } from "../body.ts";

/** The stream that carries a tunnel. */
interface TunnelCarrier {
  readonly pending: number;
  readonly localClosed: boolean;
  sendBody(bytes: Uint8Array): boolean;
  sendLast(bytes: undefined, trailers: undefined): void;
  /** Resets the stream; it tells nothing more. */
  cutTunnel(): void;
}

const nobody: ByteStreamHandler = { data() {}, drained() {}, ended() {}, closed() {} };

/**
 * A stream's DATA as a byte stream (RFC 9113 §8.5, RFC 8441 §5): END_STREAM is FIN, RST_STREAM is RST, and flow control
 * is back-pressure.
 */
export class TunnelStream implements ByteStream {
  handler: ByteStreamHandler = nobody;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: TlsFacts | undefined;
  readonly #carrier: TunnelCarrier;
  readonly #incoming: BodySource;
  #paused = true;
  #stalled = false;
  #started = false;
  #peerEnded = false;
  #over = false;

  /** `below`: the stream of the connection, for addresses and TLS facts. Nothing is read before `resume`. */
  constructor(carrier: TunnelCarrier, incoming: BodySource, below: ByteStream) {
    this.#carrier = carrier;
    this.#incoming = incoming;
    this.remoteAddress = below.remoteAddress;
    this.remotePort = below.remotePort;
    this.localAddress = below.localAddress;
    this.localPort = below.localPort;
    this.tls = below.tls;
  }

  get pending(): number {
    return this.#over ? 0 : this.#carrier.pending;
  }

  /** Takes what comes in. */
  readonly sink: BodySink = {
    write: (bytes) => {
      if (!this.#over) this.handler.data(bytes);
      this.#stalled = this.#paused;
      return !this.#paused;
    },
    end: () => this.#finished(),
    fail: (failure) => this.failed(failure),
  };

  write(bytes: Uint8Array): boolean {
    return this.#over || bytes.length === 0 || this.#carrier.sendBody(bytes);
  }

  writeText(text: string, bytes?: Uint8Array, from = 0): boolean {
    const head = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) head[i] = text.charCodeAt(i);
    const more = this.write(head);
    return bytes === undefined ? more : this.write(bytes.subarray(from));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused || this.#over) return;
    this.#paused = false;
    // Not from inside a call into the stream (`ByteStreamHandler`).
    queueMicrotask(() => {
      if (this.#paused || this.#over) return;
      if (!this.#started) {
        this.#started = true;
        this.#incoming.start(this.sink);
      } else if (this.#stalled) {
        this.#stalled = false;
        this.#incoming.resume();
      }
    });
  }

  end(): void {
    if (this.#over) return;
    this.#carrier.sendLast(undefined, undefined);
    if (this.#peerEnded) this.#close(undefined);
  }

  finish(): void {
    this.end();
  }

  destroy(): void {
    if (this.#over) return;
    this.#carrier.cutTunnel();
    this.#close(undefined);
  }

  reset(): void {
    this.destroy();
  }

  /** What waited to be sent was sent. */
  ready(): void {
    if (!this.#over) this.handler.drained();
  }

  /** The stream was reset, or its connection is gone. */
  failed(failure: Failure): void {
    this.#close(new StreamError("reset", failure.message));
  }

  #finished(): void {
    if (this.#over) return;
    this.#peerEnded = true;
    this.handler.ended();
    if (this.#carrier.localClosed) this.#close(undefined);
  }

  #close(cause: StreamError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    queueMicrotask(() => this.handler.closed(cause));
  }
}
