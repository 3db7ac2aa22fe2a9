import { longestTimerMs } from "../core/clock.ts";
import type { Failure } from "../core/forwarding/failure.ts";
import type { BackendResponse, Outgoing, Transport } from "../core/forwarding/transport.ts";
import type { Tunnel } from "../core/message.ts";
import type { Endpoint } from "../core/routing/endpoint.ts";
import type { ByteStream, ByteStreamHandler } from "../runtime/interface/byte-stream.ts";
import type { ConnectOptions } from "../runtime/interface/dialling.ts";
import type { ClientTls } from "../runtime/interface/tls.ts";
import type { Runtime } from "../runtime/interface.ts";
import { withoutBrackets } from "./backend-tls.ts";
import { ClientConnection, type ConnectionParts } from "./client-connection.ts";
import { ClientExchange } from "./client-exchange.ts";
import { dialFailure } from "./client-failures.ts";
import { ConnectionPool } from "./connection-pool.ts";
import type { Http2ClientParts } from "./http2/client-connection.ts";
import { Http2ClientPool, type Http2Dialler } from "./http2/client-pool.ts";
import { proxyHeader } from "./proxy-protocol/writer.ts";
import type { TimerWheel } from "./timer-wheel.ts";
import { dialTunnel } from "./tunnel-dial.ts";

/** 10 MiB, the limit of upstream's library (control-plane §1, `max_response_header_bytes`). */
const defaultHeadBytes = 10 * 1024 * 1024;
/** Connections that upstream's library keeps per host when told 0. */
const defaultIdlePerEndpoint = 2;
/** Idle time and interval of TCP keep-alive that upstream's library takes when told 0. */
const defaultProbeMs = 15_000;

/** Connections that begin with a PROXY header: each is one client's, and none is kept. */
const unshared = new ConnectionPool<ClientConnection>(0);

/** How to reach backends; durations in milliseconds. */
export interface TransportOptions {
  /** Name resolution and TCP connect (`endpoint_dial_timeout`). */
  readonly dialTimeoutMs: number;
  /** TCP keep-alive idle time and interval (`endpoint_keep_alive_probe_interval`), up to whole seconds; 0 means 15 s, negative: off. */
  readonly keepAliveProbeMs: number;
  /** False: a new connection for each request, which says `Connection: close` (`disable_keep_alives`). */
  readonly keepAlive: boolean;
  /** Idle connections of one endpoint (`max_idle_conns_per_host`); 0 means 2, negative none. */
  readonly maxIdlePerEndpoint: number;
  /** The same, as `max_idle_conns` limits an endpoint too (data-plane §4.8); 0: no limit, negative: none is kept. */
  readonly maxIdle: number;
  /** How long a connection may be idle; 90 s upstream. */
  readonly idleTimeoutMs: number;
  /** Longest response head in bytes; 0 or absent: 10 MiB. */
  readonly maxResponseHeadBytes?: number;
  /** Most header lines of a response; 0: unlimited. */
  readonly maxResponseHeaderLines: number;
  /** TLS towards an endpoint that is registered with a TLS port (data-plane §7.3). Without it such endpoints get plain HTTP. */
  readonly tls?: (endpoint: Endpoint) => ClientTls;
  /** Which addresses may be dialled; absent: any. */
  readonly admits?: (address: string) => boolean;
  /** Endpoints registered with `protocol: http2` are spoken to in HTTP/2 where their TLS agrees (data-plane §10.3). */
  readonly http2?: boolean;
  /** With `http2`: those without TLS too, by prior knowledge. */
  readonly http2PriorKnowledge?: boolean;
}

/** Protocols offered to an endpoint that may speak HTTP/2. */
const alpn = ["h2", "http/1.1"];

/** Kernels count the time to a probe in seconds: a part of one is a whole one, as upstream. */
function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000) * 1000;
}

/** The way to HTTP/1.1 backends over byte streams: a pool of connections per endpoint object (data-plane §4.8). */
class WireTransport implements Transport, ConnectionParts, Http2Dialler {
  readonly wheel: TimerWheel;
  readonly latin1: Runtime["latin1"];
  readonly headLimits: ConnectionParts["headLimits"];
  readonly keepAlive: boolean;
  readonly idleTimeoutMs: number;
  readonly http2: Http2ClientParts;
  readonly priorKnowledge: boolean;
  readonly #runtime: Runtime;
  readonly #options: TransportOptions;
  readonly #idleLimit: number;

  constructor(runtime: Runtime, wheel: TimerWheel, options: TransportOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.wheel = wheel;
    this.latin1 = (bytes, start, end) => runtime.latin1(bytes, start, end);
    this.headLimits = {
      maxBytes: options.maxResponseHeadBytes || defaultHeadBytes,
      maxLines: options.maxResponseHeaderLines,
    };
    this.keepAlive = options.keepAlive;
    this.idleTimeoutMs = options.idleTimeoutMs;
    this.priorKnowledge = options.http2PriorKnowledge === true;
    const { latin1, headLimits } = this;
    this.http2 = { wheel, latin1, headLimits, idleTimeoutMs: options.keepAlive ? options.idleTimeoutMs : 0 };
    const perEndpoint = options.maxIdlePerEndpoint === 0 ? defaultIdlePerEndpoint : options.maxIdlePerEndpoint;
    this.#idleLimit = Math.min(perEndpoint, options.maxIdle === 0 ? Number.POSITIVE_INFINITY : options.maxIdle);
  }

