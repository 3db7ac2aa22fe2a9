import { unlinkSync } from "node:fs";
import type { SocketHandler } from "bun";
import { plainAddress, showAddress } from "../base/address.ts";
import { descriptorClosed, descriptorOpened, roomToAccept, roomToDial } from "../base/descriptors.ts";
import { noDescriptor } from "../base/dial-errors.ts";
import type { Accept } from "../base/net-listen.ts";
import { PendingDial } from "../base/pending-dial.ts";
import { streamError } from "../base/stream-error.ts";
import { turnAway } from "../base/turn-away.ts";
import type { ByteStream, ByteStreamHandler } from "../interface/byte-stream.ts";
import type { ConnectOptions } from "../interface/dialling.ts";
import type { Listener, ListenOptions } from "../interface/listening.ts";
import type { ClientTls } from "../interface/tls.ts";
import { collectWithGrowth } from "./growth-collection.ts";
import { ListenerHearing } from "./hearing.ts";
import { listenFault } from "./listen-fault.ts";
import { rethrown } from "./socket-errors.ts";
import { BunStream, type SocketOwner, type StreamSocket } from "./stream.ts";
import { handshakeAsClientBun } from "./tls-client.ts";
import { bunAcceptorFor } from "./tls-server.ts";

type Handlers = SocketHandler<SocketOwner | undefined>;

function ignored(): void {}

const noBytes = new Uint8Array(0);

/** What every socket does after it was opened whose bytes TLS takes. */
const deaf = {
  drain: (socket) => socket.data?.flush(),
  end: (socket) => socket.data?.peerEnded(),
  // The cause of a failure comes with `close`.
  error: (_socket, error) => void rethrown(error),
  close(socket, error) {
    descriptorClosed();
    const stream = socket.data;
    stream?.socketClosed(error ? streamError(error, `use the connection${stream.peerText}`, "read") : undefined);
  },
} satisfies Handlers;

/** The same for sockets that are read in plain. */
const shared = { ...deaf, data: (socket, bytes) => socket.data?.arrived(bytes) } satisfies Handlers;

/** `Runtime.listen` on `Bun.listen`. */
export async function listenBun(options: ListenOptions, accept: Accept): Promise<Listener> {
  const { path, host, port = 0, reusePort = false, excess } = options;
  const acceptor = options.tls === undefined ? undefined : bunAcceptorFor(options.tls);
  const secured = (stream: BunStream): void => {
    stream.handler = accept(stream);
  };
  let hearing: ListenerHearing | undefined;
  const socket: Handlers = {
    ...(acceptor === undefined && options.takeover !== true ? shared : deaf),
    open(opened) {
      const room = roomToAccept();
      descriptorOpened();
      collectWithGrowth();
      const stream = new BunStream(opened as StreamSocket, path !== undefined);
      opened.data = stream;
      if (hearing !== undefined) stream.isHeard(hearing);
      if (!room) turnAway(stream, acceptor === undefined ? excess : undefined);
      else if (acceptor === undefined) stream.handler = accept(stream);
      else acceptor.accept(stream, noBytes, { secured, failed: ignored });
    },
  };
  const common = { socket, allowHalfOpen: true, data: undefined as SocketOwner | undefined };
  try {
    if (path !== undefined) {
      const listener = Bun.listen({ ...common, unix: path });
      if (options.takeover === true) hearing = new ListenerHearing(listener, socket, shared.data);
      const close = async (): Promise<void> => {
        listener.stop();
        unlinkQuietly(path);
      };
      return { host: "", port: 0, close };
    }
    const tcp = { ...common, port, exclusive: !reusePort, reusePort };
    const listener = listenTcp(host, (hostname) => Bun.listen({ ...tcp, hostname }));
    if (options.takeover === true) hearing = new ListenerHearing(listener, socket, shared.data);
    return { host: listener.hostname, port: listener.port, close: async () => listener.stop() };
  } catch (error) {
    throw streamError(listenFault(error as Error, host), `listen on ${showAddress(options)}`, "listen");
  }
}

function listenTcp<T>(host: string | undefined, listen: (hostname: string) => T): T {
  if (host) return listen(host);
  try {
    return listen("::");
  } catch (error) {
    // A machine without IPv6.
    const code = (error as { code?: string }).code;
    if (code !== "EAFNOSUPPORT" && code !== "EADDRNOTAVAIL") throw error;
    return listen("0.0.0.0");
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Bun has removed it already, or somebody else did.
  }
}

/** A dial under way: what its socket belongs to until it is open. */
class Dial extends PendingDial implements SocketOwner {
  readonly peerText = "";

  start(): void {
    const { path, host = "127.0.0.1", port = 0 } = this.options;
    this.limit();
    const socket = this.options.tls === undefined ? dialling : diallingTls;
    const common = { socket, allowHalfOpen: true, data: this };
    try {
      const dialled =
        path === undefined ? Bun.connect({ ...common, hostname: host, port }) : Bun.connect({ ...common, unix: path });
      descriptorOpened();
      collectWithGrowth();
      dialled.then(ignored, ignored);
    } catch (error) {
      // A port out of range, say.
      this.failed(error);
    }
  }

  opened(socket: StreamSocket): void {
    if (!this.settle()) {
      socket.terminate();
      return;
    }
    const { keepAliveMs, path, host = "127.0.0.1", port = 0, preamble } = this.options;
    if (keepAliveMs !== undefined) socket.setKeepAlive(true, keepAliveMs);
    // Names have become addresses before the dial.
    const peer = path === undefined ? { address: plainAddress(host), port } : undefined;
    const stream = new BunStream(socket, path !== undefined, undefined, peer);
    socket.data = stream;
    stream.handler = this.handler;
    if (preamble !== undefined) stream.write(preamble);
    if (this.options.tls === undefined) this.resolve(stream);
    else this.#secure(stream, this.options.tls);
  }

  #secure(stream: BunStream, tls: ClientTls): void {
    const begun = performance.now();
    const { times } = this.options;
    const local = showAddress({ host: stream.localAddress, port: stream.localPort });
    const timed = (): void => {
      if (times !== undefined) times.tlsMs = performance.now() - begun;
    };
    handshakeAsClientBun(stream, tls, this.action, {
      secured: (secure) => {
        timed();
        secure.handler = this.handler;
        this.resolve(secure);
      },
      failed: (error) => {
        timed();
        error.local = local;
        this.reject(error);
      },
    });
  }

  failed(error: unknown): void {
    if (this.settle()) this.reject(streamError(error, this.action, "connect"));
  }

  protected abandon(): void {
    // Bun cannot take a dial back: when it comes to an end, `settle` says that nobody wants it.
  }

  // Nothing is heard of a socket before it is open, nor of one that opened too late.
  arrived(): void {}
  flush(): void {}
  peerEnded(): void {}
  socketClosed(): void {}
}

/** Once for all dials: what differs is in the socket's `data`. */
const diallingTls: Handlers = {
  ...deaf,
  open: (socket) => (socket.data as Dial).opened(socket as StreamSocket),
  connectError(socket, error) {
    descriptorClosed();
    (socket.data as Dial).failed(error);
  },
};

const dialling: Handlers = { ...diallingTls, data: shared.data };

/** `Runtime.connect` on `Bun.connect`, of addresses. */
export function connectBun(options: ConnectOptions, handler: ByteStreamHandler): Promise<ByteStream> {
  const action = `dial ${showAddress(options)}`;
  if (!roomToDial()) return Promise.reject(noDescriptor(action));
  return new Promise((resolve, reject) => new Dial(action, options, handler, resolve, reject).start());
}
