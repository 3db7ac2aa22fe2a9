import type { Bus } from "../bus/bus.ts";
import { connectBus } from "../bus/client.ts";
import { deferred } from "../core/deferred.ts";
import type { Lager } from "../core/observe/lager.ts";
import type { LogData, Logger } from "../core/observe/log.ts";
import type { Timer } from "../runtime/interface/clock.ts";
import type { Runtime } from "../runtime/interface.ts";
import type { MessageBusServer } from "./config/document.ts";

/** PEM texts for TLS towards NATS; the authorities are the only trust root (route-registrar §4.3). */
export interface NatsTls {
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
}

/** What goes out on the bus after a reconnect. */
interface Repeater {
  repeat(): void;
}

const pingIntervalMs = 20_000;
const firstWaitMs = 1000;
const longestWaitMs = 10_000;

/**
 * The URL of a server, credentials escaped; `host` may be an URL itself (`wss://nats.example`), so that a server can be
 * reached over WebSocket. Without a scheme it is TCP, with TLS when that is configured.
 *
 * @throws TypeError when host and port are none.
 */
function serverUrl({ host, user, password }: MessageBusServer, tls: boolean): string {
  const separator = host.indexOf("://");
  const scheme = separator < 0 ? (tls ? "tls" : "nats") : host.slice(0, separator);
  const rest = separator < 0 ? host : host.slice(separator + 3);
  if (rest === "" || rest.includes("@") || !URL.canParse(`http://${rest}`))
    throw new TypeError(`${JSON.stringify(host)} is no host and port; write name:port`);
  if (!["nats", "tls", "ws", "wss"].includes(scheme.toLowerCase()))
    throw new TypeError(`${JSON.stringify(host)} has an unknown scheme; write name:port, ws:// or wss://`);
  const credentials =
    user === "" && password === "" ? "" : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
  return `${scheme}://${credentials}${rest}`;
}

/**
 * The connection to NATS: made and made anew for ever, in random order of the servers (route-registrar §10). What is to be
 * said while there is none is not queued here: whoever wants to be heard is asked to repeat itself once there is one.
 */
export class NatsLink {
  readonly #runtime: Runtime;
  readonly #logger: Lager;
  readonly #urls: string[] = [];
  readonly #hosts: string[] = [];
  readonly #tls: NatsTls | undefined;
  readonly #repeaters = new Set<Repeater>();
  #bus: Bus | undefined;
  #ended = false;
  #pause: { readonly timer: Timer; readonly wake: () => void } | undefined;
  #waiting: (() => void)[] = [];

  /** @throws Error when none of the servers can be used; each of those is logged as `nats-url-parse-failed`. */
  constructor(runtime: Runtime, logger: Lager, servers: readonly MessageBusServer[], tls: NatsTls | undefined) {
    this.#runtime = runtime;
    this.#logger = logger;
    this.#tls = tls;
    let fault = "";
    for (const server of servers) {
      try {
        this.#urls.push(serverUrl(server, tls !== undefined));
        this.#hosts.push(server.host);
      } catch (error) {
        fault = (error as Error).message;
        logger.error("nats-url-parse-failed", fault, { "nats-host": server.host });
      }
    }
    if (this.#urls.length === 0) throw new Error(`none of message_bus_servers can be used: ${fault}`);
  }

  get connected(): boolean {
    return this.#bus?.connected === true;
  }

  /** Begins to connect, for ever; resolves when the first attempt is over, whatever came of it. */
  async open(): Promise<void> {
    const first = deferred<void>();
    void this.#keep(first.resolve);
    await first.promise;
  }

  add(repeater: Repeater): void {
    this.#repeaters.add(repeater);
  }

  remove(repeater: Repeater): void {
    this.#repeaters.delete(repeater);
  }

  /** Sends, if there is a connection; gives why it could not. */
  publish(subject: string, body: string): Error | undefined {
    if (this.#bus?.connected !== true) return new Error("nats: connection closed");
    this.#logger.debug("publishing-message", { msg: body });
    try {
      this.#bus.publish(subject, body);
      return undefined;
    } catch (error) {
      // Larger than the server takes, say.
      this.#logger.error("nats-publish-failed", (error as Error).message, { subject });
      return error as Error;
    }
  }

  /** Resolves once there is a connection (or the link was closed). */
  async whenConnected(): Promise<void> {
    if (!this.connected && !this.#ended) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when the server has processed everything published so far. */
  async flush(): Promise<void> {
    await this.#bus?.flush();
  }

  /** Sends what was published and ends the connection. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#pause?.timer.cancel();
    this.#pause?.wake();
    this.#connectedNow();
    await this.#bus?.close();
  }

  async #keep(tried: () => void): Promise<void> {
    let wait = firstWaitMs;
    while (!this.#ended) {
      try {
        const bus = await this.#connect();
        if (this.#ended) return await bus.close();
        wait = firstWaitMs;
        this.#bus = bus;
        bus.onReconnect(() => this.#repeatAll());
        this.#repeatAll();
        tried();
        await bus.closed;
      } catch (error) {
        this.#logger.error("nats-connection-failed", (error as Error).message, { "nats-hosts": this.#hosts });
        tried();
      }
      await this.#sleep(wait * (0.5 + (this.#runtime.randomBytes(1)[0]! / 255) * 0.5));
      wait = Math.min(wait * 2, longestWaitMs);
    }
  }

  #connect(): Promise<Bus> {
    return connectBus(this.#runtime, busLog(this.#logger), {
      hosts: [],
      servers: this.#urls,
      user: "",
      pass: "",
      tls_enabled: this.#tls !== undefined,
      ca_certs: this.#tls?.authorities ?? "",
      cert_chain: this.#tls?.certificate ?? "",
      private_key: this.#tls?.key ?? "",
      pingIntervalMs,
    });
  }

  #repeatAll(): void {
    this.#connectedNow();
    for (const repeater of this.#repeaters) repeater.repeat();
  }

  #connectedNow(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #sleep(ms: number): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((wake) => {
      this.#pause = { timer: this.#runtime.clock.after(ms, wake), wake };
    });
  }
}

/** The bus's log lines under the registrar's names (route-registrar §3.3). */
function busLog(lager: Lager): Logger {
  const host = (data: LogData | undefined): unknown => data?.["host"] ?? "";
  const informed: Readonly<Record<string, string>> = {
    "Successfully-connected-to-nats": "nats-connection-successful",
    "nats-connection-disconnected": "nats-connection-disconnected",
    "nats-connection-reconnected": "nats-connection-reconnected",
  };
  let last: unknown = "";
  const logger: Logger = {
    level: 1,
    debug() {},
    info(message, data) {
      const name = informed[message];
      if (name === undefined) return;
      last = host(data);
      lager.info(name, { "nats-host": last });
    },
    warn() {},
    error(message, data) {
      if (message === "nats-connection-closed") {
        lager.error(message, "unexpected nats conn closed", { "nats-host": last, "last-error": data?.["last_error"] });
      } else lager.error(message, String(data?.["error"] ?? ""));
    },
    source: () => logger,
  };
  return logger;
}
