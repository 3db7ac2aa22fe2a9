import type { ByteStream } from "../runtime/interface/byte-stream.ts";
import type { ConnectionHost, Hosted } from "./server-options.ts";
import type { ServerRequest } from "./server-request.ts";
import type { Splice, SpliceOwner } from "./server-splice.ts";
import type { ByteTunnel } from "./tunnel.ts";
import { spliceFor, WebSocketSplice } from "./web-socket-splice.ts";

/** A client's connection that became a tunnel: all that is left of it on the server. */
export class ServerTunnel implements Hosted, SpliceOwner {
  place = -1;
  readonly splice: Splice;
  readonly #host: ConnectionHost;
  readonly #request: ServerRequest;

  /** `request` is the one that became the tunnel; its observer hears the end. */
  constructor(stream: ByteStream, tunnel: ByteTunnel, host: ConnectionHost, request: ServerRequest) {
    this.#host = host;
    this.#request = request;
    this.splice = spliceFor(stream, tunnel, host, this);
    host.took(this);
  }

  spliceClosed(): void {
    this.#host.removed(this);
    const { observer, incoming, gone } = this.#request;
    observer?.finished(incoming?.delivered ?? 0, 0, gone ? "client-gone" : "complete");
  }

  /** A tunnel is no request: a drain leaves it alone. */
  drain(): void {}

  webSockets(): readonly WebSocketSplice[] {
    return this.splice instanceof WebSocketSplice ? [this.splice] : [];
  }

  destroy(): void {
    this.splice.near.destroy();
  }
}
