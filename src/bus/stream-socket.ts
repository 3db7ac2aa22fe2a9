import { limitTime } from "../core/time-limit.ts";
import type { ByteStream, ByteStreamHandler } from "../runtime/interface/byte-stream.ts";
import type { Timer } from "../runtime/interface/clock.ts";
import type { StreamError } from "../runtime/interface/stream-error.ts";
import type { ClientTls } from "../runtime/interface/tls.ts";
import type { Runtime } from "../runtime/interface.ts";
import { type DivertedHandler, DivertedInput } from "./diverted-input.ts";
import { PacedInput } from "./paced-input.ts";

/** How to reach a NATS server over TCP. */
interface StreamSocketOptions {
  readonly host: string;
  readonly port: number;
  /** Used when the server's INFO demands TLS, or when `insist` is set. */
  readonly tls: ClientTls;
  /** Fail rather than go on in plain text when the server does not offer TLS (`tls://`). */
  readonly insist: boolean;
  /** For each step: dial, INFO, TLS handshake. Milliseconds. */
  readonly timeoutMs: number;
}

/** An INFO line is a few kilobytes even in large clusters; a peer that sends more without a line end is no NATS server. */
const maxInfoBytes = 1 << 20;
/** How long a peer may take to answer our FIN before the connection is cut. */
const lingerMs = 1000;

/** Some 4000 heartbeats; registrations reach the end of their time before. */
const bytesPerTurn = 512 * 1024;
/** What may wait: as much as upstream's client takes in before it drops messages (`message-queue.ts`). */
const maxWaitingBytes = 128 * 1024 * 1024;

interface ServerInfo {
  readonly tls_required?: boolean;
  readonly tls_available?: boolean;
}

