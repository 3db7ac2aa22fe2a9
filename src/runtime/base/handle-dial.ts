import { isIPv6 } from "node:net";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import type { ConnectOptions } from "../interface/dialling.ts";
import { descriptorClosed, descriptorOpened } from "./descriptors.ts";
import { HandleStream } from "./handle-stream.ts";
import { PendingDial } from "./pending-dial.ts";
import { streamError } from "./stream-error.ts";
import { type HandleRequest, handleError, type TcpBindings, type TcpHandle } from "./tcp-handle.ts";

function onConnected(this: HandleRequest, status: number): void {
  (this.owner as HandleDial).connected(status);
}

/** A dial on a handle. */
class HandleDial extends PendingDial {
  readonly #bindings: TcpBindings;
  readonly #handle: TcpHandle;

  constructor(bindings: TcpBindings, ...common: ConstructorParameters<typeof PendingDial>) {
    super(...common);
    this.#bindings = bindings;
    this.#handle = new bindings.TCP(bindings.constants.SOCKET);
  }

  start(): void {
    const { host = "127.0.0.1", port = 0 } = this.options;
    descriptorOpened();
    const request = new this.#bindings.TCPConnectWrap();
    request.oncomplete = onConnected;
    request.owner = this;
    let status: number;
    try {
      status = isIPv6(host) ? this.#handle.connect6(request, host, port) : this.#handle.connect(request, host, port);
    } catch (error) {
      this.settle();
      this.abandon();
      // Deno without the permission.
      this.reject(streamError(error, this.action, "connect"));
      return;
    }
    if (status !== 0) this.connected(status);
    else this.limit();
  }

  /** The dial has come to an end: 0, or what failed. */
  connected(status: number): void {
    if (!this.settle()) return;
    if (status !== 0) {
      this.abandon();
      this.reject(handleError(status, "connect", this.action));
      return;
    }
    const { keepAliveMs, preamble, host = "127.0.0.1", port = 0 } = this.options;
    this.#handle.setNoDelay(true);
    if (keepAliveMs !== undefined) this.#handle.setKeepAlive(true, Math.max(1, Math.trunc(keepAliveMs / 1000)));
    const stream = new HandleStream(this.#handle, this.#bindings, { address: host, port });
    stream.handler = this.handler;
    if (preamble !== undefined) stream.write(preamble);
    this.resolve(stream);
  }

  protected abandon(): void {
    this.#handle.close(descriptorClosed);
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
