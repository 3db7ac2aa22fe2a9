import type { ByteStream, ByteStreamHandler } from "../../../src/runtime/interface/byte-stream.ts";
import type { ConnectOptions } from "../../../src/runtime/interface/dialling.ts";
import type { Listener, ListenOptions } from "../../../src/runtime/interface/listening.ts";
import type { StreamError } from "../../../src/runtime/interface/stream-error.ts";
import type { Runtime } from "../../../src/runtime/interface.ts";

/** Resolves when `condition` holds; rejects after `ms` with `what`. Polls, so that a test needs no hook for it. */
export async function until(what: string, condition: () => boolean, ms = 8000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`did not happen within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Keeps what a stream tells: the names of the calls in order, and the bytes. */
export class Recorder implements ByteStreamHandler {
  readonly events: string[] = [];
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  cause: StreamError | undefined;
  /** Do not keep the bytes, only count them. */
  countOnly = false;

  data(bytes: Uint8Array): void {
    if (this.events.at(-1) !== "data") this.events.push("data");
    this.bytes += bytes.length;
    if (!this.countOnly) this.chunks.push(bytes);
  }
  drained(): void {
    this.events.push("drained");
  }
  ended(): void {
    this.events.push("ended");
  }
  closed(cause: StreamError | undefined): void {
    this.events.push("closed");
    this.cause = cause;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }
  get isClosed(): boolean {
    return this.events.includes("closed");
  }
}

/** Both ends of a connection. */
interface Pair {
  readonly client: ByteStream;
  readonly server: ByteStream;
  readonly atClient: Recorder;
  readonly atServer: Recorder;
  readonly listener: Listener;
}

/** Connects a stream to a listener of its own; `closeAll` closes them. */
export async function connectedPair(
  runtime: Runtime,
  listen: Partial<ListenOptions> = {},
  connect: Partial<ConnectOptions> = {},
): Promise<Pair> {
  const atServer = new Recorder();
  const atClient = new Recorder();
  let server: ByteStream | undefined;
  const listener = await runtime.listen({ host: "127.0.0.1", port: 0, ...listen }, (stream) => {
    server = stream;
    return atServer;
  });
  const where = listen.path === undefined ? { host: "127.0.0.1", port: listener.port } : { path: listen.path };
  cleanUps.push(async () => {
    server?.destroy();
    await listener.close();
  });
  const client = await runtime.connect({ ...where, ...connect }, atClient);
  cleanUps.push(async () => client.destroy());
  await until("the listener accepts", () => server !== undefined);
  return { client, server: server!, atClient, atServer, listener };
}

const cleanUps: (() => Promise<void>)[] = [];

/** Has something undone when the test is over, however it ends. */
export function afterwards(cleanUp: () => Promise<void>): void {
  cleanUps.push(cleanUp);
}

/** For `afterEach`: closes what the test opened. */
export async function closeAll(): Promise<void> {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
}
