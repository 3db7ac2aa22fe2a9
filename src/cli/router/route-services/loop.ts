import type { Config } from "../../../core/config/schema.ts";
import type { ServiceTransports } from "../../../core/route-service/route-services.ts";
import { Endpoint } from "../../../core/routing/endpoint.ts";
import { serverOptions, transportOptions } from "../../../native/wire-options.ts";
import type { ClientTls, ServerTls } from "../../../runtime/interface/tls.ts";
import type { Runtime } from "../../../runtime/interface.ts";
import type { Server } from "../../../wire/server.ts";
import { serve } from "../../../wire/server.ts";
import type { Handler } from "../../../wire/server-options.ts";
import type { TimerWheel } from "../../../wire/timer-wheel.ts";
import { createTransport } from "../../../wire/transport.ts";
import { listenErrorText, StartFailure } from "../start-failure.ts";
import { loopName, makeLoopCertificates } from "./loop-certificates.ts";

/** Idle connections that the router keeps to itself. */
const idleConnections = 100;

/** The listener on which the router reaches itself, and the way there (data-plane §8.7). */
export interface ServiceLoop {
  readonly server: Server;
  readonly way: NonNullable<ServiceTransports["loop"]>;
}

/**
 * Binds `127.0.0.1:route_services_internal_server_port` with mutual TLS under certificates that nobody else has; always,
 * as upstream (step 11 of control-plane §8.2).
 *
 * @throws StartFailure when the port cannot be bound.
 */
export async function openServiceLoop(
  runtime: Runtime,
  wheel: TimerWheel,
  config: Config,
  handler: Handler,
  onError: (error: unknown) => void,
): Promise<ServiceLoop> {
  const { authority, server: serverPair, client } = await makeLoopCertificates(runtime.clock.now());
  const authorities = [authority];
  const serverTls: ServerTls = {
    keyPairs: [serverPair],
    clientCertificates: "require",
    clientAuthorities: authorities,
  };
  const clientTls: ClientTls = { serverName: loopName, authorities, keyPair: client };
  const port = config.route_services_internal_server_port;
  const listen = { host: "127.0.0.1", port };
  let server: Server;
  try {
    server = await serve(
      runtime,
      wheel,
      { ...serverOptions(config), listen, tls: { current: () => serverTls }, onError },
      handler,
    );
  } catch (error) {
    const text = `starting local listener: ${listenErrorText(`127.0.0.1:${port}`, error)}`;
    throw new StartFailure("new-route-services-server", { error: text });
  }
  const transport = createTransport(runtime, wheel, {
    ...transportOptions(config),
    keepAlive: true,
    maxIdlePerEndpoint: idleConnections,
    maxIdle: idleConnections,
    tls: () => clientTls,
  });
  return { server, way: { transport, endpoint: new Endpoint({ host: "127.0.0.1", port: server.port, tls: true }) } };
}
