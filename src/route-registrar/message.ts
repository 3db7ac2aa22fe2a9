import { goJson } from "../core/go-json.ts";
import type { Route } from "./route.ts";

/** The body of `router.register` and `router.unregister` (route-registrar §9). Undefined members are left out. */
export function registryMessage(route: Route, instanceId: string, availabilityZone: string): string {
  const { protocol, routeServiceUrl, serverCertDomainSan, options } = route;
  return goJson({
    uris: route.uris,
    host: route.host,
    protocol: protocol === "" ? undefined : protocol,
    port: route.port,
    tls_port: route.tlsPort,
    tags: route.tags ?? null,
    route_service_url: routeServiceUrl === "" ? undefined : routeServiceUrl,
    private_instance_id: instanceId,
    server_cert_domain_san: serverCertDomainSan === "" ? undefined : serverCertDomainSan,
    availability_zone: availabilityZone === "" ? undefined : availabilityZone,
    options:
      options === undefined || options.loadbalancing === "" ? undefined : { loadbalancing: options.loadbalancing },
  });
}
