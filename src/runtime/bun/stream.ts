import { Buffer } from "node:buffer";
import type { Socket } from "bun";
import { plainAddress, showAddress } from "../base/address.ts";
import { type Reader, readLater } from "../base/inbox.ts";
import { giveBack, noteRead, restOf } from "../base/large-reads.ts";
import { deliver, post } from "../base/outbox.ts";
import { StreamCore } from "../base/stream-core.ts";
import { StreamError } from "../interface/stream-error.ts";
import type { TlsFacts } from "../interface/tls.ts";
import { type Boxed, box, putInBox } from "./message-box.ts";

/**
 * Reads of this many bytes and more are given back as soon as they have been written on: left to the collector, each would
 * take memory that the kernel has to clear first, 0.5 us per 4 KB.
 */
const largeRead = 8 * 1024;

/** Who hears of a socket: a stream, or the dial that it comes from. */
export interface SocketOwner {
  /** For messages: ` with ADDRESS`, or empty. */
  readonly peerText: string;
  arrived(bytes: Uint8Array): void;
  flush(): void;
  peerEnded(): void;
  socketClosed(cause: StreamError | undefined): void;
}

/** Where a stream comes from or goes to; empty for unix sockets. */
export interface PeerAddress {
  readonly address: string;
  readonly port: number;
}

/** Who sees to it that a listener hears `data` for streams that are read in plain. */
export interface Hearing {
  /** Such a stream begins. To be called before its first bytes, when its socket opens. */
  begin(): void;
  /** TLS has its socket, or it is closed. */
  end(): void;
}

/** What somebody needs who takes a socket over. */
export interface Released {
  readonly socket: StreamSocket;
  readonly unix: boolean;
  readonly peer: PeerAddress;
  /** What was read and held back. */
  readonly held: readonly Uint8Array[];
}

/** A Bun socket knows its owner by its `data`. `close()` is FIN in both directions; Bun's types leave it out. */
export type StreamSocket = Socket<SocketOwner | undefined> & { close(): void };

/** A byte stream on a socket of `Bun.listen` or `Bun.connect`: TCP or a unix socket, plain or with TLS by Bun's engine. */
export class BunStream extends StreamCore implements SocketOwner, Reader, Boxed {
  private readonly socket: StreamSocket;
  private readonly unix: boolean;
  private peer: PeerAddress | undefined;
  /** What the kernel did not take yet, in order. */
  private queue: Uint8Array[] | undefined = undefined;
  private queued = 0;
  boxFrom = 0;
  boxTo = 0;
  private cause: StreamError | undefined = undefined;
  /** What was read and waits in the inbox. */
  private unread: Uint8Array | undefined = undefined;
  private hearing: Hearing | undefined = undefined;

  /** `peer`, where it is known already. */
  constructor(socket: StreamSocket, unix: boolean, tls?: TlsFacts, peer?: PeerAddress) {
    super(tls);
    this.peer = peer;
    this.socket = socket;
    this.unix = unix;
  }

  /** Addresses cost a system call each: asked for when first wanted, the peer's both at once, as they go with the socket. */
  get remoteAddress(): string {
    this.peer ??= this.readPeer();
    return this.peer.address;
  }

  get remotePort(): number {
    this.peer ??= this.readPeer();
    return this.peer.port;
  }

  /** For messages: ` with ADDRESS`, as far as it was asked for while the socket was open. */
  get peerText(): string {
    if (this.peer === undefined || this.unix) return "";
    return ` with ${showAddress({ host: this.peer.address, port: this.peer.port })}`;
  }

  get localAddress(): string {
    return this.unix || this.over ? "" : plainAddress(this.socket.localAddress);
  }

  get localPort(): number {
    return this.unix || this.over ? 0 : (this.socket.localPort ?? 0);
  }

  get pending(): number {
    if (this.over) return 0;
    return this.posted ? this.queued + this.boxTo - this.boxFrom : this.queued;
  }

  write(bytes: Uint8Array): boolean {
    if (this.over || this.ending) return true;
    if (this.posted) deliver();
    if (this.queued > 0) return this.enqueue(bytes);
    const taken = this.socket.write(bytes);
    if (taken === bytes.length || taken < 0) {
      if (bytes.length >= largeRead) giveBack(bytes);
      if (taken < 0) this.refused();
      return true;
    }
    return this.enqueue(restOf(bytes, taken));
  }

