import { addressText } from "../core/address-text.ts";
import type { AbortCause } from "../core/client.ts";
import { deferred } from "../core/deferred.ts";
import { clientGone, Failure } from "../core/forwarding/failure.ts";
import type { Outgoing, Sending } from "../core/forwarding/transport.ts";
import type { Tunnel } from "../core/message.ts";
import type { Endpoint } from "../core/routing/endpoint.ts";
import type { ByteStream, ByteStreamHandler } from "../runtime/interface/byte-stream.ts";
import type { ConnectOptions } from "../runtime/interface/dialling.ts";
import type { Runtime } from "../runtime/interface.ts";
import { dialFailure } from "./client-failures.ts";
import { HeaderLines } from "./header-lines.ts";
import { ByteTunnel } from "./tunnel.ts";

/** A connection for CONNECT on its way (RFC 9110 §9.3.6): keeps what comes before somebody takes the tunnel. */
class TunnelDial implements ByteStreamHandler, Sending {
  readonly #settle = deferred<Tunnel>();
  #early: Uint8Array = new Uint8Array(0);
  #over = false;
  #ended = false;

  get promise(): Promise<Tunnel> {
    return this.#settle.promise;
  }

  data(bytes: Uint8Array): void {
    const early = new Uint8Array(this.#early.length + bytes.length);
    early.set(this.#early);
    early.set(bytes, this.#early.length);
    this.#early = early;
  }

  drained(): void {}

  ended(): void {
    this.#ended = true;
  }

  closed(): void {
    this.#ended = true;
  }

  opened(stream: ByteStream): void {
    if (this.#over) {
      stream.destroy();
      return;
    }
    if (this.#ended) {
      stream.destroy();
      this.fail(new Failure("eof", "backend", "always", "EOF"));
      return;
    }
    this.#over = true;
    stream.pause();
    const tunnel = new ByteTunnel(200, "Connection Established", new HeaderLines(), stream, this.#early);
    this.#settle.resolve(tunnel);
  }

  fail(failure: Failure): void {
    this.#over = true;
    this.#settle.reject(failure);
  }

  abort(cause: AbortCause): void {
    if (cause === "client-gone") this.fail(clientGone());
    else this.fail(new Failure("internal", "router", "never", "dial given up: the router is shutting down"));
  }
}

/**
 * Dials an endpoint for a CONNECT tunnel: a connection of its own, never one of the pool. Rejects with a `Failure`;
 * nothing was sent then, so that another endpoint can be tried.
 */
export function dialTunnel(
  runtime: Runtime,
  endpoint: Endpoint,
  outgoing: Outgoing,
  options: ConnectOptions,
): Promise<Tunnel> {
  const dial = new TunnelDial();
  const { attempt } = outgoing;
  outgoing.sending = dial;
  runtime.connect({ ...options, times: attempt }, dial).then(
    (stream) => {
      attempt.gotConnection = true;
      attempt.localAddress = addressText(stream.localAddress, stream.localPort);
      outgoing.sending = undefined;
      dial.opened(stream);
    },
    (error: unknown) => {
      outgoing.sending = undefined;
      dial.fail(dialFailure(endpoint, error, options.tls !== undefined));
    },
  );
  return dial.promise;
}
