import { isIPv6 } from "node:net";
import type { ByteStream, ByteStreamHandler, ConnectOptions } from "../interface.ts";
import { descriptorClosed, descriptorOpened } from "./descriptors.ts";
import { dialTimeout } from "./dial-errors.ts";
import { HandleStream } from "./handle-stream.ts";
import { streamError } from "./stream-error.ts";
import { type HandleRequest, handleError, type TcpBindings, type TcpHandle } from "./tcp-handle.ts";

function onConnected(this: HandleRequest, status: number): void {
  (this.owner as HandleDial).connected(status);
}

/** A dial under way. */
class HandleDial {
  readonly #bindings: TcpBindings;
  readonly #handle: TcpHandle;
  readonly #action: string;
  readonly #options: ConnectOptions;
  readonly #handler: ByteStreamHandler;
  readonly #resolve: (stream: ByteStream) => void;
  readonly #reject: (error: Error) => void;
  readonly #begun = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(
    bindings: TcpBindings,
    action: string,
    options: ConnectOptions,
    handler: ByteStreamHandler,
    resolve: (stream: ByteStream) => void,
    reject: (error: Error) => void,
  ) {
    this.#bindings = bindings;
    this.#handle = new bindings.TCP(bindings.constants.SOCKET);
    this.#action = action;
    this.#options = options;
    this.#handler = handler;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const { host = "127.0.0.1", port = 0, timeoutMs } = this.#options;
    descriptorOpened();
    const request = new this.#bindings.TCPConnectWrap();
    request.oncomplete = onConnected;
    request.owner = this;
    let status: number;
    try {
      status = isIPv6(host) ? this.#handle.connect6(request, host, port) : this.#handle.connect(request, host, port);
    } catch (error) {
      this.#end();
      this.#handle.close(descriptorClosed);
      // Deno without the permission.
      this.#reject(streamError(error, this.#action, "connect"));
      return;
    }
    if (status !== 0) this.connected(status);
    else if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#timedOut(timeoutMs), timeoutMs);
  }

  /** The dial has come to an end: 0, or what failed. */
  connected(status: number): void {
    if (this.#over) return;
    this.#end();
    if (status !== 0) {
      this.#handle.close(descriptorClosed);
      this.#reject(handleError(status, "connect", this.#action));
      return;
    }
    const { keepAliveMs, preamble, host = "127.0.0.1", port = 0 } = this.#options;
    this.#handle.setNoDelay(true);
    if (keepAliveMs !== undefined) this.#handle.setKeepAlive(true, Math.max(1, Math.trunc(keepAliveMs / 1000)));
    const stream = new HandleStream(this.#handle, this.#bindings, { address: host, port });
    stream.handler = this.#handler;
    if (preamble !== undefined) stream.write(preamble);
    this.#resolve(stream);
  }

  #timedOut(timeoutMs: number): void {
    this.#end();
    this.#handle.close(descriptorClosed);
    this.#reject(dialTimeout(this.#action, timeoutMs));
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    const { times } = this.#options;
    if (times !== undefined) times.dialMs = performance.now() - this.#begun;
  }
}

/** Dials an IP address and a valid port, in plain; the stream cannot be taken over by TLS. */
export function dialHandle(
  bindings: TcpBindings,
  action: string,
  options: ConnectOptions,
  handler: ByteStreamHandler,
): Promise<ByteStream> {
  return new Promise((resolve, reject) => new HandleDial(bindings, action, options, handler, resolve, reject).start());
}
