import type { Config } from "../../core/config/schema.ts";
import type { Runtime } from "../../runtime/interface.ts";
import { type Server, serve } from "../../wire/server.ts";
import type { Handler } from "../../wire/server-options.ts";
import type { TimerWheel } from "../../wire/timer-wheel.ts";
import { listenErrorText, StartFailure } from "./start-failure.ts";

/** Read, write and idle timeout of the status listeners, in milliseconds (control-plane §4.1). */
const timeoutMs = 10_000;
const limits = { maxBytes: 1_048_576, maxLines: 0 };

/** The listeners of control-plane §4.1 that this program has. */
export interface StatusListeners {
  readonly routes: Server;
  readonly health: Server | undefined;
}

/**
 * Binds `/routes`, then the health listener (control-plane §8.2).
 *
 * @throws StartFailure when a port cannot be bound; what was bound before is closed again.
 */
export async function openStatusListeners(
  runtime: Runtime,
  wheel: TimerWheel,
  config: Config,
  apps: { readonly routes: Handler; readonly health: Handler },
): Promise<StatusListeners> {
  const open = async (host: string, port: number, shown: string, handler: Handler): Promise<Server> => {
    try {
      const options = { listen: { host, port }, limits, idleTimeoutMs: timeoutMs, readHeaderTimeoutMs: timeoutMs };
      return await serve(runtime, wheel, options, handler);
    } catch (error) {
      throw new StartFailure("initialize-router-error", { error: listenErrorText(`${shown}:${port}`, error) });
    }
  };
  const routes = await open("127.0.0.1", config.status.routes.port, "127.0.0.1", apps.routes);
  if (!config.status.enable_nontls_health_checks) return { routes, health: undefined };
  try {
    const shown = config.listen_host === "" ? "0.0.0.0" : config.listen_host;
    return { routes, health: await open(config.listen_host, config.status.port, shown, apps.health) };
  } catch (error) {
    routes.destroy();
    throw error;
  }
}
