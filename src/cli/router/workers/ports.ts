import type { Config } from "../../../core/config/schema.ts";
import type { ByteStreamHandler } from "../../../runtime/interface/byte-stream.ts";
import type { Listener } from "../../../runtime/interface/listening.ts";
import type { Runtime } from "../../../runtime/interface.ts";
import { listenErrorText, StartFailure } from "../start-failure.ts";

/** Nobody is served yet. */
const nothing: ByteStreamHandler = { data() {}, drained() {}, ended() {}, closed() {} };

const failures = {
  http: ["tcp-listener-error", "router", ""],
  https: ["tls-listener-error", "router", ""],
  loop: ["new-route-services-server", "", "starting local listener: "],
} as const;

/**
 * Binds a port as its only owner; whoever connects is cut. The port of route services (`loop`) stays bound as long as the
 * router runs, though each worker reaches itself by one of its own.
 *
 * @throws StartFailure when the port cannot be bound.
 */
export async function bindExclusively(
  runtime: Runtime,
  config: Config,
  which: keyof typeof failures,
): Promise<Listener> {
  const { listen_host, port: http, ssl_port: https, route_services_internal_server_port: loop } = config;
  const host = which === "loop" ? "127.0.0.1" : listen_host;
  const port = { http, https, loop }[which];
  const [message, source, prefix] = failures[which];
  try {
    return await runtime.listen({ host, port }, (stream) => {
      stream.destroy();
      return nothing;
    });
  } catch (error) {
    throw new StartFailure(message, { error: `${prefix}${listenErrorText(`${host}:${port}`, error)}` }, source);
  }
}
