import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { TlsHandle } from "../base/tcp-handle.ts";
import type { GatedCarrier } from "../base/tls-server.ts";
import type { ServerTls } from "../interface/tls.ts";
import { helloFault } from "./client-hello.ts";
import { engineHandle } from "./tls-engine-handle.ts";

/** Alerts that answer a ClientHello (RFC 8446 §6.2), by the end of the engine's error code. */
const alerts: readonly (readonly [ending: string, alert: number])[] = [
  ["NO_APPLICATION_PROTOCOL", 120],
  ["UNSUPPORTED_PROTOCOL", 70],
  ["HANDSHAKE_FAILURE", 40],
  ["NO_SHARED_CIPHER", 40],
];

/**
 * Stands between a TCP socket and Deno's TLS engine, which reads on when its TLS socket is paused and so takes any amount of
 * data into memory (runtimes.md §4): TLS on top of this `Duplex` reads only what it passes on.
 */
class TlsGate extends Duplex {
  private readonly socket: Socket;
  private held = false;
  private silent = true;
  /** Looks at what came of a ClientHello before the engine does; undefined once it is settled. */
  private judge: ((bytes: Uint8Array) => void) | undefined;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true, autoDestroy: true });
    this.socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.judge?.(chunk);
      if (!this.destroyed && !this.push(chunk)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  /** Has clients refused whom the settings turn away: the engine does not know them all, nor says why. */
  check(tls: ServerTls, refuse: (code: string) => void): void {
    let seen: Uint8Array = new Uint8Array(0);
    this.judge = (chunk) => {
      seen = Buffer.concat([seen, chunk]);
      const fault = helloFault(seen, tls);
      if (fault === "more") return;
      this.judge = undefined;
      if (fault === undefined) return;
      this.refused(fault);
      this.destroy();
      refuse(fault);
    };
  }

  /** Stops passing bytes on. */
  hold(): void {
    this.held = true;
    this.socket.pause();
  }

  /** Goes on. */
  release(): void {
    this.held = false;
    this.socket.resume();
  }

  handleOf(socket: TLSSocket): TlsHandle | undefined {
    return engineHandle(socket, this, this.socket);
  }

  override _read(): void {
    if (!this.held) this.socket.resume();
  }

  /** Sends an alert of a handshake that failed before the engine sent anything: on a `Duplex` it does not do that itself. */
  refused(code: string): void {
    const alert = alerts.find(([ending]) => code.endsWith(ending))?.[1];
    // A fatal alert, not encrypted yet (RFC 8446 §6).
    if (this.silent && alert !== undefined) this.socket.write(Uint8Array.of(21, 3, 3, 0, 2, 2, alert));
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.silent = false;
    this.socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What was handed over is still sent. The engine's error comes a little later: `refused` may have something to say.
    setImmediate(() => this.socket.destroySoon());
    done(error);
  }
}

/** Puts a gate on a socket that nobody reads from yet. */
export function makeTlsGate(socket: Socket): GatedCarrier {
  const gate = new TlsGate(socket);
  return {
    socket,
    gate,
    duplex: gate,
    refused: (code) => gate.refused(code),
    check: (tls, refuse) => gate.check(tls, refuse),
  };
}
