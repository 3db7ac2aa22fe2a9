import type { Config } from "./schema.ts";

/** A listener that finds its port taken by another one of the same router. */
interface ListenerConflict {
  readonly message: string;
  readonly key: string;
}

interface Listener {
  readonly key: string;
  readonly host: string;
  readonly port: number;
}

const loopback = "127.0.0.1";

/** What a router with that configuration listens on (control-plane §4.1), in the order of the configuration's keys. */
function listeners(config: Config): Listener[] {
  const { listen_host: host, status, nats, prometheus, routing_api: api } = config;
  const tlsHealth = status.tls.certificate !== "" && status.tls.key !== "";
  const healthHost = status.enable_deprecated_varz_healthz_endpoints ? status.host : host;
  const all: [wanted: boolean, key: string, host: string, port: number][] = [
    [!config.disable_http, "port", host, config.port],
    [config.enable_ssl, "ssl_port", host, config.ssl_port],
    [status.enable_nontls_health_checks, "status.port", healthHost, status.port],
    [tlsHealth, "status.tls.port", host, status.tls.port],
    [true, "status.routes.port", loopback, status.routes.port],
    [nats.embedded, "nats.embedded_port", loopback, nats.embedded_port],
    [nats.embedded, "nats.embedded_websocket_port", loopback, nats.embedded_websocket_port],
    [true, "route_services_internal_server_port", loopback, config.route_services_internal_server_port],
    [api.embedded && api.embedded_config === "", "routing_api.embedded_port", loopback, api.embedded_port],
    [prometheus.enabled, "prometheus.port", loopback, prometheus.port],
  ];
  return all.filter(([wanted]) => wanted).map(([, key, at, port]) => ({ key, host: at, port }));
}

const everywhere = (host: string): boolean => host === "" || host === "0.0.0.0" || host === "::";

function collide(one: Listener, other: Listener): boolean {
  if (one.port === 0 || one.port !== other.port) return false;
  return one.host === other.host || everywhere(one.host) || everywhere(other.host);
}

/** Ports that the configuration gives to two listeners: the start fails at the second one. Port 0 picks a free one. */
export function listenerConflicts(config: Config): ListenerConflict[] {
  const all = listeners(config);
  return all.flatMap((listener, index): ListenerConflict[] => {
    const first = all.slice(0, index).find((other) => collide(other, listener));
    if (first === undefined) return [];
    const message = `port ${listener.port} is that of ${first.key} already; give it another one`;
    return [{ message, key: listener.key }];
  });
}
