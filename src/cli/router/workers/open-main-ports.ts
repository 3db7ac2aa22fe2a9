import type { Config } from "../../../core/config/schema.ts";
import type { Logger } from "../../../core/observe/log.ts";
import type { Listener } from "../../../runtime/interface/listening.ts";
import type { Runtime } from "../../../runtime/interface.ts";
import { logHttpListener } from "../listener-lines.ts";
import type { SharedPorts } from "./messages.ts";
import { bindExclusively } from "./ports.ts";

/** Where the workers listen; undefined: switched off. The listeners themselves are closed. */
interface OpenedPorts {
  readonly http: Listener | undefined;
  readonly https: Listener | undefined;
}

/**
 * Finds out the main ports: this process has each of them for a moment, so that one that is taken is an error; then the
 * first worker gets them by `hand`, which tells where it listens. One that is to be free is chosen by the kernel for that
 * worker: between our binding it and the worker's, another router's workers could come to share it.
 *
 * @throws StartFailure when a port cannot be bound.
 */
export async function openMainPorts(
  runtime: Runtime,
  config: Config,
  log: Logger,
  hand: (ports: SharedPorts) => Promise<SharedPorts | undefined>,
): Promise<OpenedPorts> {
  const http = config.disable_http ? undefined : await bindExclusively(runtime, config, "http");
  let https: Listener | undefined;
  try {
    https = config.enable_ssl ? await bindExclusively(runtime, config, "https") : undefined;
  } catch (error) {
    // As with one worker, which has its first port by then.
    logHttpListener(log, http);
    throw error;
  }
  await http?.close();
  await https?.close();
  const bound = await hand({ http: http && config.port, https: https && config.ssl_port });
  return {
    http: http && { ...http, port: bound?.http ?? http.port },
    https: https && { ...https, port: bound?.https ?? https.port },
  };
}
