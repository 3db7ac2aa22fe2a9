import { goJson } from "../core/go-json.ts";
import type { Route } from "./route.ts";

/** Lease of a mapping in whole seconds: 2.1 intervals, at least 1, at most `maxSeconds` (route-registrar §11.4). */
export function mappingTtl(intervalNs: bigint, maxSeconds: number): number {
  const seconds = (intervalNs * 21n) / 10_000_000_000n;
  if (seconds < 1n) return 1;
  return seconds > BigInt(maxSeconds) ? maxSeconds : Number(seconds);
}

/** One mapping for the Routing API, key order as on the wire (route-registrar §11.3, §15). */
export function tcpMapping(route: Route, groupGuid: string, maxTtlSeconds: number): Readonly<Record<string, unknown>> {
  const { serverCertDomainSan, sniRewriteSan, alpns, terminateFrontendTls, enableBackendTls } = route;
  const backendTls = terminateFrontendTls && enableBackendTls && serverCertDomainSan !== "";
  return {
    router_group_guid: groupGuid,
    backend_port: route.port,
    // -1: the caller does not speak about TLS to the backend; 0 would make a new row of each heartbeat.
    backend_tls_port: backendTls ? route.port : -1,
    backend_ip: route.host,
    backend_sni_hostname: serverCertDomainSan === "" ? undefined : serverCertDomainSan,
    sni_rewrite_hostname: sniRewriteSan === "" ? undefined : sniRewriteSan,
    instance_id: "",
    port: route.externalPort,
    modification_tag: { guid: "", index: 0 },
    ttl: mappingTtl(route.intervalNs, maxTtlSeconds),
    isolation_segment: "",
    terminate_frontend_tls: terminateFrontendTls ? true : undefined,
    alpns: alpns.length === 0 ? undefined : [...alpns].sort().join(","),
  };
}

/** The body of a create or delete call: an array of one. */
export function mappingBody(mapping: Readonly<Record<string, unknown>>): string {
  return goJson([mapping]);
}
