import type { Logger } from "../core/observe/log.ts";
import type { Clock, Timer } from "../runtime/interface/clock.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { Bus, BusMessage, BusSubscription, EarlyHandler } from "./bus.ts";
import { type Connection, type ConnectionOptions, openConnection } from "./connection.ts";
import { type ConnectionError, publishError } from "./connection-error.ts";
import { type BusServer, hostPort, ServerList, type ServerListOptions } from "./server-list.ts";

/** The `nats` section of the configuration, and the ping interval. */
export interface BusOptions extends ServerListOptions {
  readonly tls_enabled: boolean;
  /** PEM, may hold several certificates; empty: the system's authorities. */
  readonly ca_certs: string;
  /** PEM; presented when the server asks for it. */
  readonly cert_chain: string;
  readonly private_key: string;
  /**
   * `nats_client_ping_interval` in milliseconds; also the period of the still-disconnected line. 0 or less: no such line,
   * and PINGs every two minutes.
   */
  readonly pingIntervalMs: number;
}

const sweeps = 3;
const sweepPauseMs = 100;
const connectTimeoutMs = 2000;
const reconnectWaitMs = 2000;
const jitterMs = 100;
const tlsJitterMs = 1000;
/** Milliseconds that a server has for each part of a goodbye. */
const goodbyeMs = 1000;
const bufferLimitBytes = 8 << 20;

const noServers = "nats: no servers available for connection";
const text = new TextEncoder();

interface Interest {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly handler: (message: BusMessage) => void;
  readonly early: EarlyHandler | undefined;
  /** Ends it on the current connection. */
  cancel: () => void;
}

