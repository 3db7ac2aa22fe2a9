import type { ByteStream, ByteStreamHandler } from "../../runtime/interface/byte-stream.ts";
import type { StreamError } from "../../runtime/interface/stream-error.ts";
import type { HostedConnection } from "../server-options.ts";
import { preface } from "./protocol.ts";

/** First bytes of the preface that no HTTP/1 request has: `PRI * HTTP/2`. */
const telling = 12;

/**
 * Waits for a client's first bytes to tell HTTP/2 with prior knowledge (RFC 9113 §3.3) from HTTP/1, then hands the stream
 * on. Like any fresh connection it is left alone when the listener drains.
 */
export class VersionChoice implements ByteStreamHandler, HostedConnection {
  place = -1;
  readonly #stream: ByteStream;
  readonly #choose: (speaksHttp2: boolean) => ByteStreamHandler;
  #held: Uint8Array = new Uint8Array(0);
  #next: ByteStreamHandler | undefined;

  /** `choose` makes the handler that the stream gets; called once. */
  constructor(stream: ByteStream, choose: (speaksHttp2: boolean) => ByteStreamHandler) {
    this.#stream = stream;
    this.#choose = choose;
  }

  data(bytes: Uint8Array): void {
    const held = this.#held;
    const all = new Uint8Array(held.length + bytes.length);
    all.set(held);
    all.set(bytes, held.length);
    this.#held = all;
    for (let at = held.length; at < telling && at < all.length; at++) {
      if (all[at] !== preface.charCodeAt(at)) {
        this.#hand(false).data(all);
        return;
      }
    }
    if (all.length >= telling) this.#hand(true).data(all);
  }

  drained(): void {}

  ended(): void {
    const next = this.#hand(false);
    if (this.#held.length > 0) next.data(this.#held);
    next.ended();
  }

  closed(cause: StreamError | undefined): void {
    (this.#next ?? this.#hand(false)).closed(cause);
  }

  drain(): void {}

  destroy(): void {
    this.#stream.destroy();
  }

  #hand(speaksHttp2: boolean): ByteStreamHandler {
    this.#next = this.#choose(speaksHttp2);
    this.#stream.handler = this.#next;
    return this.#next;
  }
}
