import type { Config } from "../core/config/schema.ts";
import type { Transport } from "../core/forwarding/transport.ts";
import type { Runtime } from "../runtime/interface.ts";
import { backendTls } from "../wire/backend-tls.ts";
import { egressPolicy } from "../wire/egress-policy.ts";
import { Http2ServerConnection } from "../wire/http2/server-connection.ts";
import type { MakeConnection, ServerOptions } from "../wire/server-options.ts";
import { serviceTls } from "../wire/service-tls.ts";
import type { TimerWheel } from "../wire/timer-wheel.ts";
import { createTransport, type TransportOptions } from "../wire/transport.ts";

/** The largest request head the listener parses: upstream's library limit with its slack (data-plane §1.2). */
const maxHeadBytes = 1_048_576 + 4096;
/** Idle connections to backends are kept this long (data-plane §4.7), in milliseconds. */
const idleBackendMs = 90_000;

const http2: MakeConnection = (stream, host) => new Http2ServerConnection(stream, host);

/** How the wire listener serves under a configuration; where it listens, and who hears its errors, is not part of that. */
export function serverOptions(config: Config): Omit<ServerOptions, "listen" | "onError" | "maxConnections"> {
  return {
    limits: { maxBytes: maxHeadBytes, maxLines: 0 },
    idleTimeoutMs: Math.max(config.frontend_idle_timeout, 0),
    readHeaderTimeoutMs: Math.max(config.read_header_timeout, 0),
    concurrentReadWrite: config.enable_http1_concurrent_read_write,
    webSocketFarewell: config.websocket_close_on_drain,
    ...(config.enable_http2 ? { http2, http2PriorKnowledge: config.enable_h2c } : {}),
  };
}

/** How the wire transport reaches backends under a configuration. */
export function transportOptions(config: Config): TransportOptions {
  return {
    dialTimeoutMs: config.endpoint_dial_timeout,
    keepAliveProbeMs: config.endpoint_keep_alive_probe_interval,
    keepAlive: !config.disable_keep_alives,
    maxIdlePerEndpoint: config.max_idle_conns_per_host,
    maxIdle: config.max_idle_conns,
    idleTimeoutMs: idleBackendMs,
    maxResponseHeadBytes: config.max_response_header_bytes,
    maxResponseHeaderLines: config.max_response_headers,
    http2: config.enable_http2,
    http2PriorKnowledge: config.enable_h2c,
    tls: backendTls(config),
  };
}

/**
 * The way to route services outside (data-plane §7.4): as to backends, but for TLS and the addresses that may be dialled.
 *
 * @throws Error that quotes what cannot be used of `route_services.egress_block` and `.egress_allow`.
 */
export function serviceTransport(runtime: Runtime, wheel: TimerWheel, config: Config): Transport {
  const { egress_block, egress_allow } = config.route_services;
  const options = {
    ...transportOptions(config),
    tls: serviceTls(config),
    admits: egressPolicy(egress_block, egress_allow),
  };
  return createTransport(runtime, wheel, options);
}