interface Waiting {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly reply: string;
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

function randomOf(runtime: Runtime): () => number {
  return () => {
    const [a, b, c, d] = runtime.randomBytes(4);
    return (((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0) / 2 ** 32;
  };
}

class NatsBus implements Bus {
  readonly closed: Promise<Error | undefined>;
  readonly #runtime: Runtime;
  readonly #logger: Logger;
  readonly #servers: ServerList;
  readonly #options: ConnectionOptions;
  readonly #random: () => number;
  readonly #interests = new Set<Interest>();
  readonly #onReconnect: (() => void)[] = [];
  #connection: Connection;
  #connected = false;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #ended = false;
  #retry: { readonly timer: Timer; readonly wake: () => void } | undefined;
  #finish: (error: Error | undefined) => void = () => {};

  constructor(
    runtime: Runtime,
    logger: Logger,
    servers: ServerList,
    options: ConnectionOptions,
    random: () => number,
    connection: Connection,
  ) {
    this.#runtime = runtime;
    this.#logger = logger;
    this.#servers = servers;
    this.#options = options;
    this.#random = random;
    this.#connection = connection;
    this.closed = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#attach(connection);
  }

  get connected(): boolean {
    return this.#connected;
  }

  get host(): string {
    return hostOf(this.#connection.server);
  }

  publish(subject: string, payload: Uint8Array | string, reply = ""): void {
    if (this.#ended) throw new Error(`cannot publish to ${subject}: nats: connection closed`);
    if (subject === "") throw new Error("cannot publish: nats: invalid subject");
    const bytes = typeof payload === "string" ? text.encode(payload) : payload;
    if (this.#connected) {
      try {
        this.#connection.nats.publish(subject, bytes, { reply });
      } catch (error) {
        throw publishError(error);
      }
      return;
    }
    const size = subject.length + reply.length + bytes.length;
    if (this.#waitingBytes + size > bufferLimitBytes)
      throw new Error(`cannot publish to ${subject}: nats: outbound buffer limit exceeded`);
    this.#waiting.push({ subject, payload: bytes, reply });
    this.#waitingBytes += size;
  }

  subscribe(
    subject: string,
    handler: (message: BusMessage) => void,
    queue?: string,
    early?: EarlyHandler,
  ): BusSubscription {
    const interest: Interest = { subject, queue, handler, early, cancel() {} };
    this.#interests.add(interest);
    if (this.#connected) this.#express(interest);
    return {
      unsubscribe: () => {
        if (this.#interests.delete(interest) && this.#connected) interest.cancel();
      },
    };
  }

  inbox(): string {
    return `_INBOX.${this.#runtime.uuid().replaceAll("-", "")}`;
  }

  onReconnect(callback: () => void): void {
    this.#onReconnect.push(callback);
  }

  async flush(): Promise<void> {
    if (!this.#connected) return;
    // A connection lost meanwhile answers no flush.
    await Promise.race([this.#connection.nats.flush().catch(() => {}), this.#connection.lost]);
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    await this.#soon(this.flush());
    this.#ended = true;
    this.#connected = false;
    this.#retry?.timer.cancel();
    this.#retry?.wake();
    try {
      await this.#soon(this.#connection.nats.close());
    } finally {
      this.#finish(undefined);
    }
  }

  /** A server that stands still, or is behind a cut network, answers no goodbye: its end is waited for only so long. */
  async #soon(done: Promise<void>): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#runtime.clock.after(goodbyeMs, resolve);
    });
    try {
      await Promise.race([done, late]);
    } finally {
      timer?.cancel();
    }
  }

  #attach(connection: Connection): void {
    this.#connection = connection;
    this.#connected = true;
    connection.server.lastAuthError = "";
    this.#takeAnnounced(connection);
    for (const interest of this.#interests) this.#express(interest);
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { subject, payload, reply } of waiting) {
      try {
        connection.nats.publish(subject, payload, { reply });
      } catch (error) {
        // Larger than this server allows; nobody waits for the answer any more.
        this.#logger.error("nats-publish-failed", { subject, error: publishError(error).message });
      }
    }
    void this.#survive(connection);
  }

  #takeAnnounced(connection: Connection): void {
    this.#servers.announced(connection.announced(), connection.server);
  }

  #express(interest: Interest): void {
    const { subject, queue, handler, early } = interest;
    const { nats, divert } = this.#connection;
    const subscription = nats.subscribe(subject, {
      ...(queue !== undefined && { queue }),
      callback: (error, message) => {
        if (error !== null) this.#logger.error("nats-subscription-error", { subject, error: error.message });
        else handler({ subject: message.subject, payload: message.data, reply: message.reply ?? "" });
      },
    });
    const id = subscription.getID();
    if (early !== undefined) {
      divert?.(id, (subject, reply, input, start, end) => {
        if (!early(subject, input, start, end)) handler({ subject, payload: input.slice(start, end), reply });
      });
    }
    interest.cancel = () => {
      divert?.(id, undefined);
      subscription.unsubscribe();
    };
  }

  /** Waits for the end of a connection and finds the next one; the only place where connections are replaced. */
  async #survive(connection: Connection): Promise<void> {
    const cause = await connection.lost;
    if (this.#ended) return;
    this.#connected = false;
    this.#takeAnnounced(connection);
    this.#logger.info("nats-connection-disconnected", facts(connection));
    const { pingIntervalMs } = this.#options;
    let ticker: Timer | undefined;
    const schedule = (): void => {
      if (pingIntervalMs > 0) ticker = this.#runtime.clock.after(pingIntervalMs, tick, true);
    };
    const tick = (): void => {
      this.#logger.info("nats-connection-still-disconnected");
      schedule();
    };
    schedule();
    let next: Connection | Error;
    try {
      next = await this.#reconnect(connection.server, cause);
    } finally {
      ticker?.cancel();
    }
    if (this.#ended) {
      if (!(next instanceof Error)) await next.nats.close();
      return;
    }
    if (next instanceof Error) {
      this.#ended = true;
      this.#logger.error("nats-connection-closed", { error: "unexpected close", last_error: next.message });
      this.#finish(next);
      return;
    }
    this.#attach(next);
    this.#logger.info("nats-connection-reconnected", facts(next));
    for (const callback of this.#onReconnect) callback();
  }

  /** Goes round the servers until one takes us, or none may be asked any more: then the last error. */
  async #reconnect(last: BusServer, cause: ConnectionError): Promise<Connection | Error> {
    let error = cause;
    let tried = 0;
    let current = last;
    while (!this.#ended) {
      this.#servers.rotate(current);
      const server = this.#servers.first();
      if (server === undefined) return error;
      current = server;
      // Like nats.go: on with the next server at once, but a pause before the last of a sweep, the one just lost.
      if (++tried >= this.#servers.size) {
        tried = 0;
        await this.#wait(server.secure || this.#options.tls.keyPair !== undefined ? tlsJitterMs : jitterMs);
        if (this.#ended) break;
      }
      try {
        return await openConnection(this.#runtime, server, this.#options);
      } catch (failure) {
        error = failure as ConnectionError;
        if (error.auth !== "" && error.auth === server.lastAuthError) this.#servers.remove(server);
        server.lastAuthError = error.auth;
      }
    }
    return error;
  }

  #wait(jitter: number): Promise<void> {
    return new Promise((wake) => {
      const timer = this.#runtime.clock.after(reconnectWaitMs + this.#random() * jitter, wake);
      this.#retry = { timer, wake };
    });
  }
}

function hostOf(server: BusServer): string {
  return hostPort(server.hostname, server.port);
}

function facts(connection: Connection): { readonly host: string; readonly addr: string } {
  return { host: hostOf(connection.server), addr: connection.address };
}

/** No server took us. */
export class BusUnreachable extends Error {
  override readonly name = "BusUnreachable";
  /** Those that were tried, as `host:port`, without credentials. */
  readonly servers: readonly string[];
  constructor(message: string, servers: ServerList, cause: ConnectionError | undefined) {
    super(message, { cause });
    this.servers = servers.all().map(hostOf);
  }
}

/**
 * Connects to the first server that takes us (control-plane §2.1): up to three sweeps over all servers with 100 ms
 * after each. Rejects with `BusUnreachable`, whose text is that of the `nats-connection-error` line. From then on the bus
 * reconnects for ever; it gives up only when every server has refused our credentials twice.
 *
 * `logger` is the one with source `.nats`.
 */
export async function connectBus(runtime: Runtime, logger: Logger, options: BusOptions): Promise<Bus> {
  const random = randomOf(runtime);
  const servers = new ServerList(options, random);
  const pem = options.tls_enabled;
  const settings: ConnectionOptions = {
    tls: {
      ...(pem && options.ca_certs !== "" && { authorities: [options.ca_certs] }),
      ...(pem &&
        options.cert_chain !== "" && { keyPair: { certificate: options.cert_chain, key: options.private_key } }),
    },
    pingIntervalMs: options.pingIntervalMs,
    timeoutMs: connectTimeoutMs,
  };
  let last: ConnectionError | undefined;
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (const server of servers.all()) {
      try {
        const connection = await openConnection(runtime, server, settings);
        logger.info("Successfully-connected-to-nats", facts(connection));
        return new NatsBus(runtime, logger, servers, settings, random, connection);
      } catch (error) {
        last = error as ConnectionError;
      }
    }
    await pause(runtime.clock, sweepPauseMs);
  }
  throw new BusUnreachable(last === undefined || last.refused ? noServers : last.message, servers, last);
}