  writeText(text: string, bytes?: Uint8Array, from = 0): boolean {
    if (this.over || this.ending) return true;
    if (this.queued === 0 && putInBox(this, text, bytes, from)) {
      post(this);
      if (bytes !== undefined && bytes.length >= largeRead) giveBack(bytes);
      return true;
    }
    const goOn = this.write(Buffer.from(text, "latin1"));
    return bytes === undefined || bytes.length === from ? goOn : this.write(from === 0 ? bytes : restOf(bytes, from));
  }

  send(): void {
    if (this.over) return;
    const { boxFrom, boxTo } = this;
    const taken = this.queued > 0 ? 0 : this.socket.write(box, boxFrom, boxTo - boxFrom);
    if (taken < 0) this.refused();
    if (taken >= 0 && taken < boxTo - boxFrom) this.enqueue(new Uint8Array(box.subarray(boxFrom + taken, boxTo)));
    else if (this.ending) this.sentAll();
  }

  /** The kernel takes no more: the peer has gone. Bun tells so where it reads; a socket that stands still never hears of it. */
  private refused(): void {
    if (this.reading) return;
    const message = `use the connection${this.peerText}: the peer has closed it`;
    this.cause ??= new StreamError("broken-pipe", message, { code: "EPIPE", syscall: "write" });
    this.socket.close();
  }

  protected sentAll(): void {
    if (this.queued > 0) return;
    if (this.finishing) this.socket.close();
    else this.socket.shutdown();
  }

  /** The kernel takes bytes again. */
  flush(): void {
    if (this.queued === 0 || this.over) return;
    const queue = this.queue!;
    let sent = 0;
    while (sent < queue.length) {
      const bytes = queue[sent]!;
      const taken = this.socket.write(bytes);
      if (taken < 0) {
        this.refused();
        return;
      }
      this.queued -= taken;
      if (taken < bytes.length) {
        queue[sent] = restOf(bytes, taken);
        break;
      }
      giveBack(bytes);
      sent++;
    }
    queue.splice(0, sent);
    if (this.queued > 0) return;
    if (this.ending) this.sentAll();
    else this.tellDrained();
  }

  /** The socket failed in a way that its closing, which follows, does not tell (TLS). */
  failed(cause: StreamError): void {
    this.cause ??= cause;
  }

  /** The listener hears `data` for this stream, until it ends or TLS takes it over. */
  isHeard(hearing: Hearing): void {
    this.hearing = hearing;
    hearing.begin();
  }

  private needsNoHearing(): void {
    if (this.hearing === undefined) return;
    this.hearing.end();
    this.hearing = undefined;
  }

  /** Lets go of the socket so that TLS can take it over; what was read and held back comes with it. */
  release(): Released {
    if (this.posted) deliver();
    const peer = { address: this.remoteAddress, port: this.remotePort };
    const held = this.takeHeld();
    if (this.unread !== undefined) held.push(this.unread);
    this.unread = undefined;
    this.over = true;
    this.needsNoHearing();
    if (held.length > 0) this.socket.resume();
    this.socket.data = undefined;
    return { socket: this.socket, unix: this.unix, peer, held };
  }

  /** The socket closed. Bun may say so from inside a call into it, so it is told a little later. */
  socketClosed(closing: StreamError | undefined): void {
    const cause = this.cause ?? closing;
    this.needsNoHearing();
    this.queue = undefined;
    this.queued = 0;
    queueMicrotask(() => {
      this.readNow();
      // Bun does not tell the peer's FIN when it is what closes the socket.
      if (cause === undefined) this.peerEnded();
      this.gone(this.over ? undefined : cause);
    });
  }

  override arrived(bytes: Uint8Array): void {
    if (bytes.length < largeRead && this.unread === undefined) {
      this.unread = bytes;
      readLater(this);
      return;
    }
    this.readNow();
    if (bytes.length >= largeRead) noteRead(bytes);
    super.arrived(bytes);
  }

  readNow(): void {
    const bytes = this.unread;
    if (bytes === undefined) return;
    this.unread = undefined;
    super.arrived(bytes);
  }

  override peerEnded(): void {
    this.readNow();
    super.peerEnded();
  }

  protected stopReading(): void {
    this.socket.pause();
  }

  protected startReading(): void {
    this.socket.resume();
  }

  protected closeSocket(withReset: boolean): void {
    if (withReset) this.socket.terminate();
    else this.socket.close();
  }

  private readPeer(): PeerAddress {
    const { socket } = this;
    if (this.unix || this.over) return { address: "", port: 0 };
    return { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
  }

  private enqueue(bytes: Uint8Array): boolean {
    if (this.queue === undefined) this.queue = [bytes];
    else this.queue.push(bytes);
    this.queued += bytes.length;
    return this.goOn(this.queued);
  }
}
