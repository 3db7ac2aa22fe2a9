import type { Config } from "../../core/config/schema.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { Http2ServerConnection } from "../../wire/http2/server-connection.ts";
import { type Server, serve } from "../../wire/server.ts";
import type { Handler } from "../../wire/server-options.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { healthTls } from "./ingress-tls.ts";
import { listenErrorText, StartFailure } from "./start-failure.ts";

/** Read, write and idle timeout of the status listeners, in milliseconds (control-plane §4.1). */
const timeoutMs = 10_000;
const limits = { maxBytes: 1_048_576, maxLines: 0 };

/** The listeners of control-plane §4.1 that this program has. */
export interface StatusListeners {
  readonly routes: Server;
  /** Undefined with `status.enable_nontls_health_checks` off; the varz component where that is wanted. */
  readonly health: Server | undefined;
  /** Undefined without `status.tls`. */
  readonly tlsHealth: Server | undefined;
}

/** What the listeners serve. */
interface StatusApps {
  readonly routes: Handler;
  readonly health: Handler;
  /** The deprecated component in the place of the health listener; undefined: not wanted. */
  readonly varz: Handler | undefined;
}

/**
 * Binds `/routes`, then the health listener or the varz component, then that of TLS (control-plane §8.2).
 *
 * @throws StartFailure when a port cannot be bound; what was bound before is closed again.
 */
export async function openStatusListeners(
  runtime: Runtime,
  wheel: TimerWheel,
  config: Config,
  apps: StatusApps,
): Promise<StatusListeners> {
  const { status } = config;
  const opened: Server[] = [];
  const open = async (host: string, port: number, handler: Handler, secure = false): Promise<Server> => {
    const shown = host === "" ? "0.0.0.0" : host;
    // A wildcard is both IP versions, as the empty host (control-plane §4.1).
    const listen = { host: host === "0.0.0.0" ? "" : host, port };
    // Nobody reads bodies here: answered at once, a request whose body never comes has its connection for the idle time.
    const times = { idleTimeoutMs: timeoutMs, readHeaderTimeoutMs: timeoutMs, answerTimeoutMs: timeoutMs };
    const options = { listen, limits, ...times, concurrentReadWrite: true };
    const tls = secure ? healthTls(config) : undefined;
    const http2 = (...connection: ConstructorParameters<typeof Http2ServerConnection>): Http2ServerConnection =>
      new Http2ServerConnection(...connection);
    const secured = tls === undefined ? {} : { tls: { current: () => tls }, ...(config.enable_http2 && { http2 }) };
    try {
      const server = await serve(runtime, wheel, { ...options, ...secured }, handler);
      opened.push(server);
      return server;
    } catch (error) {
      for (const server of opened) server.destroy();
      throw new StartFailure("initialize-router-error", { error: listenErrorText(`${shown}:${port}`, error) });
    }
  };
  const routes = await open("127.0.0.1", status.routes.port, apps.routes);
  let health: Server | undefined;
  if (status.enable_nontls_health_checks) {
    if (apps.varz === undefined) health = await open(config.listen_host, status.port, apps.health);
    else {
      // Port 0 means the router's own address and a free port (control-plane §4.4).
      const host = status.port === 0 ? await runtime.localIp().catch(() => "127.0.0.1") : status.host;
      health = await open(host, status.port, apps.varz);
    }
  }
  const hasPair = status.tls.certificate !== "" && status.tls.key !== "";
  const tlsHealth = hasPair ? await open(config.listen_host, status.tls.port, apps.health, true) : undefined;
  return { routes, health, tlsHealth };
}