/** Index of the LF that ends the first line, or -1. */
function lineEnd(chunks: readonly Uint8Array[]): number {
  let before = 0;
  for (const chunk of chunks) {
    const at = chunk.indexOf(0x0a);
    if (at >= 0) return before + at;
    before += chunk.length;
  }
  return -1;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function infoOf(line: string): ServerInfo {
  if (!/^INFO\s/i.test(line)) throw new Error(`nats: expected 'INFO', got '${line.slice(0, 40).trim()}'`);
  return JSON.parse(line.slice(5)) as ServerInfo;
}

/** Collects what the server says before we do: its INFO line. */
class InfoReader implements ByteStreamHandler {
  readonly chunks: Uint8Array[] = [];
  readonly line: Promise<string>;
  #size = 0;
  #resolve: (line: string) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor() {
    this.line = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.line.catch(() => {});
  }

  fail(error: Error): void {
    this.#reject(error);
  }

  data(bytes: Uint8Array): void {
    this.chunks.push(bytes);
    this.#size += bytes.length;
    const end = lineEnd(this.chunks);
    if (end >= 0) this.#resolve(new TextDecoder().decode(joined(this.chunks).subarray(0, end)));
    else if (this.#size > maxInfoBytes) this.fail(new Error("nats: the peer sends no INFO line; is it a NATS server?"));
  }

  drained(): void {}

  ended(): void {
    this.fail(new Error("EOF"));
  }

  closed(cause: StreamError | undefined): void {
    this.fail(cause ?? new Error("EOF"));
  }
}

/**
 * A WebSocket-shaped object over a TCP stream, for the `wsFactory` of nats.ws: the NATS protocol is the same on both.
 * It exists once the server's INFO was read and TLS, if demanded, is up; INFO is held back until then and is the
 * first message. Implements just what nats.ws touches.
 */
export class StreamSocket implements ByteStreamHandler {
  binaryType = "arraybuffer";
  onopen: (() => void) | null = null;
  onclose: ((event: { readonly wasClean: boolean; readonly reason: string }) => void) | null = null;
  onerror: ((event: { readonly message: string }) => void) | null = null;
  /** nats.ws waits for 0 before it closes a dead connection, which would be for ever; `close` flushes by itself. */
  readonly bufferedAmount = 0;
  /** `ip:port` of the server. */
  readonly address: string;
  readonly encrypted: boolean;
  /** Why the stream ended, when it was no orderly end. */
  cause: StreamError | undefined;
  readonly #runtime: Runtime;
  readonly #stream: ByteStream;
  readonly #input: PacedInput;
  #onmessage: ((event: { readonly data: Uint8Array }) => void) | null = null;
  readonly #diverted = new DivertedInput((data) => this.#arrived(data));
  #held: Uint8Array[];
  #ended = false;
  #linger: Timer | undefined;

  private constructor(runtime: Runtime, stream: ByteStream, held: Uint8Array[]) {
    this.#runtime = runtime;
    this.#stream = stream;
    this.#input = new PacedInput(runtime.clock, stream, bytesPerTurn, maxWaitingBytes, (data) =>
      this.#diverted.data(data),
    );
    this.#held = [];
    for (const data of held) this.#diverted.data(data);
    this.encrypted = stream.tls !== undefined;
    const { remoteAddress, remotePort } = stream;
    this.address = remoteAddress.includes(":") ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
  }

  /** Dials, reads INFO, does the TLS handshake. Rejects with a `StreamError` or an `Error`. */
  static async open(runtime: Runtime, options: StreamSocketOptions): Promise<StreamSocket> {
    const { host, port, timeoutMs } = options;
    const reader = new InfoReader();
    const stream = await runtime.connect({ host, port, timeoutMs, keepAliveMs: 15_000, takeover: true }, reader);
    const timer = limitTime(runtime.clock, timeoutMs, () => {
      const { localAddress, localPort, remoteAddress, remotePort } = stream;
      const ends = `${localAddress}:${localPort}->${remoteAddress}:${remotePort}`;
      reader.fail(new Error(`read tcp ${ends}: i/o timeout`));
    });
    try {
      const info = infoOf(await reader.line);
      if (info.tls_required !== true && !(options.insist && info.tls_available === true)) {
        if (options.insist) throw new Error("nats: secure connection not available");
        const socket = new StreamSocket(runtime, stream, reader.chunks);
        stream.handler = socket;
        return socket;
      }
      const early: Uint8Array[] = [joined(reader.chunks)];
      const socket = new HandOver();
      const secure = await runtime.secureClient(stream, { ...options.tls, handshakeTimeoutMs: timeoutMs }, socket);
      return socket.to(new StreamSocket(runtime, secure, [...early, ...socket.chunks]), secure);
    } catch (error) {
      stream.destroy();
      throw error;
    } finally {
      timer.cancel();
    }
  }

  /** Messages of that subscription go to the handler, not to nats.ws; undefined: no longer. */
  divert(subscription: number, handler: DivertedHandler | undefined): void {
    this.#diverted.divert(subscription, handler);
  }

  get onmessage(): ((event: { readonly data: Uint8Array }) => void) | null {
    return this.#onmessage;
  }

  set onmessage(callback: ((event: { readonly data: Uint8Array }) => void) | null) {
    this.#onmessage = callback;
    if (callback === null) return;
    const held = this.#held;
    this.#held = [];
    for (const data of held) queueMicrotask(() => callback({ data }));
  }

  send(data: ArrayBuffer): void {
    if (!this.#ended) this.#stream.write(new Uint8Array(data));
  }

  /** Flushes, half-closes, and cuts the connection when the peer does not close its side soon. */
  close(): void {
    if (this.#linger !== undefined) return;
    this.#linger = this.#runtime.clock.after(lingerMs, () => this.#stream.destroy(), true);
    if (!this.#ended) this.#stream.end();
  }

  data(bytes: Uint8Array): void {
    this.#input.data(bytes);
    this.#runtime.giveBack(bytes);
  }

  drained(): void {}

  ended(): void {
    this.#ended = true;
    this.#input.whenEmpty(() => this.#stream.destroy());
  }

  closed(cause: StreamError | undefined): void {
    this.#ended = true;
    this.cause = cause;
    this.#linger?.cancel();
    this.#input.whenEmpty(() => {
      // Told as clean: nats.ws then reports the server's last -ERR instead of a bare close.
      this.onclose?.({ wasClean: true, reason: "" });
    });
  }

  #arrived(data: Uint8Array): void {
    if (this.#onmessage === null) this.#held.push(data);
    else this.#onmessage({ data });
  }
}

/** Keeps what arrives between the end of a TLS handshake and the birth of the socket. */
class HandOver implements ByteStreamHandler {
  readonly chunks: Uint8Array[] = [];
  #over: { readonly cause: StreamError | undefined } | undefined;

  data(bytes: Uint8Array): void {
    this.chunks.push(bytes);
  }

  drained(): void {}

  ended(): void {}

  closed(cause: StreamError | undefined): void {
    this.#over = { cause };
  }

  to(socket: StreamSocket, stream: ByteStream): StreamSocket {
    if (this.#over !== undefined) throw this.#over.cause ?? new Error("EOF");
    stream.handler = socket;
    return socket;
  }
}
