import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import {
  type HandleRequest,
  type TcpBindings,
  type TcpHandle,
  type TlsHandle,
  tcpBindings,
} from "../base/tcp-handle.ts";

/** The engine takes up to 48 KiB of plain text at a time, and what is more when it next reads. */
const pieceLimit = 48 * 1024;

/** Deno's TLS engine where it has no TCP handle of its own: cipher text is handed in and fetched. */
interface Engine {
  onread: () => void;
  useUserBuffer(bytes: Uint8Array): void;
  /** Has the engine look at its `onread`. */
  readStart(): number;
  /** Takes cipher text, and calls `onread` for the plain text in it. */
  receive(bytes: Uint8Array): void;
  writeBuffer(request: object, bytes: Uint8Array): number;
  writeLatin1String(request: object, text: string): number;
  /** Gives all cipher text that is to be sent. */
  drainEncOut(): Uint8Array;
}

const methods = ["useUserBuffer", "readStart", "receive", "writeBuffer", "writeLatin1String", "drainEncOut"] as const;

/** The engine would tell of a write's completion, which only means that it was fetched. */
const untold = {};

/** Deno's TLS engine and the TCP handle below it, as the one handle that Node has. */
class EngineHandle implements TlsHandle {
  private readonly engine: Engine;
  /** The engine's methods without what its socket puts around each. */
  private readonly bare: Engine;
  private readonly tcp: TcpHandle;
  private readonly bindings: TcpBindings;
  private readonly toldSocket: () => void;
  /** There was plain text in the cipher text, or an end. */
  private told = false;

  constructor(engine: Engine, tcp: TcpHandle, bindings: TcpBindings) {
    this.engine = engine;
    this.bare = Object.getPrototypeOf(engine) as Engine;
    this.tcp = tcp;
    this.bindings = bindings;
    this.toldSocket = engine.onread.bind(engine);
  }

  get onread(): () => void {
    return this.toldSocket;
  }

  set onread(told: (this: TlsHandle) => void) {
    this.engine.onread = () => {
      this.told = true;
      told.call(this);
    };
  }

  /** From here on nothing goes through the sockets' streams. */
  useUserBuffer(bytes: Uint8Array): void {
    const { engine, tcp, bindings } = this;
    const { streamBaseState: state, kReadBytesOrError: at } = bindings;
    engine.useUserBuffer(bytes);
    engine.readStart();
    const toldSocket = tcp.onread;
    tcp.readStop();
    tcp.useUserBuffer(bytes);
    tcp.onread = () => {
      const length = state[at]!;
      if (length > 0) this.receive(length === bytes.length ? bytes : bytes.subarray(0, length));
      else if (length < 0) toldSocket.call(tcp);
    };
    tcp.readStart();
  }

  /** Answers of the engine's own go with the next plain text; where there was none there may be no next. */
  private receive(cipherText: Uint8Array): void {
    this.told = false;
    this.engine.receive(cipherText);
    if (this.told) return;
    const answer = this.engine.drainEncOut();
    if (answer.length === 0) return;
    const request = new this.bindings.WriteWrap();
    request.bytes = answer;
    this.tcp.writeBuffer(request, answer);
  }

  readStart(): number {
    return this.tcp.readStart();
  }

  readStop(): number {
    return this.tcp.readStop();
  }

  writeLatin1String(request: HandleRequest, text: string): number {
    if (text.length > pieceLimit) return this.writeBuffer(request, Buffer.from(text, "latin1"));
    return this.bare.writeLatin1String.call(this.engine, untold, text) || this.sendCipherText(request);
  }

  writeBuffer(request: HandleRequest, bytes: Uint8Array): number {
    let at = 0;
    for (; bytes.length - at > pieceLimit; at += pieceLimit) {
      const status = this.writePiece(new this.bindings.WriteWrap(), bytes.subarray(at, at + pieceLimit));
      if (status !== 0) return status;
    }
    return this.writePiece(request, at === 0 ? bytes : bytes.subarray(at));
  }

  writev(request: HandleRequest, chunks: Uint8Array[]): number {
    const last = chunks.length - 1;
    for (let i = 0; i < last; i++) {
      const status = this.writeBuffer(new this.bindings.WriteWrap(), chunks[i]!);
      if (status !== 0) return status;
    }
    return this.writeBuffer(request, chunks[last]!);
  }

  private writePiece(request: HandleRequest, bytes: Uint8Array): number {
    return this.bare.writeBuffer.call(this.engine, untold, bytes) || this.sendCipherText(request);
  }

  private sendCipherText(request: HandleRequest): number {
    // Kept until the kernel has taken it.
    request.bytes = this.engine.drainEncOut();
    return this.tcp.writeBuffer(request, request.bytes);
  }
}

/**
 * The engine and the TCP handle of a TLS socket that stands on a gate; undefined where something is missing, or something
 * is still on its way through the streams between the two.
 */
export function engineHandle(socket: TLSSocket, gate: Duplex, below: Socket): TlsHandle | undefined {
  const engine = (socket as unknown as { readonly _handle?: Engine | null })._handle ?? undefined;
  const tcp = (below as unknown as { readonly _handle?: TcpHandle | null })._handle ?? undefined;
  const known = engine !== undefined && methods.every((name) => typeof engine[name] === "function");
  if (tcpBindings === undefined || !known || !(tcp instanceof tcpBindings.TCP)) return undefined;
  const underWay = gate.readableLength + gate.writableLength + below.readableLength + below.writableLength;
  return underWay === 0 ? new EngineHandle(engine, tcp, tcpBindings) : undefined;
}
