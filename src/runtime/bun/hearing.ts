import type { SocketHandler } from "bun";
import type { Hearing, SocketOwner } from "./stream.ts";

type Handlers = SocketHandler<SocketOwner | undefined>;

/** What Bun's listeners have for this, of TCP and of unix sockets alike. */
interface Reloadable {
  /** Changes the handlers of the sockets that are open, too: they share them with the listener. */
  reload(options: { readonly socket: Handlers }): void;
}

/**
 * Lets a listener hear `data` only while one of its streams is read in plain. With TLS on a socket Bun tells each read of
 * encrypted bytes to the socket's plain side as well, with a copy of them, if the handlers hear `data`; and all sockets of
 * a listener have the same ones. So it hears while clients are awaited whose first bytes decide between TLS and something
 * else, and is deaf while all that are connected have begun with TLS: 0.6 us of a small request, for 1 us of a handshake.
 */
export class ListenerHearing implements Hearing {
  private readonly listener: Reloadable;
  private readonly hears: { readonly socket: Handlers };
  private readonly deaf: { readonly socket: Handlers };
  private plainStreams = 0;

  /** `deaf`: the listener's handlers so far; `data` is what they lack. */
  constructor(listener: Reloadable, deaf: Handlers, data: Handlers["data"]) {
    this.listener = listener;
    this.hears = { socket: { ...deaf, data } };
    this.deaf = { socket: deaf };
  }

  begin(): void {
    if (this.plainStreams++ === 0) this.listener.reload(this.hears);
  }

  end(): void {
    if (--this.plainStreams === 0) this.listener.reload(this.deaf);
  }
}
