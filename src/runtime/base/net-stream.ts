import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { StreamError } from "../interface/stream-error.ts";
import type { TlsFacts } from "../interface/tls.ts";
import { plainAddress } from "./address.ts";
import { giveBack, isNotedRead, largeRead, noteRead } from "./large-reads.ts";
import { deliver, post } from "./outbox.ts";
import { StreamCore } from "./stream-core.ts";
import { streamError } from "./stream-error.ts";
import type { TlsHandle } from "./tcp-handle.ts";
import { putLatin1 } from "./text.ts";

/** Below a TLS socket: how to stop and reset the TCP connection that carries it. */
export interface Carrier {
  /** The TCP or unix socket. */
  readonly socket: Socket;
  /** Stops and restarts the flow of TCP bytes into the TLS engine, where pausing the TLS socket itself does not. */
  readonly gate?: {
    hold(): void;
    release(): void;
    /** What moves the bytes of the TLS socket past socket and gate, after its handshake; undefined: nothing does. */
    handleOf(socket: TLSSocket): TlsHandle | undefined;
  };
}

const { copy } = Buffer.prototype as { copy(this: Uint8Array, target: Buffer, at: number, from: number): number };

const owner = Symbol("stream");

interface Owned {
  [owner]?: NetStream | undefined;
}

// One set of listeners for all streams, told apart by `this`: no closures per stream.
function onData(this: Owned, chunk: Buffer): void {
  this[owner]?.arrived(chunk);
}
function onEnd(this: Owned): void {
  this[owner]?.peerEnded();
}
function onDrain(this: Owned): void {
  this[owner]?.flushed();
}
function onError(this: Owned, error: Error): void {
  this[owner]?.failed(error);
}
function onClose(this: Owned): void {
  this[owner]?.socketClosed();
}

/** A byte stream on a socket of `node:net` or `node:tls`. The socket must be connected, `allowHalfOpen`, and nobody else's. */
export class NetStream extends StreamCore {
  readonly socket: Socket | TLSSocket;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  protected readonly carrier: Carrier | undefined;
  /** What waits in the outbox. */
  protected message: string | Uint8Array = "";
  protected cause: StreamError | undefined;

  constructor(socket: Socket | TLSSocket, tls?: TlsFacts, carrier?: Carrier) {
    super(tls);
    this.socket = socket;
    this.carrier = carrier;
    const addressed = carrier?.socket ?? socket;
    this.remoteAddress = plainAddress(addressed.remoteAddress);
    this.remotePort = addressed.remotePort ?? 0;
    this.localAddress = this.remoteAddress === "" ? "" : plainAddress(addressed.localAddress);
    this.localPort = addressed.localPort ?? 0;
    (socket as Owned)[owner] = this;
    socket.on("end", onEnd);
    socket.on("drain", onDrain);
    socket.on("error", onError);
    socket.on("close", onClose);
    socket.on("data", onData);
  }

  get pending(): number {
    if (this.over) return 0;
    return this.posted ? this.socket.writableLength + this.message.length : this.socket.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    if (this.over || this.ending || bytes.length === 0) return true;
    if (this.posted) deliver();
    if (isNotedRead(bytes)) this.socket.write(bytes, () => giveBack(bytes));
    else this.socket.write(bytes);
    return this.goOn(this.socket.writableLength);
  }

  writeText(text: string, bytes?: Uint8Array, from = 0): boolean {
    if (this.over || this.ending) return true;
    if (this.posted) deliver();
    if (bytes === undefined || bytes.length === from) {
      if (text.length > 0) this.pass(text);
    } else if (bytes.length - from <= 16 * 1024) {
      const joined = Buffer.allocUnsafe(text.length + bytes.length - from);
      putLatin1(text, joined, 0);
      copy.call(bytes, joined, text.length, from);
      this.pass(joined);
    } else {
      this.socket.cork();
      this.socket.write(Buffer.from(text, "latin1"));
      this.socket.write(from === 0 ? bytes : bytes.subarray(from));
      this.socket.uncork();
    }
    return this.goOn(this.socket.writableLength);
  }

  /** Lets a small message wait for the end of the tick, unless others wait in the socket already. */
  protected pass(message: string | Uint8Array): void {
    this.message = message;
    if (this.socket.writableLength === 0) post(this);
    else this.send();
  }

  send(): void {
    const message = this.message;
    this.message = "";
    if (this.over) return;
    if (typeof message !== "string") this.socket.write(message);
    // Behind a gate, Deno writes queued text as UTF-8.
    else if (this.carrier?.gate !== undefined) this.socket.write(Buffer.from(message, "latin1"));
    else this.socket.write(message, "latin1");
    if (this.ending) this.sentAll();
  }

  protected sentAll(): void {
    if (!this.finishing) this.socket.end();
    else if (this.socket.writableLength === 0) this.socket.destroy();
    else this.socket.destroySoon();
  }

  /** Lets go of the socket so that TLS can take it over; the bytes that were held back come first from now on. */
  release(already?: Uint8Array): Socket {
    if (this.posted) deliver();
    const socket = this.socket;
    socket.off("data", onData);
    socket.off("end", onEnd);
    socket.off("drain", onDrain);
    socket.off("error", onError);
    socket.off("close", onClose);
    (socket as Owned)[owner] = undefined;
    socket.pause();
    const held = this.takeHeld();
    if (already !== undefined) held.unshift(already);
    this.over = true;
    const bytes = Buffer.concat(held);
    if (bytes.length > 0) socket.unshift(bytes);
    return socket;
  }

  override arrived(bytes: Uint8Array): void {
    if (bytes.length >= largeRead) noteRead(bytes);
    super.arrived(bytes);
  }

  /** FIN was read. The end behind a failure is none of its own. */
  override peerEnded(): void {
    if (this.cause === undefined) super.peerEnded();
  }

  /** Everything written was taken. */
  flushed(): void {
    this.tellDrained();
  }

  /** The socket failed; it closes next, also where an alert after the handshake (RFC 8446 §6.2) leaves it half open. */
  failed(error: Error): void {
    this.cause ??= streamError(error, `use the connection with ${this.remoteAddress}:${this.remotePort}`);
    this.socket.destroy();
  }

  /** The socket closed. After `destroy` its failures are nobody's business. */
  socketClosed(): void {
    // The TCP connection goes with its TLS, even where the runtime would wait for the peer's FIN.
    this.carrier?.socket.destroySoon();
    this.gone(this.over ? undefined : this.cause);
  }

  protected stopReading(): void {
    if (this.carrier?.gate === undefined) this.socket.pause();
    else this.carrier.gate.hold();
  }

  protected startReading(): void {
    if (this.carrier?.gate === undefined) this.socket.resume();
    else this.carrier.gate.release();
  }

  protected closeSocket(withReset: boolean): void {
    // Not on a TLS socket: Node throws there (runtimes.md §4).
    if (withReset) (this.carrier?.socket ?? (this.socket as Socket)).resetAndDestroy();
    this.socket.destroy();
    this.carrier?.socket.destroy();
  }
}
