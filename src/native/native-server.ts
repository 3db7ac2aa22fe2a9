import type { Clock } from "../runtime/interface/clock.ts";
import type { ListenOptions } from "../runtime/interface/listening.ts";
import type { NativeListener } from "../runtime/interface/native-serving.ts";
import type { Runtime } from "../runtime/interface.ts";
import { tellInRounds } from "../wire/farewell.ts";
import type { Server } from "../wire/server.ts";
import type { Handler } from "../wire/server-options.ts";
import { answerNative } from "./native-handler.ts";
import type { WebSocketBridge } from "./web-socket-bridge.ts";

/** How a native server is to serve; what is not here is the runtime's own choice. */
interface NativeServerOptions {
  readonly listen: Pick<ListenOptions, "host" | "port">;
  /** Hears what a handler threw. */
  readonly onError?: (error: unknown) => void;
}

/** The runtime's own HTTP server behind the interface of the wire's. */
class NativeServer implements Server {
  /** Requests under way: the runtimes do not tell of connections. */
  activeConnections = 0;
  /** Not told by the runtimes. */
  readonly idleConnections = 0;
  readonly #drained: (() => void)[] = [];
  readonly #webSockets = new Set<WebSocketBridge>();
  readonly #clock: Clock;
  #listener: NativeListener | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async listen(runtime: Runtime, { listen, onError }: NativeServerOptions, handler: Handler): Promise<void> {
    const parts = {
      runtime,
      onError,
      webSockets: this.#webSockets,
      count: (change: 1 | -1): void => {
        this.activeConnections += change;
        if (this.activeConnections === 0) for (const resolve of this.#drained.splice(0)) resolve();
      },
    };
    this.#listener = await runtime.serveNative(listen, (request, peer) =>
      answerNative(handler, parts, request, peer, "server"),
    );
  }

  get host(): string {
    return this.#listener!.host;
  }

  get port(): number {
    return this.#listener!.port;
  }

  stopAccepting(): Promise<void> {
    return this.#listener!.close();
  }

  async drain(): Promise<void> {
    if (this.activeConnections > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
    await this.#listener!.drained();
  }

  farewell(overMs: number): void {
    tellInRounds(this.#clock, [...this.#webSockets], overMs, (bridge) => bridge.close(1001, ""));
  }

  destroy(): void {
    void this.#listener!.destroy();
  }
}

/**
 * Serves a handler by the runtime's own HTTP server (`listener: native`, architecture §5). Rejects with the
 * `StreamError` of `Runtime.serveNative`.
 */
export async function serveNative(runtime: Runtime, options: NativeServerOptions, handler: Handler): Promise<Server> {
  const server = new NativeServer(runtime.clock);
  await server.listen(runtime, options, handler);
  return server;
}
