import { Buffer } from "node:buffer";
import type { TLSSocket } from "node:tls";
import type { TlsFacts } from "../interface/tls.ts";
import { giveBack, isNotedRead, putBefore } from "./large-reads.ts";
import { type Carrier, NetStream } from "./net-stream.ts";
import { deliver, post } from "./outbox.ts";
import { copyOfIncoming, incoming } from "./read-buffer.ts";
import { type HandleRequest, handleError, type TcpBindings, type TlsHandle, tcpBindings } from "./tcp-handle.ts";
import { putLatin1 } from "./text.ts";

/** Bytes behind text are copied to it up to this many: one TLS record then (RFC 8446 §5.1). */
const joinLimit = 12 * 1024;

const methods = ["useUserBuffer", "readStart", "readStop", "writeBuffer", "writeLatin1String", "writev"] as const;

const owner = Symbol("stream");

interface OwnedHandle extends TlsHandle {
  [owner]: TlsHandleStream;
}

// One set of functions for all streams, told apart by `this`: no closures per stream.
function onRead(this: TlsHandle): void {
  (this as OwnedHandle)[owner].read();
}
function onWritten(this: HandleRequest, status: number): void {
  (this.owner as TlsHandleStream).written(status);
}

/**
 * A stream on a TLS socket whose bytes go past the socket, straight to and from the engine below it. Everything else,
 * the handshake, the end and failures, stays with the socket.
 */
class TlsHandleStream extends NetStream {
  private readonly handle: TlsHandle;
  private readonly bindings: TcpBindings;
  /** What the socket itself does when the engine tells of a read. */
  private readonly socketRead: (this: TlsHandle) => void;
  /** Bytes of the write under way, and what waits for it. */
  private underWay = 0;
  private queue: Uint8Array[] = [];
  private queued = 0;
  /** A write failed. What the peer sent before is still to be read; the socket closes behind it. */
  private broken = false;
  private endRead = false;

  constructor(socket: TLSSocket, tls: TlsFacts, carrier: Carrier, handle: TlsHandle, bindings: TcpBindings) {
    super(socket, tls, carrier);
    this.handle = handle;
    this.bindings = bindings;
    this.socketRead = handle.onread;
    (handle as OwnedHandle)[owner] = this;
    handle.onread = onRead;
    handle.useUserBuffer(incoming);
  }

  override get pending(): number {
    if (this.over) return 0;
    return this.underWay + this.queued + (this.posted ? this.message.length : 0);
  }

  override write(bytes: Uint8Array): boolean {
    if (this.over || this.ending || bytes.length === 0) return true;
    if (this.posted) deliver();
    this.hand(bytes);
    return this.goOn(this.underWay + this.queued);
  }

  override writeText(text: string, bytes?: Uint8Array, from = 0): boolean {
    if (this.over || this.ending) return true;
    if (this.posted) deliver();
    if (bytes === undefined || bytes.length === from) {
      if (text.length > 0) this.pass(text);
    } else if (bytes.length - from <= joinLimit) {
      const joined = Buffer.allocUnsafe(text.length + bytes.length - from);
      putLatin1(text, joined, 0);
      joined.set(from === 0 ? bytes : bytes.subarray(from), text.length);
      this.pass(joined);
    } else {
      const whole = putBefore(text, bytes, from);
      if (whole !== undefined) this.hand(whole);
      else {
        const rest = from === 0 ? bytes : bytes.subarray(from);
        if (this.underWay > 0) {
          this.hand(text);
          this.hand(rest);
        } else this.start([Buffer.from(text, "latin1"), rest], text.length + rest.length);
      }
    }
    return this.goOn(this.underWay + this.queued);
  }

  /** Lets a small message wait for the end of the tick, unless others wait for the engine already. */
  protected override pass(message: string | Uint8Array): void {
    if (this.underWay > 0) this.hand(message);
    else {
      this.message = message;
      post(this);
    }
  }

