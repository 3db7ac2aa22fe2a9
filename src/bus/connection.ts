import { connect, Events, type NatsConnection } from "nats.ws";
import { longestTimerMs } from "../core/clock.ts";
import type { ClientTls } from "../runtime/interface/tls.ts";
import type { Runtime } from "../runtime/interface.ts";
import { ConnectionError } from "./connection-error.ts";
import type { DivertedHandler } from "./diverted-input.ts";
import { type BusServer, hostPort } from "./server-list.ts";
import { StreamSocket } from "./stream-socket.ts";
import { openWebSocket } from "./web-socket.ts";

/** What every connection is made with. */
export interface ConnectionOptions {
  /** Authorities and key pair; the server name is the server's. */
  readonly tls: Omit<ClientTls, "serverName">;
  /** Milliseconds between PINGs; two unanswered ones end the connection. */
  readonly pingIntervalMs: number;
  /** Milliseconds for each step of connecting. */
  readonly timeoutMs: number;
}

/** One live connection to one server. It does not heal itself. */
export interface Connection {
  readonly nats: NatsConnection;
  readonly server: BusServer;
  /** `ip:port` of the server. */
  readonly address: string;
  /** The servers of the cluster (host:port each) that it named last; the ones of before when it is over. */
  readonly announced: () => readonly string[];
  /** Takes the messages of a subscription past nats.ws (`StreamSocket.divert`); undefined over WebSocket. */
  readonly divert: ((subscription: number, handler: DivertedHandler | undefined) => void) | undefined;
  /** Resolves when the connection is over, with the reason if there is one. */
  readonly lost: Promise<ConnectionError>;
}

type SocketFactory = (url: string) => Promise<{ socket: WebSocket; encrypted: boolean }>;

/**
 * nats.ws speaks the protocol of one connection; servers, retries and buffering are ours. It never sees the real URL
 * (it would turn `nats://h` into `ws://h:80` and drop user info), only a socket.
 */
async function speak(server: BusServer, options: ConnectionOptions, wsFactory: SocketFactory): Promise<NatsConnection> {
  const settings = {
    servers: "ws://server:4222",
    wsFactory,
    user: server.user,
    pass: server.pass,
    timeout: options.timeoutMs,
    pingInterval: Math.min(Math.max(options.pingIntervalMs, 0), longestTimerMs),
    maxPingOut: 2,
    reconnect: false,
    noAsyncTraces: true,
  };
  return await connect(settings);
}

/** The servers that a connection has named last; nats.ws forgets them when the connection is over. */
function announcements(nats: NatsConnection): () => readonly string[] {
  let urls: readonly string[] = nats.info?.connect_urls ?? [];
  const listen = async (): Promise<void> => {
    for await (const { type } of nats.status()) {
      if (type === Events.Update) urls = nats.info?.connect_urls ?? urls;
    }
  };
  void listen();
  return () => urls;
}

/** Connects to one server. Rejects with a `ConnectionError`. */
export async function openConnection(
  runtime: Runtime,
  server: BusServer,
  options: ConnectionOptions,
): Promise<Connection> {
  const authority = hostPort(server.hostname, server.port);
  const failed = (cause: unknown): ConnectionError => new ConnectionError(cause, server.hostname, authority);
  const tls: ClientTls = { ...options.tls, serverName: server.serverName };
  const live = (nats: NatsConnection, address: string, divert: Connection["divert"]): Connection => ({
    nats,
    server,
    address,
    announced: announcements(nats),
    divert,
    lost: nats.closed().then((cause) => failed(cause ?? undefined)),
  });

  if (server.transport === "websocket") {
    const opening = openWebSocket(server, tls, options.timeoutMs);
    try {
      // The platform's type, of which `ws` has what nats.ws uses.
      const socket = opening.socket as unknown as WebSocket;
      const nats = await speak(server, options, async () => ({ socket, encrypted: server.secure }));
      return live(nats, opening.address(), undefined);
    } catch (error) {
      opening.socket.terminate();
      throw failed(opening.failure() ?? error);
    }
  }

  let stream: StreamSocket;
  try {
    stream = await StreamSocket.open(runtime, {
      host: server.hostname,
      port: server.port,
      tls,
      insist: server.secure,
      timeoutMs: options.timeoutMs,
    });
  } catch (error) {
    throw failed(error);
  }
  try {
    const socket = stream as unknown as WebSocket;
    const nats = await speak(server, options, async () => ({ socket, encrypted: stream.encrypted }));
    return live(nats, stream.address, (subscription, handler) => stream.divert(subscription, handler));
  } catch (error) {
    const cause = stream.cause ?? error;
    stream.close();
    throw failed(cause);
  }
}
