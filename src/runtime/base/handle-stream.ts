import { Buffer } from "node:buffer";
import type { StreamError } from "../interface/stream-error.ts";
import { plainAddress } from "./address.ts";
import { descriptorClosed } from "./descriptors.ts";
import { type Reader, readLater } from "./inbox.ts";
import { giveBack, isNotedRead, putBefore } from "./large-reads.ts";
import { deliver, post } from "./outbox.ts";
import { copyOfIncoming, incoming } from "./read-buffer.ts";
import { roomyRead } from "./read-rooms.ts";
import { pendingLimit, StreamCore } from "./stream-core.ts";
import {
  type HandleAddress,
  type HandleRequest,
  handleError,
  type TcpBindings,
  type TcpHandle,
  tcpBindings,
} from "./tcp-handle.ts";
import { putLatin1 } from "./text.ts";

/** Bytes behind text are copied to it up to this many; above, two pieces of memory in one call cost less. */
const joinLimit = 4 * 1024;

/** Where a text and its bytes are joined for one write. What the kernel does not take at once stays there, and other memory follows. */
let joint = Buffer.allocUnsafeSlow(16 * 1024);

const { copy } = Buffer.prototype as unknown as {
  copy(this: Uint8Array, target: Buffer, at: number, from: number): number;
};

/** Reads of less bytes wait in the inbox; none on Deno, where that changed nothing that could be measured. */
const smallRead = tcpBindings?.setupListenWrap === undefined ? roomyRead : 0;

const owner = Symbol("stream");

interface OwnedHandle extends TcpHandle {
  [owner]: HandleStream;
}

const endOfFile = -4095;
const notConnected = -107;

// One set of functions for all streams, told apart by `this`: no closures per stream.
function onRead(this: TcpHandle): void {
  (this as OwnedHandle)[owner].read();
}
function onWritten(this: HandleRequest, status: number): void {
  (this.owner as HandleStream).written(this, status);
}
function onShutDown(this: HandleRequest): void {
  (this.owner as HandleStream).finSent();
}

/** A byte stream on a TCP handle, connected, and nobody else's. TLS cannot take it over. */
export class HandleStream extends StreamCore implements Reader {
  readonly remoteAddress: string;
  readonly remotePort: number;
  private readonly handle: TcpHandle;
  private readonly bindings: TcpBindings;
  private local: HandleAddress | undefined;
  /** For the next write: one that is completed at once leaves it free. */
  private static spare: HandleRequest | undefined;
  /** Bytes of writes that are not completed. */
  private unsent = 0;
  private closing = false;
  /** A write failed. What the peer sent before is still to be read; the socket closes behind it. */
  private broken = false;
  private endRead = false;
  private endSent = false;
  /** What waits in the outbox: text, and the bytes behind it from an index on. */
  private text = "";
  private bytes: Uint8Array | undefined;
  private from = 0;
  /** What was read and waits in the inbox. */
  private unread: Uint8Array | undefined = undefined;
  private cause: StreamError | undefined;

  constructor(handle: TcpHandle, bindings: TcpBindings, remote: HandleAddress) {
    super(undefined);
    this.handle = handle;
    this.bindings = bindings;
    this.remoteAddress = plainAddress(remote.address);
    this.remotePort = remote.port ?? 0;
    (handle as OwnedHandle)[owner] = this;
    handle.onread = onRead;
    handle.useUserBuffer(incoming);
    handle.readStart();
  }

  /** Costs a system call: asked for when first wanted. */
  private get localName(): HandleAddress {
    if (this.local === undefined) {
      this.local = {};
      if (!this.closing) this.handle.getsockname(this.local);
    }
    return this.local;
  }

  get localAddress(): string {
    return plainAddress(this.localName.address);
  }

  get localPort(): number {
    return this.localName.port ?? 0;
  }

  get pending(): number {
    if (this.over) return 0;
    return this.posted ? this.unsent + this.text.length + (this.bytes?.length ?? 0) - this.from : this.unsent;
  }

  write(bytes: Uint8Array): boolean {
    if (this.over || this.ending || bytes.length === 0) return true;
    if (this.posted) deliver();
    this.pass("", bytes, 0);
    return this.goOn(this.unsent);
  }

  writeText(text: string, bytes?: Uint8Array, from = 0): boolean {
    if (this.over || this.ending) return true;
    if (this.posted) deliver();
    if (bytes === undefined || bytes.length === from) {
      if (text.length > 0) this.passLater(text, undefined, 0);
    } else if (bytes.length - from <= joinLimit) this.passLater(text, bytes, from);
    else {
      const whole = putBefore(text, bytes, from);
      const rest = whole ?? bytes;
      const before = whole === undefined ? text : "";
      const start = whole === undefined ? from : 0;
      if (bytes.length - from <= pendingLimit / 4) this.passLater(before, rest, start);
      else this.pass(before, rest, start);
    }
    return this.goOn(this.unsent);
  }

  /** Lets a small message wait for the end of the tick, unless others wait for the kernel already. */
  private passLater(text: string, bytes: Uint8Array | undefined, from: number): void {
    if (this.unsent > 0) {
      this.pass(text, bytes, from);
      return;
    }
    this.text = text;
    this.bytes = bytes;
    this.from = from;
    post(this);
  }