  override send(): void {
    const { message } = this;
    this.message = "";
    if (this.over) return;
    this.hand(message);
    if (this.ending) this.sentAll();
  }

  /** Gives the engine something to write, or lets it wait for the write under way. */
  private hand(message: string | Uint8Array): void {
    if (this.broken) return;
    if (this.underWay === 0) this.start(message, message.length);
    else {
      this.queue.push(typeof message === "string" ? Buffer.from(message, "latin1") : message);
      this.queued += message.length;
    }
  }

  /** The engine has made its own of what it was given when the call returns. */
  private start(message: string | Uint8Array | Uint8Array[], size: number): void {
    if (this.socket.destroyed || this.broken) return;
    const { bindings, handle } = this;
    const request = new bindings.WriteWrap();
    request.oncomplete = onWritten;
    request.owner = this;
    let status: number;
    if (typeof message === "string") status = handle.writeLatin1String(request, message);
    else if (Array.isArray(message)) {
      status = handle.writev(request, message, true);
      for (const bytes of message) if (isNotedRead(bytes)) giveBack(bytes);
    } else {
      status = handle.writeBuffer(request, message);
      if (isNotedRead(message)) giveBack(message);
    }
    if (status !== 0) this.writeFailed(status);
    else if (bindings.streamBaseState[bindings.kLastWriteWasAsync] !== 0) this.underWay = size;
  }

  /** The kernel has taken what the engine made of a write. */
  written(status: number): void {
    this.underWay = 0;
    if (this.socket.destroyed || this.broken) return;
    if (status < 0) {
      this.writeFailed(status);
      return;
    }
    if (this.queue.length > 0) this.startQueue();
    if (this.underWay > 0) return;
    if (this.ending) this.sentAll();
    else this.tellDrained();
  }

  private startQueue(): void {
    const { queue, queued } = this;
    this.queue = [];
    this.queued = 0;
    this.start(queue.length === 1 ? queue[0]! : queue, queued);
  }

  /** As on a plain connection: what the peer said before it closed is still to be read. */
  private writeFailed(status: number): void {
    this.cause ??= handleError(status, "write", `use the connection with ${this.remoteAddress}:${this.remotePort}`);
    this.broken = true;
    this.queue = [];
    this.queued = 0;
    if (!this.reading || this.endRead) this.socket.destroy();
  }

  protected override sentAll(): void {
    if (this.underWay === 0) super.sentAll();
  }

  /** A read has ended: the bytes are in `incoming`, or there is a reason why there are none, which is the socket's to know. */
  read(): void {
    const length = this.bindings.streamBaseState[this.bindings.kReadBytesOrError]!;
    if (length > 0) this.arrived(copyOfIncoming(length));
    else if (length < 0) {
      this.endRead = true;
      if (this.broken) this.socket.destroy();
      else this.socketRead.call(this.handle);
    }
  }

  protected override stopReading(): void {
    // Nobody may ever go on reading: this is where a broken stream ends for him.
    if (this.broken) this.socket.destroy();
    else if (!this.socket.destroyed) this.handle.readStop();
  }

  protected override startReading(): void {
    if (!this.socket.destroyed) this.handle.readStart();
  }
}

/** The stream of a TLS socket after its handshake: past the socket's own streams, where the runtime lets us. */
export function tlsStream(socket: TLSSocket, tls: TlsFacts, carrier: Carrier): NetStream {
  const handle = carrier.gate === undefined ? handleOf(socket) : carrier.gate.handleOf(socket);
  if (handle === undefined || tcpBindings === undefined) return new NetStream(socket, tls, carrier);
  return new TlsHandleStream(socket, tls, carrier, handle, tcpBindings);
}

function handleOf(socket: TLSSocket): TlsHandle | undefined {
  const handle = (socket as unknown as { readonly _handle?: TlsHandle | null })._handle ?? undefined;
  return methods.every((name) => typeof handle?.[name] === "function") ? handle : undefined;
}
