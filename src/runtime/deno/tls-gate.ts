import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { GatedCarrier } from "../base/tls-server.ts";

/**
 * Stands between a TCP socket and Deno's TLS engine, which reads on when its TLS socket is paused and so takes any amount of
 * data into memory (runtimes.md §4): TLS on top of this `Duplex` reads only what it passes on.
 */
class TlsGate extends Duplex {
  private readonly socket: Socket;
  private held = false;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true, autoDestroy: true });
    this.socket = socket;
    socket.on("data", (chunk) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
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

  override _read(): void {
    if (!this.held) this.socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }
}

/** Puts a gate on a socket that nobody reads from yet. */
export function makeTlsGate(socket: Socket): GatedCarrier {
  const gate = new TlsGate(socket);
  return { socket, gate, duplex: gate };
}