  send(): void {
    const { text, bytes, from } = this;
    this.text = "";
    this.bytes = undefined;
    this.from = 0;
    if (this.over) return;
    this.pass(text, bytes, from);
    if (this.ending) this.sentAll();
  }

  private pass(text: string, bytes: Uint8Array | undefined, from: number): void {
    if (this.closing || this.broken) return;
    const { bindings, handle } = this;
    const request = HandleStream.spare ?? new bindings.WriteWrap();
    let status: number;
    let kept = bytes;
    if (bytes === undefined) status = handle.writeLatin1String(request, text);
    else if (text === "" && from === 0) status = handle.writeBuffer(request, bytes);
    else {
      const size = text.length + bytes.length - from;
      if (size <= joint.length && bytes.length - from <= joinLimit) {
        putLatin1(text, joint, 0);
        copy.call(bytes, joint, text.length, from);
        kept = joint.subarray(0, size);
        status = handle.writeBuffer(request, kept);
      } else {
        const rest = from === 0 ? bytes : bytes.subarray(from);
        status = handle.writev(request, [Buffer.from(text, "latin1"), rest], true);
      }
    }
    if (status !== 0) {
      HandleStream.spare = request;
      this.writeFailed(status);
    } else if (bindings.streamBaseState[bindings.kLastWriteWasAsync] === 0) {
      HandleStream.spare = request;
      if (bytes !== undefined && isNotedRead(bytes)) giveBack(bytes);
    } else {
      HandleStream.spare = undefined;
      request.oncomplete = onWritten;
      request.owner = this;
      request.bytes = kept;
      if (kept !== bytes) joint = Buffer.allocUnsafeSlow(joint.length);
      request.size = bindings.streamBaseState[bindings.kBytesWritten]!;
      this.unsent += request.size;
    }
  }

  /** The kernel took a write that it could not take at once. */
  written(request: HandleRequest, status: number): void {
    const { bytes, size } = request;
    this.unsent -= size!;
    if (bytes !== undefined && isNotedRead(bytes)) giveBack(bytes);
    if (this.closing) return;
    if (status < 0) this.writeFailed(status);
    else if (this.unsent === 0 && !this.broken) this.flushed();
  }

  private flushed(): void {
    if (this.finishing) this.close();
    else this.tellDrained();
  }

  protected sentAll(): void {
    if (this.closing) return;
    if (this.finishing) {
      if (this.unsent === 0) this.close();
      return;
    }
    const request = new this.bindings.ShutdownWrap();
    request.oncomplete = onShutDown;
    request.owner = this;
    const status = this.handle.shutdown(request);
    if (status === notConnected) this.finSent();
    else if (status < 0) this.failed(status, "shutdown");
  }

  /** FIN was sent behind everything else. */
  finSent(): void {
    this.endSent = true;
    if (this.endRead) this.close();
  }

  /** A read has ended: the bytes are in `incoming`, or there is a reason why there are none. */
  read(): void {
    const length = this.bindings.streamBaseState[this.bindings.kReadBytesOrError]!;
    if (length > 0 && length < smallRead && this.unread === undefined) {
      this.unread = copyOfIncoming(length);
      readLater(this);
      return;
    }
    this.readNow();
    if (length > 0) this.arrived(copyOfIncoming(length));
    else if (this.broken && length < 0) this.close();
    else if (length === endOfFile) {
      this.endRead = true;
      this.peerEnded();
      if (this.endSent) this.close();
    } else if (length < 0) this.failed(length, "read");
  }

  readNow(): void {
    const bytes = this.unread;
    if (bytes === undefined) return;
    this.unread = undefined;
    this.arrived(bytes);
  }

  private failed(status: number, syscall: string): void {
    this.fault(status, syscall);
    this.close();
  }

  private fault(status: number, syscall: string): void {
    this.cause ??= handleError(status, syscall, `use the connection with ${this.remoteAddress}:${this.remotePort}`);
  }

  /**
   * A peer that answers early and closes resets what is still being sent to it: its answer came before that. The kernel
   * gives it out, then the end, without delay: nothing more can arrive.
   */
  private writeFailed(status: number): void {
    this.fault(status, "write");
    this.broken = true;
    if (!this.reading || this.endRead) this.close();
  }

  private close(withReset = false): void {
    if (this.closing) return;
    this.closing = true;
    const closed = (): void => {
      descriptorClosed();
      this.readNow();
      // After `destroy` its failures are nobody's business.
      this.gone(this.over ? undefined : this.cause);
    };
    // Where `reset` has done everything and tells of it (Node), `close` does nothing; where it has not (Deno), it does.
    if (withReset) this.handle.reset(closed);
    this.handle.close(closed);
  }

  protected stopReading(): void {
    // Nobody may ever go on reading: this is where a broken stream ends for him.
    if (this.broken) this.close();
    else if (!this.closing) this.handle.readStop();
  }

  protected startReading(): void {
    if (!this.closing) this.handle.readStart();
  }

  protected closeSocket(withReset: boolean): void {
    this.close(withReset);
  }
}
