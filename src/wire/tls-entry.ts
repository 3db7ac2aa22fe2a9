import type { ByteStream, ByteStreamHandler } from "../runtime/interface/byte-stream.ts";
import { StreamError } from "../runtime/interface/stream-error.ts";
import type { ServerTls } from "../runtime/interface/tls.ts";
import type { Runtime } from "../runtime/interface.ts";
import { secureIntroduced } from "./proxy-protocol/introduced-stream.ts";
import type { Listed } from "./roster.ts";
import { Deadline, type TimerWheel } from "./timer-wheel.ts";

/** What a client gets that speaks plain HTTP on a TLS port (data-plane §1.2): the whole answer. */
const plainHttpAnswer = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/** First byte of a TLS record that carries handshake messages (RFC 8446 §5.1). */
const handshakeRecord = 22;

/**
 * Beginnings by which upstream's server knows plain HTTP (Go's net/http), as long as the header of a TLS record: whatever
 * else is no handshake gets no answer.
 */
const plainBeginnings: ReadonlySet<string> = new Set(["GET /", "HEAD ", "POST ", "PUT /", "OPTIO"]);
const recordHeaderBytes = 5;

/** Milliseconds in which a client must have sent its first byte, and a handshake be complete. */
const handshakeMs = 10_000;

/** How long, in milliseconds, a client of plain HTTP may take for its answer. */
const lingerMs = 2000;

/** TLS on a listener. */
export interface ServerTlsOptions {
  /**
   * What the next handshake uses. Asked for each time: another object than before means other certificates, for new
   * connections only. Keep the object as long as nothing changes: what is worked out from it is kept with it.
   */
  current(): ServerTls;
  /** Hears of a client whose handshake failed. */
  failed?(remoteAddress: string, remotePort: number, error: StreamError): void;
}

/** What an entry takes from its server. */
export interface TlsEntryHost {
  readonly runtime: Pick<Runtime, "secureServer">;
  readonly wheel: TimerWheel;
  /** The handshake is complete: gives the handler of what follows. */
  secured(entry: TlsEntry, stream: ByteStream): ByteStreamHandler;
  /** Nothing came of it. */
  removed(entry: TlsEntry): void;
}

/**
 * An accepted connection on its way to TLS. It waits for the first bytes, so that a client that speaks plain HTTP gets an
 * answer it understands, and hands the stream to the runtime's TLS together with them.
 */
export class TlsEntry extends Deadline implements ByteStreamHandler, Listed {
  place = -1;
  readonly #plain: ByteStream;
  readonly #tls: ServerTlsOptions;
  readonly #host: TlsEntryHost;
  /** What came between the end of the handshake and the hand-over. */
  readonly #early: Uint8Array[] = [];
  #ended = false;
  #closed = false;
  /** The server cut the connection while the runtime had it. */
  #cut = false;
  #phase: "waiting" | "handshake" | "answered" = "waiting";
  /** What came of a client that does not begin as TLS does, up to the length of a record's header. */
  #beginning = "";

  constructor(plain: ByteStream, tls: ServerTlsOptions, host: TlsEntryHost) {
    super();
    this.#plain = plain;
    this.#tls = tls;
    this.#host = host;
    host.wheel.arm(this, handshakeMs);
  }

  data(bytes: Uint8Array): void {
    if (this.#phase === "handshake") this.#early.push(bytes);
    if (this.#phase !== "waiting") return;
    if (this.#beginning === "" && bytes[0] === handshakeRecord) {
      this.#host.wheel.disarm(this);
      this.#phase = "handshake";
      void this.#handshake(bytes);
      return;
    }
    for (const byte of bytes.subarray(0, recordHeaderBytes - this.#beginning.length)) {
      this.#beginning += String.fromCharCode(byte);
    }
    if (this.#beginning.length === recordHeaderBytes) this.#refuse();
  }

  /** The client speaks something else than TLS. */
  #refuse(): void {
    this.#phase = "answered";
    if (plainBeginnings.has(this.#beginning)) {
      this.#failed(new StreamError("tls-not-tls", "client sent an HTTP request to an HTTPS server"));
      this.#plain.writeText(plainHttpAnswer);
      this.#plain.end();
      this.#host.wheel.arm(this, lingerMs);
    } else {
      this.#failed(new StreamError("tls-not-tls", "tls: first record does not look like a TLS handshake"));
      this.#plain.destroy();
    }
  }

  drained(): void {}

  ended(): void {
    this.#ended = true;
    if (this.#phase !== "handshake") this.#plain.destroy();
  }

  closed(): void {
    this.#closed = true;
    if (this.#phase === "waiting")
      this.#failed(new StreamError("ended", this.#beginning === "" ? "EOF" : "unexpected EOF"));
    this.#over();
  }

  /** The client took too long. */
  override expired(): void {
    this.#plain.destroy();
  }

  /** Serving ends: as long as there was no request there is nothing to wait for, and nothing to close in a hurry. */
  drain(): void {}

  destroy(): void {
    this.#cut = true;
    this.#plain.destroy();
  }

  async #handshake(hello: Uint8Array): Promise<void> {
    let stream: ByteStream;
    try {
      stream = await secureIntroduced(this.#host.runtime, this.#plain, hello, this.#tls.current(), this);
    } catch (error) {
      const failure =
        error instanceof StreamError ? error : new StreamError("tls-other", String(error), { cause: error });
      this.#failed(failure);
      this.#over();
      return;
    }
    if (this.#closed) return;
    if (this.#cut) stream.destroy();
    else this.#handOver(stream);
  }

  #handOver(stream: ByteStream): void {
    const handler = this.#host.secured(this, stream);
    stream.handler = handler;
    for (const bytes of this.#early) handler.data(bytes);
    if (this.#ended) handler.ended();
  }

  #failed(error: StreamError): void {
    this.#tls.failed?.(this.#plain.remoteAddress, this.#plain.remotePort, error);
  }

  #over(): void {
    this.#host.wheel.disarm(this);
    this.#host.removed(this);
  }
}
