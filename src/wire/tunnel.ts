import type { Tunnel } from "../core/message.ts";
import type { ByteStream } from "../runtime/interface/byte-stream.ts";
import type { HeaderLines } from "./header-lines.ts";

/**
 * A backend that switched protocols (RFC 9110 §7.8, data-plane §6.2): its status line and header lines as received,
 * and its connection, which has left the pool. Whoever gets a tunnel sets the stream's `handler`, resumes it, and
 * closes it. Until then the stream is to be paused, or its owner is to add what arrives to `early`.
 */
export class ByteTunnel implements Tunnel {
  readonly status: number;
  readonly statusText: string;
  readonly headers: HeaderLines;
  readonly tunnel: ByteStream;
  /** Bytes of the new protocol that arrived right behind the head; may be empty. */
  readonly early: Uint8Array;

  constructor(status: number, statusText: string, headers: HeaderLines, tunnel: ByteStream, early: Uint8Array) {
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
    this.tunnel = tunnel;
    this.early = early;
  }
}
