import type { ByteStream, ByteStreamHandler } from "../runtime/interface/byte-stream.ts";
import type { Listener } from "../runtime/interface/listening.ts";
import type { Runtime } from "../runtime/interface.ts";
import { tellInRounds } from "./farewell.ts";
import { VersionChoice } from "./http2/version-choice.ts";
import { ProxyEntry, type ProxyEntryHost } from "./proxy-protocol/entry.ts";
import type { ProxyHeader } from "./proxy-protocol/header.ts";
import { IntroducedStream } from "./proxy-protocol/introduced-stream.ts";
import { Roster } from "./roster.ts";
import { ServerConnection } from "./server-connection.ts";
import { HttpDate } from "./server-date.ts";
import type { ConnectionHost, Counted, Handler, Hosted, HostedConnection, ServerOptions } from "./server-options.ts";
import type { TimerWheel } from "./timer-wheel.ts";
import { TlsEntry, type TlsEntryHost } from "./tls-entry.ts";

/** What a client above the bound of connections gets. */
const tooManyConnections =
  "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
  "503 Service Unavailable: too many connections\n";

/**
 * So many clients above the bound are answered at a time; each holds a descriptor until its connection has ended, and
 * those are needed for backends. Further ones are just closed.
 */
const answeredAboveBound = 8;

/** A listener and its connections. */
export interface Server {
  readonly host: string;
  readonly port: number;
  /** Connections with a request being served; tunnels are not counted (control-plane §8.4). */
  readonly activeConnections: number;
  /** Connections between two requests. */
  readonly idleConnections: number;
  /** New clients are refused from now on. Resolves when the port is free. */
  stopAccepting(): Promise<void>;
  /** Closes idle connections now and each other one when it becomes idle; resolves when none is active. */
  drain(): Promise<void>;
  /**
   * Sends a close frame (1001) to both ends of every WebSocket that is open now, spread over so many milliseconds so
   * that not all clients come back at once. On the wire it needs `ServerOptions.webSocketFarewell`.
   */
  farewell(overMs: number): void;
  /** Cuts every connection, tunnels too. */
  destroy(): void;
}

class WireServer implements Server, ConnectionHost, ProxyEntryHost, TlsEntryHost {
  activeConnections = 0;
  idleConnections = 0;
  draining = false;
  readonly options: ServerOptions;
  readonly handler: Handler;
  readonly runtime: Runtime;
  readonly wheel: TimerWheel;
  readonly date: HttpDate;
  readonly latin1: ConnectionHost["latin1"];
  readonly #connections = new Roster<Hosted>();
  readonly #drained: (() => void)[] = [];
  #listener: Listener | undefined;

  constructor(runtime: Runtime, wheel: TimerWheel, options: ServerOptions, handler: Handler) {
    this.options = options;
    this.handler = handler;
    this.runtime = runtime;
    this.wheel = wheel;
    this.date = new HttpDate(runtime.clock, wheel);
    this.latin1 = runtime.latin1.bind(runtime);
  }

  get host(): string {
    return this.#listener!.host;
  }

  get port(): number {
    return this.#listener!.port;
  }

  async listen(): Promise<void> {
    const { listen, tls } = this.options;
    // A client that is still to begin with TLS would not understand an answer.
    const options = tls === undefined ? { excess: tooManyConnections, ...listen } : { ...listen, takeover: true };
    this.#listener = await this.runtime.listen(options, (stream) => this.#accept(stream));
  }

  #accept(stream: ByteStream): ByteStreamHandler {
    const above = this.#connections.size - (this.options.maxConnections ?? Number.POSITIVE_INFINITY);
    const { proxy } = this.options;
    if (proxy !== undefined && above < 0 && proxy.trusts(stream.remoteAddress)) {
      return this.#keep(new ProxyEntry(stream, proxy, this));
    }
    return this.#begin(stream, above);
  }

  introduced(entry: ProxyEntry, stream: ByteStream, header: ProxyHeader | undefined): ByteStreamHandler {
    this.#connections.delete(entry);
    return this.#begin(header?.source === undefined ? stream : new IntroducedStream(stream, header.source), -1);
  }

  /** What a stream begins with; `above`: how many connections there are above the bound. */
  #begin(stream: ByteStream, above: number): ByteStreamHandler {
    const { tls } = this.options;
    if (tls !== undefined) {
      if (above >= 0) stream.destroy();
      return this.#keep(new TlsEntry(stream, tls, this));
    }
    if (above < 0 && this.options.http2PriorKnowledge === true) return this.#choose(stream);
    const connection = new ServerConnection(stream, this);
    if (above >= answeredAboveBound) stream.destroy();
    else if (above >= 0) connection.turnAway(tooManyConnections);
    return this.#keep(connection);
  }

  /** A plain stream that may speak HTTP/2 (RFC 9113 §3.3): its first bytes tell. */
  #choose(stream: ByteStream): ByteStreamHandler {
    const { http2 } = this.options;
    if (http2 === undefined) return this.#keep(new ServerConnection(stream, this));
    const choice = new VersionChoice(stream, (speaksHttp2) => {
      this.#connections.delete(choice);
      return this.#keep(speaksHttp2 ? http2(stream, this) : new ServerConnection(stream, this));
    });
    return this.#keep(choice);
  }

  #keep<Connection extends HostedConnection>(connection: Connection): Connection {
    this.#connections.add(connection);
    return connection;
  }

  secured(entry: TlsEntry, stream: ByteStream): ByteStreamHandler {
    this.#connections.delete(entry);
    const { http2 } = this.options;
    if (http2 !== undefined && stream.tls?.alpn === "h2") return this.#keep(http2(stream, this));
    return this.#keep(new ServerConnection(stream, this));
  }

  stopAccepting(): Promise<void> {
    return this.#listener!.close();
  }

  drain(): Promise<void> {
    this.draining = true;
    for (const connection of this.#connections.all()) connection.drain();
    return new Promise((resolve) => {
      if (this.activeConnections === 0) resolve();
      else this.#drained.push(resolve);
    });
  }

  farewell(overMs: number): void {
    const open = this.#connections.all().flatMap((connection) => connection.webSockets?.() ?? []);
    const mask = (): Uint8Array => this.runtime.randomBytes(4);
    tellInRounds(this.runtime.clock, open, overMs, (webSocket) => webSocket.farewell(mask));
  }

  destroy(): void {
    for (const connection of this.#connections.all()) connection.destroy();
  }

  count(from: Counted, to: Counted): void {
    if (from === "active") this.activeConnections--;
    else if (from === "idle") this.idleConnections--;
    if (to === "active") this.activeConnections++;
    else if (to === "idle") this.idleConnections++;
    if (this.draining && this.activeConnections === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }

  took(tunnel: Hosted): void {
    this.#connections.add(tunnel);
  }

  removed(connection: Hosted): void {
    this.#connections.delete(connection);
  }
}

/**
 * Listens and serves HTTP/1.x, in plain or on TLS: keep-alive, pipelining, interim responses, upgrades (architecture §4).
 * Rejects with the `StreamError` of `Runtime.listen`.
 */
export async function serve(
  runtime: Runtime,
  wheel: TimerWheel,
  options: ServerOptions,
  handler: Handler,
): Promise<Server> {
  const server = new WireServer(runtime, wheel, options, handler);
  await server.listen();
  return server;
}
