import type { LogData } from "../observe/log.ts";
import type { Endpoint } from "./endpoint.ts";
import { compareBytewise } from "./uri.ts";

/** Data of the register and unregister lines (control-plane §3.5, §3.6), keys in their order. */
export function registrationData(uri: string, endpoint: Endpoint): LogData {
  return {
    uri,
    route_service_url: endpoint.routeServiceUrl,
    backend: endpoint.address,
    application_id: endpoint.applicationId,
    instance_id: endpoint.privateInstanceId,
    server_cert_domain_san: endpoint.serverCertDomainSan,
    protocol: endpoint.protocol,
    modification_tag: { guid: endpoint.modificationTag.guid, index: endpoint.modificationTag.index },
    isolation_segment: endpoint.isolationSegment || "-",
    isTLS: endpoint.tls,
  };
}

/** The value of `route-endpoint` in lines about a failed attempt (control-plane §3.11, data-plane §11.2). */
export function routeEndpointData(endpoint: Endpoint): LogData {
  const tags = endpoint.tags === null ? null : Object.fromEntries([...endpoint.tags].sort(byName));
  return {
    ApplicationId: endpoint.applicationId,
    Addr: endpoint.address,
    Tags: tags,
    RouteServiceUrl: endpoint.routeServiceUrl,
    AZ: endpoint.availabilityZone,
  };
}

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return compareBytewise(a[0], b[0]);
}
