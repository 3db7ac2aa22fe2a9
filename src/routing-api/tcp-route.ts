import { goJson } from "../core/go-json.ts";
import { type ApiError, processError } from "./api-error.ts";
import type { DecodedObject, Fields } from "./decode-body.ts";
import type { Lease, LeaseKey, ModificationTag } from "./lease.ts";

/** Fields of a TCP route mapping (routing-api §7.1); the last one is ours. */
export const tcpRouteFields: Fields = {
  router_group_guid: "string",
  backend_port: "uint16",
  backend_tls_port: "int",
  backend_ip: "string",
  backend_sni_hostname: "*string",
  sni_rewrite_hostname: "*string",
  instance_id: "string",
  port: "uint16",
  ttl: "*int",
  isolation_segment: "string",
  terminate_frontend_tls: "bool",
  alpns: "string",
  enable_backend_mtls: "bool",
  route_guid: "string",
};

interface TcpRoute {
  readonly group: string;
  readonly backendPort: number;
  /** Undefined: none was given. */
  readonly backendTlsPort: number | undefined;
  readonly backendIp: string;
  readonly sni: string | undefined;
  readonly sniRewrite: string | undefined;
  readonly instanceId: string;
  readonly port: number;
  readonly ttl: number;
  readonly segment: string;
  readonly terminateFrontendTls: boolean;
  readonly alpns: string;
  readonly backendMtls: boolean;
  readonly routeGuid: string;
}

function readMapping(from: DecodedObject, maxTtl: number): TcpRoute {
  const text = (name: string): string => (from[name] as string | undefined) ?? "";
  const number = (name: string): number => (from[name] as number | undefined) ?? 0;
  return {
    group: text("router_group_guid"),
    backendPort: number("backend_port"),
    backendTlsPort: from["backend_tls_port"] as number | undefined,
    backendIp: text("backend_ip"),
    sni: from["backend_sni_hostname"] as string | undefined,
    sniRewrite: from["sni_rewrite_hostname"] as string | undefined,
    instanceId: text("instance_id"),
    port: number("port"),
    ttl: (from["ttl"] as number | undefined) ?? maxTtl,
    segment: text("isolation_segment"),
    terminateFrontendTls: from["terminate_frontend_tls"] === true,
    alpns: text("alpns"),
    backendMtls: from["enable_backend_mtls"] === true,
    routeGuid: text("route_guid"),
  };
}

/** Throws the first fault of routing-api §7.2, rules 1 to 8. */
function check(mapping: TcpRoute, maxTtl: number | undefined): void {
  const { group, port, backendIp, backendPort, ttl } = mapping;
  const tlsPort = mapping.backendTlsPort ?? 0;
  const shown = `. RouteMapping=[${group}:${port}<->${backendIp}:${backendPort}]`;
  const fault = (text: string): ApiError => processError(`Each tcp mapping ${text}${shown}`);
  if (group === "") throw fault("requires a non empty router group guid");
  if (port === 0) throw fault("requires a positive external port");
  if (backendIp === "") throw fault("requires a non empty backend ip");
  if (backendPort <= 0 && tlsPort <= 0) throw fault("requires a positive backend port");
  if (tlsPort > 65535) throw fault("with a backend TLS port requires that port to be less than or equal to 65535");
  if (maxTtl !== undefined) {
    if (ttl > maxTtl) throw fault(`requires TTL to be less than or equal to ${maxTtl}`);
    if (ttl <= 0) throw processError("Each tcp route mapping requires a ttl greater than 0");
  }
  if (mapping.alpns !== "" && !mapping.terminateFrontendTls)
    throw fault("can define ALPNs only when TerminateFrontendTLS is enabled");
}

/** An absent TLS port is 0: upstream stores NULL, which it never finds again (docs/differences.md). */
function identityOf(mapping: TcpRoute): string {
  const { group, backendIp, backendPort, port, backendTlsPort, sni, backendMtls } = mapping;
  return JSON.stringify([group, backendIp, backendPort, port, backendTlsPort ?? 0, sni ?? null, backendMtls]);
}

function render(mapping: TcpRoute, tag: ModificationTag, previous: string | undefined): string {
  const stored = previous === undefined ? {} : (JSON.parse(previous) as { route_guid?: string });
  return goJson({
    router_group_guid: mapping.group,
    backend_port: mapping.backendPort,
    backend_tls_port: mapping.backendTlsPort,
    backend_ip: mapping.backendIp,
    backend_sni_hostname: mapping.sni,
    sni_rewrite_hostname: mapping.sniRewrite,
    instance_id: mapping.instanceId,
    port: mapping.port,
    modification_tag: { guid: tag.guid, index: tag.index },
    ttl: mapping.ttl,
    isolation_segment: mapping.segment,
    terminate_frontend_tls: mapping.terminateFrontendTls ? true : undefined,
    alpns: mapping.alpns === "" ? undefined : mapping.alpns,
    enable_backend_mtls: mapping.backendMtls ? true : undefined,
    route_guid: mapping.routeGuid === "" ? stored.route_guid : mapping.routeGuid,
  });
}

/** A TCP mapping as the store needs it, with what it is checked against there (routing-api §7.2, rules 9 and 10). */
export interface TcpLease extends Lease {
  readonly group: string;
  readonly terminateFrontendTls: boolean;
}

/**
 * The leases of a create request. `maxTtl` in seconds.
 *
 * @throws ApiError the first fault, in the order of the mappings.
 */
export function tcpLeases(objects: readonly DecodedObject[], maxTtl: number): TcpLease[] {
  return objects.map((object) => {
    const mapping = readMapping(object, maxTtl);
    check(mapping, maxTtl);
    return {
      kind: "tcp",
      identity: identityOf(mapping),
      ttl: mapping.ttl,
      partition: mapping.routeGuid,
      segment: mapping.segment,
      sniKey: mapping.sni === undefined ? "" : `${mapping.port}/${mapping.sni}`,
      reserved: false,
      group: mapping.group,
      terminateFrontendTls: mapping.terminateFrontendTls,
      render: (tag, previous) => render(mapping, tag, previous),
    };
  });
}

/** The same for a delete request; ttl is not looked at. */
export function tcpLeaseKeys(objects: readonly DecodedObject[]): LeaseKey[] {
  return objects.map((object) => {
    const mapping = readMapping(object, 0);
    check(mapping, undefined);
    return { kind: "tcp", identity: identityOf(mapping) };
  });
}

/** The flag of a stored element. */
export function terminatesFrontendTls(json: string): boolean {
  return (JSON.parse(json) as { terminate_frontend_tls?: boolean }).terminate_frontend_tls === true;
}