  send(endpoint: Endpoint, outgoing: Outgoing): Promise<BackendResponse | Tunnel> {
    const pool = this.#poolOf(endpoint);
    if (endpoint.protocol === "http2" && this.#mayMultiplex(endpoint, outgoing))
      return this.#multiplex(pool, endpoint, outgoing);
    const idle = endpoint.proxyProtocol === undefined ? pool.take() : undefined;
    const exchange = new ClientExchange(endpoint, outgoing, this.wheel, idle?.deadline);
    if (exchange.over) {
      idle?.rest();
      return exchange.promise;
    }
    if (idle === undefined) this.redial(exchange);
    else idle.carry(exchange);
    return exchange.promise;
  }

  /** A WebSocket needs a connection of its own, and HTTP/1.1 (data-plane §10.3). */
  #mayMultiplex(endpoint: Endpoint, outgoing: Outgoing): boolean {
    if (this.#options.http2 !== true || (!endpoint.tls && !this.priorKnowledge)) return false;
    return !outgoing.upgrade || outgoing.outbound.get("upgrade")?.toLowerCase() !== "websocket";
  }

  /** Sends on a connection that carries many requests at a time, or on whatever a new one turns out to speak. */
  #multiplex(
    pool: ConnectionPool<ClientConnection>,
    endpoint: Endpoint,
    outgoing: Outgoing,
  ): Promise<BackendResponse | Tunnel> {
    const connections = (pool.multiplexed as Http2ClientPool | undefined) ?? new Http2ClientPool(this, endpoint);
    pool.multiplexed = connections;
    const idle = connections.old ? pool.take() : undefined;
    const exchange = new ClientExchange(endpoint, outgoing, this.wheel, idle?.deadline);
    if (exchange.over) idle?.rest();
    else if (idle === undefined) connections.carry(exchange);
    else idle.carry(exchange);
    return exchange.promise;
  }

  dial(exchange: ClientExchange, handler: ByteStreamHandler): Promise<ByteStream> {
    const { endpoint } = exchange;
    const tls = endpoint.tls ? this.#options.tls?.(endpoint) : undefined;
    const options = this.#connectOptions(endpoint, tls && { ...tls, alpn }, exchange.outgoing);
    return this.#runtime.connect({ ...options, times: exchange.outgoing.attempt }, handler);
  }

  dialFailed(endpoint: Endpoint, error: unknown): Failure {
    return dialFailure(endpoint, error, endpoint.tls && this.#options.tls !== undefined);
  }

  carryHttp1(exchange: ClientExchange, stream: ByteStream): ByteStreamHandler {
    const { endpoint } = exchange;
    const connection = new ClientConnection(this, this.#poolOf(endpoint), stream.tls !== undefined);
    connection.opened(stream);
    connection.carry(exchange);
    return connection;
  }

  open(endpoint: Endpoint, outgoing: Outgoing): Promise<Tunnel> {
    const tls = endpoint.tls ? this.#options.tls?.(endpoint) : undefined;
    return dialTunnel(this.#runtime, endpoint, outgoing, this.#connectOptions(endpoint, tls, outgoing));
  }

  forget(endpoint: Endpoint): void {
    const pool = endpoint.connections as ConnectionPool<ClientConnection> | undefined;
    endpoint.connections = undefined;
    pool?.close();
  }

  redial(exchange: ClientExchange): void {
    const { endpoint } = exchange;
    const { attempt } = exchange.outgoing;
    const tls = endpoint.tls ? this.#options.tls?.(endpoint) : undefined;
    const pool = endpoint.proxyProtocol === undefined ? this.#poolOf(endpoint) : unshared;
    const connection = new ClientConnection(this, pool, tls !== undefined);
    const options = this.#connectOptions(endpoint, tls, exchange.outgoing);
    this.#runtime.connect({ ...options, times: attempt }, connection).then(
      (stream: ByteStream) => {
        connection.opened(stream);
        // Given up meanwhile: the next request can have the connection.
        if (exchange.over) connection.rest();
        else connection.carry(exchange);
      },
      (error: unknown) => exchange.fail(dialFailure(endpoint, error, tls !== undefined)),
    );
  }

  #connectOptions(endpoint: Endpoint, tls: ClientTls | undefined, { client }: Outgoing): ConnectOptions {
    const { dialTimeoutMs, keepAliveProbeMs, admits } = this.#options;
    const { proxyProtocol } = endpoint;
    return {
      // A message need not name a host (control-plane §2.4): then it is this machine, as for Go's dial of `:8080`.
      host: withoutBrackets(endpoint.host) || "127.0.0.1",
      port: endpoint.port,
      timeoutMs: dialTimeoutMs > 0 ? Math.min(dialTimeoutMs, longestTimerMs) : undefined,
      keepAliveMs: keepAliveProbeMs < 0 ? undefined : wholeSeconds(keepAliveProbeMs) || defaultProbeMs,
      tls,
      ...(admits === undefined ? {} : { admits }),
      ...(proxyProtocol === undefined ? {} : { preamble: proxyHeader(proxyProtocol, client) }),
    };
  }

  #poolOf(endpoint: Endpoint): ConnectionPool<ClientConnection> {
    endpoint.connections ??= new ConnectionPool<ClientConnection>(this.#idleLimit);
    return endpoint.connections as ConnectionPool<ClientConnection>;
  }
}

/**
 * The transport of the router's own listener: HTTP/1.1 on the runtime's byte streams, with keep-alive pools, deadlines
 * on `wheel`, interim responses, upgrades and bodies that move without stream objects.
 */
export function createTransport(runtime: Runtime, wheel: TimerWheel, options: TransportOptions): Transport {
  return new WireTransport(runtime, wheel, options);
}
