import process from "node:process";
import { getSystemErrorName } from "node:util";
import type { StreamError } from "../interface/stream-error.ts";
import { streamError } from "./stream-error.ts";

/** What `getpeername` and `getsockname` fill in. */
export interface HandleAddress {
  address?: string;
  port?: number;
}

/** A request that a handle is asked to fulfil. It is free again unless the call was left to be completed later. */
export interface HandleRequest<Owner = unknown> {
  /** Called with 0 or a negative error number. */
  oncomplete?: (this: HandleRequest<Owner>, status: number) => void;
  /** Ours: whom the completion concerns. */
  owner?: Owner;
  /** Ours: what must live until then. */
  bytes?: Uint8Array | undefined;
  size?: number;
}

/**
 * A TCP socket as Node's own `node:net` is built on: calls return 0 or a negative error number. `onread` is called
 * after each read; the number of bytes (or error number) is in `streamBaseState`.
 */
export interface TcpHandle {
  onread: (this: TcpHandle) => void;
  /** Where the bytes of each read go. */
  useUserBuffer(bytes: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: HandleRequest, bytes: Uint8Array): number;
  writeLatin1String(request: HandleRequest, text: string): number;
  /** With `true`: the chunks are all bytes. */
  writev(request: HandleRequest, chunks: Uint8Array[], allBytes: true): number;
  shutdown(request: HandleRequest): number;
  setNoDelay(on: boolean): number;
  setKeepAlive(on: boolean, seconds: number): number;
  getpeername(out: HandleAddress): number;
  getsockname(out: HandleAddress): number;
  connect(request: HandleRequest, address: string, port: number): number;
  connect6(request: HandleRequest, address: string, port: number): number;
  /** Has the close send RST. On Node it is the close, and calls back later. */
  reset(closed: () => void): number;
  /** Closes; `closed` is called later. */
  close(closed: () => void): void;
}

/**
 * The engine below a TLS socket, which takes and gives plain text as a TCP handle does; but it may complete every write
 * later, and takes no other before.
 */
export interface TlsHandle
  extends Pick<TcpHandle, "useUserBuffer" | "readStart" | "readStop" | "writeBuffer" | "writeLatin1String" | "writev"> {
  /** At first, what the socket does when the engine tells of a read. */
  onread: (this: TlsHandle) => void;
}

/** A listening handle: calls `onconnection` with 0 and an accepted socket, or with an error number. */
export interface ListenHandle {
  onconnection: (status: number, handle?: TcpHandle) => void;
}

/** The bindings under `node:net`, as far as they are used. */
export interface TcpBindings {
  readonly TCP: new (kind: number) => TcpHandle;
  readonly TCPConnectWrap: new () => HandleRequest;
  readonly constants: { readonly SOCKET: number };
  /** Deno's: makes `onconnection` of a listening handle accept the sockets that it is told of. */
  readonly setupListenWrap?: (handle: ListenHandle) => void;
  readonly WriteWrap: new () => HandleRequest;
  readonly ShutdownWrap: new () => HandleRequest;
  /** Facts of the last call, at the indices that follow. */
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kBytesWritten: number;
  readonly kLastWriteWasAsync: number;
}

const methods = [
  ...[
    "useUserBuffer",
    "readStart",
    "readStop",
    "writeBuffer",
    "writeLatin1String",
    "writev",
    "shutdown",
    "setNoDelay",
    "setKeepAlive",
  ],
  ...["getpeername", "getsockname", "connect", "connect6", "reset", "close"],
];
const indices = ["kReadBytesOrError", "kBytesWritten", "kLastWriteWasAsync"] as const;

function load(): TcpBindings | undefined {
  try {
    const binding = (process as unknown as { binding?: (name: string) => object }).binding;
    if (binding === undefined) return undefined;
    const all = { ...binding("tcp_wrap"), ...binding("stream_wrap") } as TcpBindings;
    const prototype = all.TCP.prototype as unknown as Record<string, unknown>;
    const complete =
      methods.every((name) => typeof prototype[name] === "function") &&
      indices.every((name) => all.streamBaseState[all[name]] !== undefined) &&
      [all.TCPConnectWrap, all.WriteWrap, all.ShutdownWrap].every((request) => typeof request === "function");
    return complete && typeof all.constants.SOCKET === "number" ? all : undefined;
  } catch {
    return undefined;
  }
}

/**
 * TCP without the stream objects of `node:net`, which cost more than all else that is done for a connection. These
 * bindings are Node's own, and Deno has the same; they are reached by `process.binding`, which Node's documentation
 * advises against (DEP0111). So they are looked at before use: undefined when something is missing (a Node with
 * `--permission`, a later one), and `node:net` does the same for more.
 */
export const tcpBindings: TcpBindings | undefined = load();

/** The error that a call on a handle returned. */
export function handleError(status: number, syscall: string, action: string): StreamError {
  const code = getSystemErrorName(status);
  return streamError({ code, syscall, message: `${syscall} ${code}` }, action, syscall);
}
