import type { Config } from "../../core/config/schema.ts";
import { deferred } from "../../core/deferred.ts";
import { createLogger } from "../../core/observe/json-logger.ts";
import { Level } from "../../core/observe/log.ts";
import { RequestMetrics } from "../../core/observe/metrics.ts";
import { createRouter } from "../../core/router.ts";
import { Endpoint } from "../../core/routing/endpoint.ts";
import { Registry } from "../../core/routing/registry.ts";
import { serverOptions, transportOptions } from "../../native/wire-options.ts";
import type { ByteStream, ByteStreamHandler } from "../../runtime/interface/byte-stream.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { HeaderLines } from "../../wire/header-lines.ts";
import { serve } from "../../wire/server.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { createTransport } from "../../wire/transport.ts";

const host = "rehearsal.causeway.invalid";
/** As many as a load test has, so that batches of events are of a usual size. */
const clients = 32;
/** After so many requests every runtime has compiled what it compiles. */
const enough = 60_000;
const loopback = { host: "127.0.0.1", port: 0 };

const text = (length: number): string => "x".repeat(length);
const small = `GET /rehearsal HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: causeway\r\nAccept: */*\r\n\r\n`;
const upload = `POST /rehearsal HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 16384\r\n\r\n${text(16_384)}`;
const large = `GET /large HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const last = `GET /rehearsal HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
const answers = { "/rehearsal": text(1024), "/large": text(65_536) };

/** A client that sends one request after the other; most of them small. */
class Client implements ByteStreamHandler {
  readonly #rehearsal: Rehearsal;
  #stream: ByteStream | undefined;
  #sent = 0;
  #missing = 0;

  constructor(rehearsal: Rehearsal) {
    this.#rehearsal = rehearsal;
  }

  async start(): Promise<void> {
    this.#stream = await this.#rehearsal.dial(this);
    this.#next();
  }

  stop(): void {
    this.#stream?.destroy();
  }

  data(bytes: Uint8Array): void {
    if (this.#missing === 0) {
      const head = this.#rehearsal.runtime.latin1(bytes, 0, Math.min(bytes.length, 1024));
      const end = head.indexOf("\r\n\r\n") + 4;
      const length = /content-length: (\d+)/i.exec(head);
      this.#missing = end + Number(length?.[1] ?? 0);
    }
    this.#missing -= bytes.length;
    if (this.#missing > 0) return;
    this.#missing = 0;
    if (this.#rehearsal.served()) this.#next();
  }

  drained(): void {}
  ended(): void {
    this.#stream?.destroy();
  }
  closed(): void {
    if (this.#rehearsal.going) void this.start().catch(() => {});
  }

  #next(): void {
    const turn = this.#sent++ % 40;
    this.#stream!.writeText(turn === 10 ? upload : turn === 20 ? large : turn === 39 ? last : small);
  }
}

/** What a rehearsal keeps. */
class Rehearsal {
  readonly runtime: Runtime;
  readonly #port: number;
  readonly #ended: () => void;
  going = true;
  count = 0;

  constructor(runtime: Runtime, port: number, ended: () => void) {
    this.runtime = runtime;
    this.#port = port;
    this.#ended = ended;
  }

  dial(handler: ByteStreamHandler): Promise<ByteStream> {
    return this.runtime.connect({ host: loopback.host, port: this.#port }, handler);
  }

  /** A response is complete. True: go on. */
  served(): boolean {
    if (++this.count >= enough) this.end();
    return this.going;
  }

  end(): void {
    this.going = false;
    this.#ended();
  }
}

/** How long to rehearse in a start delay of so many milliseconds: it is to be over before the ports open. */
export function rehearsalMs(delayMs: number): number {
  return Math.min(delayMs * 0.8, 4000);
}

/**
 * Serves requests of its own for at most `ms` milliseconds, by a router, a backend and clients that have nothing in common
 * with the real ones but their code, over loopback: so the runtime has compiled the path of a request before
 * the first real one comes. It runs while a starting router waits for registrations anyway (control-plane §8.2).
 * Gives the number of requests; what goes wrong in it ends it and is nobody's business.
 */
export async function rehearse(runtime: Runtime, wheel: TimerWheel, config: Config, ms: number): Promise<number> {
  const { clock } = runtime;
  const silent = createLogger({ write: () => {}, clock, source: "", level: Level.silent, timestamps: "unix-epoch" });
  const transport = createTransport(runtime, wheel, transportOptions(config));
  const random = (): number => 0;
  const registry = new Registry({ settings: config, clock, random, log: silent });
  const backend = await serve(runtime, wheel, { listen: loopback, ...serverOptions(config) }, (_request, client) => ({
    status: 200,
    statusText: "OK",
    headers: new HeaderLines(),
    body: null,
    content: answers[client.target as keyof typeof answers],
  }));
  const endpoint = new Endpoint({ host: backend.host, port: backend.port, applicationId: "rehearsal" });
  registry.register(host, endpoint);
  const router = createRouter({
    settings: config,
    registry,
    transport,
    clock,
    random: { uuid: () => runtime.uuid(), bytes: (length) => runtime.randomBytes(length) },
    logger: silent,
    accessLog: { write() {} },
    metrics: new RequestMetrics(),
    health: { state: "healthy" },
    address: loopback.host,
    newHeaders: () => new HeaderLines(),
  });
  const server = await serve(runtime, wheel, { listen: loopback, ...serverOptions(config) }, (request, client) =>
    router.fetch(request, client),
  );
  const { promise, resolve } = deferred<void>();
  const rehearsal = new Rehearsal(runtime, server.port, resolve);
  const timer = clock.after(ms, () => rehearsal.end());
  const all = Array.from({ length: clients }, () => new Client(rehearsal));
  try {
    await Promise.all(all.map((client) => client.start()));
    await promise;
  } finally {
    rehearsal.going = false;
    timer.cancel();
    for (const client of all) client.stop();
    transport.forget(endpoint);
    server.destroy();
    backend.destroy();
    await Promise.all([server.stopAccepting(), backend.stopAccepting()]);
  }
  return rehearsal.count;
}
