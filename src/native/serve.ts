import type { Runtime } from "../runtime/interface.ts";
import { type Server, serve } from "../wire/server.ts";
import { TimerWheel } from "../wire/timer-wheel.ts";
import type { Router } from "./embedded-router.ts";
import { serveNative } from "./native-server.ts";
import { serverOptions } from "./wire-options.ts";

/** Where and how an embedded router listens. */
export interface ServeOptions {
  /** Default 8081; 0 picks a free one. */
  readonly port?: number;
  /** Address to listen on; default 127.0.0.1, empty: every address. */
  readonly host?: string;
  /**
   * `wire` (default): the router's own HTTP/1.1, which loses nothing. `native`: `Bun.serve`, `Deno.serve` or `node:http`;
   * README's table says what each of them loses.
   */
  readonly listener?: "wire" | "native";
}

/** A listening router. */
export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** Stops accepting, lets requests under way end, then closes every connection; WebSockets and tunnels are cut. */
  close(): Promise<void>;
}

function listen(runtime: Runtime, router: Router, options: ServeOptions): Promise<Server> {
  const { host = "127.0.0.1", port = 8081, listener = "wire" } = options;
  const handler = router.handle.bind(router);
  if (listener === "native") return serveNative(runtime, { listen: { host, port } }, handler);
  const wheel = new TimerWheel(runtime.clock);
  return serve(runtime, wheel, { listen: { host, port }, ...serverOptions(router.config) }, handler);
}

/**
 * Serves a router on a port. Closing the server does not close the router.
 *
 * @throws StreamError, kind `address-in-use` for example, when the port cannot be bound.
 */
export async function serveRouter(runtime: Runtime, router: Router, options: ServeOptions): Promise<RunningServer> {
  const server = await listen(runtime, router, options);
  return {
    host: server.host,
    port: server.port,
    async close() {
      await server.stopAccepting();
      await server.drain();
      server.destroy();
    },
  };
}
