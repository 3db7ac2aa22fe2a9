import type { ByteStream, ByteStreamHandler } from "../../runtime/interface/byte-stream.ts";
import type { ServerTls, TlsFacts } from "../../runtime/interface/tls.ts";
import type { Runtime } from "../../runtime/interface.ts";
import type { ProxyAddress } from "./header.ts";

/** A stream whose peer is the one that a PROXY header named; everything else is that of the stream below. */
export class IntroducedStream implements ByteStream {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly below: ByteStream;
  readonly peer: ProxyAddress;

  constructor(below: ByteStream, peer: ProxyAddress) {
    this.below = below;
    this.peer = peer;
    this.remoteAddress = peer.address;
    this.remotePort = peer.port;
  }

  get handler(): ByteStreamHandler {
    return this.below.handler;
  }

  set handler(handler: ByteStreamHandler) {
    this.below.handler = handler;
  }

  get localAddress(): string {
    return this.below.localAddress;
  }

  get localPort(): number {
    return this.below.localPort;
  }

  get tls(): TlsFacts | undefined {
    return this.below.tls;
  }

  get pending(): number {
    return this.below.pending;
  }

  write(bytes: Uint8Array): boolean {
    return this.below.write(bytes);
  }

  writeText(text: string, bytes?: Uint8Array, from?: number): boolean {
    return this.below.writeText(text, bytes, from);
  }

  pause(): void {
    this.below.pause();
  }

  resume(): void {
    this.below.resume();
  }

  end(): void {
    this.below.end();
  }

  finish(): void {
    this.below.finish();
  }

  destroy(): void {
    this.below.destroy();
  }

  reset(): void {
    this.below.reset();
  }
}

/** `Runtime.secureServer`, for a stream that a PROXY header has introduced too. */
export async function secureIntroduced(
  runtime: Pick<Runtime, "secureServer">,
  stream: ByteStream,
  already: Uint8Array,
  tls: ServerTls,
  handler: ByteStreamHandler,
): Promise<ByteStream> {
  if (!(stream instanceof IntroducedStream)) return await runtime.secureServer(stream, already, tls, handler);
  return new IntroducedStream(await runtime.secureServer(stream.below, already, tls, handler), stream.peer);
}
