import { Level, type Logger } from "../../core/observe/log.ts";
import type { ByteStream, ByteStreamHandler } from "../../runtime/interface/byte-stream.ts";
import type { Listener } from "../../runtime/interface/listening.ts";
import { StreamError } from "../../runtime/interface/stream-error.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { PacedInput } from "../paced-input.ts";
import { ClientSession, type Peer, type SessionContext } from "./client-session.ts";
import { SubjectTable } from "./subjects.ts";
import { listenWebSocket, type WebSocketListener } from "./web-socket-peer.ts";

/** How the embedded server listens and whom it lets in. */
interface EmbeddedBusOptions {
  /** 0 picks a free port. Default 4222. */
  readonly port?: number;
  /** 0 picks a free port. Default 4223. */
  readonly webSocketPort?: number;
  /** Demand these credentials; both empty: anybody on this machine. */
  readonly user?: string;
  readonly pass?: string;
  /** `nats.embedded_origins`: web pages that may connect. */
  readonly origins?: readonly string[];
  /** Bytes. Default 64 KiB. */
  readonly maxPayload?: number;
  /** Default 1000. */
  readonly maxClients?: number;
  /** Bytes that may wait for one client before it is cut. Default 64 MiB. */
  readonly maxPending?: number;
  /** Default 2 minutes; a client that leaves two PINGs unanswered is cut. */
  readonly pingIntervalMs?: number;
}

/** The running server. */
export interface EmbeddedBus {
  /** TCP, on 127.0.0.1. */
  readonly port: number;
  /** WebSocket, on 127.0.0.1. */
  readonly webSocketPort: number;
  /** Stops listening and cuts all clients. */
  close(): Promise<void>;
}

const host = "127.0.0.1";
/** A frame may hold several operations. */
const maxFrameBytes = 1 << 20;
/** Half of what our own client takes in a turn, so that one fast sender does not make it a slow consumer. */
const bytesPerTurn = 64 * 1024;

class StreamPeer implements Peer {
  readonly remoteAddress: string;
  readonly #stream: ByteStream;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.remoteAddress = stream.remoteAddress;
  }

  get pending(): number {
    return this.#stream.pending;
  }

  send(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }
}

class Server implements SessionContext {
  readonly clock: Runtime["clock"];
  readonly table: SessionContext["table"] = new SubjectTable();
  readonly credentials: SessionContext["credentials"];
  readonly maxPayload: number;
  readonly maxPending: number;
  readonly pingIntervalMs: number;
  readonly #logger: Logger;
  readonly #maxClients: number;
  readonly #serverId: string;
  readonly #sessions = new Set<ClientSession>();
  readonly #dirty = new Set<ClientSession>();
  #clients = 0;
  #turn = 0;

  constructor(runtime: Runtime, logger: Logger, options: EmbeddedBusOptions) {
    const { user = "", pass = "" } = options;
    this.clock = runtime.clock;
    this.credentials = user === "" && pass === "" ? undefined : { user, pass };
    this.maxPayload = options.maxPayload ?? 64 * 1024;
    this.maxPending = options.maxPending ?? 64 << 20;
    this.pingIntervalMs = options.pingIntervalMs ?? 120_000;
    this.#logger = logger;
    this.#maxClients = options.maxClients ?? 1000;
    this.#serverId = runtime.uuid().replaceAll("-", "").toUpperCase();
  }

  /** Members of a queue group take turns. */
  random(): number {
    this.#turn = (this.#turn + 0.6180339887) % 1;
    return this.#turn;
  }

  dirty(session: ClientSession): void {
    this.#dirty.add(session);
  }

  closed(session: ClientSession): void {
    this.#dirty.delete(session);
    this.#sessions.delete(session);
  }

  accept(peer: Peer, port: number): Pick<ClientSession, "data" | "closed"> {
    if (this.#sessions.size >= this.#maxClients) {
      this.#logger.warn("embedded-nats-too-many-clients", { limit: this.#maxClients });
      peer.send(new TextEncoder().encode("-ERR 'maximum connections exceeded'\r\n"));
      peer.end();
      return { data() {}, closed() {} };
    }
    const session = new ClientSession(peer, this, this.#info(peer, port));
    this.#sessions.add(session);
    return {
      data: (bytes) => {
        session.data(bytes);
        // One write per receiver for all that this input caused.
        for (const one of this.#dirty) one.flush();
        this.#dirty.clear();
      },
      closed: () => session.closed(),
    };
  }

  end(): void {
    for (const session of [...this.#sessions]) session.end();
  }

  #info(peer: Peer, port: number): string {
    const clientId = ++this.#clients;
    if (this.#logger.level <= Level.debug)
      this.#logger.debug("embedded-nats-client", { client: clientId, remote: peer.remoteAddress });
    return JSON.stringify({
      server_id: this.#serverId,
      server_name: "causeway",
      // The protocol level that we speak, which is what clients read from it.
      version: "2.9.0",
      proto: 1,
      host,
      port,
      headers: true,
      max_payload: this.maxPayload,
      client_id: clientId,
      client_ip: peer.remoteAddress,
      ...(this.credentials !== undefined && { auth_required: true }),
    });
  }
}

function serveStream(server: Server, stream: ByteStream): ByteStreamHandler {
  const session = server.accept(new StreamPeer(stream), stream.localPort);
  const input = new PacedInput(server.clock, stream, bytesPerTurn, 0, (bytes) => session.data(bytes.slice()));
  return {
    data: (bytes) => input.data(bytes),
    drained() {},
    ended() {
      input.finish();
      // A client that half-closes has nothing more to say, and nobody listens without its PONGs.
      stream.destroy();
    },
    closed() {
      input.finish();
      session.closed();
    },
  };
}

function taken(error: unknown, port: number, what: string, key: string): Error {
  const code = (error as { readonly code?: unknown }).code;
  const inUse = (error instanceof StreamError && error.kind === "address-in-use") || code === "EADDRINUSE";
  const reason = inUse ? "the port is taken, perhaps by another NATS server" : (error as Error).message;
  return new Error(
    `cannot start the embedded NATS server: ${what} ${host}:${port}: ${reason}; set nats.${key} to another port or use that server by nats.hosts`,
    { cause: error },
  );
}

/**
 * Starts the small NATS server of the program (architecture §6): core protocol with headers, wildcards and queue
 * groups, on loopback only, TCP and WebSocket. No clustering, no JetStream. Rejects with an `Error` that names the
 * port when one is taken.
 */
export async function startEmbeddedBus(
  runtime: Runtime,
  logger: Logger,
  options: EmbeddedBusOptions = {},
): Promise<EmbeddedBus> {
  const { port = 4222, webSocketPort = 4223, origins = [] } = options;
  const server = new Server(runtime, logger, options);
  let tcp: Listener;
  try {
    tcp = await runtime.listen({ host, port }, (stream) => serveStream(server, stream));
  } catch (error) {
    throw taken(error, port, "TCP", "embedded_port");
  }
  let web: WebSocketListener;
  try {
    web = await listenWebSocket(host, webSocketPort, maxFrameBytes, { origins }, (peer) =>
      server.accept(peer, web.port),
    );
  } catch (error) {
    await tcp.close();
    throw taken(error, webSocketPort, "WebSocket", "embedded_websocket_port");
  }
  return {
    port: tcp.port,
    webSocketPort: web.port,
    async close() {
      server.end();
      await Promise.all([tcp.close(), web.close()]);
    },
  };
}
