import * as v from "valibot";
import { type ApiError, processError } from "./api-error.ts";
import { type Decoded, flagField, portField, textField, wholeField } from "./body-schema.ts";
import { type Element, elementOf, type Lease, ModificationTagElement } from "./lease.ts";

/** A TCP route mapping in a request (routing-api §7.1); the last field is ours. */
export const TcpRouteBody = v.object({
  router_group_guid: textField("Router group that the external port is of; it must exist."),
  backend_port: portField("Port of the backend."),
  backend_tls_port: wholeField("Its TLS port; 0 or left out: none; -1: the writer does not know of backend TLS."),
  backend_ip: textField("Address of the backend."),
  backend_sni_hostname: textField("Server name that clients ask for; null is another than the empty one."),
  sni_rewrite_hostname: textField("Server name that the backend is asked for."),
  instance_id: textField("Instance of the application."),
  port: portField("External port, from 1."),
  ttl: wholeField("Seconds to live without renewal; left out: the longest there is."),
  isolation_segment: textField("Isolation segment; empty: none."),
  terminate_frontend_tls: flagField("The router ends the client's TLS."),
  alpns: textField("ALPN protocols, comma-separated; only with `terminate_frontend_tls`."),
  enable_backend_mtls: flagField("The router shows the backend a client certificate."),
  route_guid: textField("Whose mapping it is, for readers with the scope `routing.route.GUID.read`."),
});

/** The same in lists and streams. */
export const TcpRouteElement = v.strictObject({
  router_group_guid: v.string(),
  backend_port: v.number(),
  backend_tls_port: v.optional(v.number()),
  backend_ip: v.string(),
  backend_sni_hostname: v.optional(v.string()),
  sni_rewrite_hostname: v.optional(v.string()),
  instance_id: v.string(),
  port: v.number(),
  modification_tag: ModificationTagElement,
  ttl: v.number(),
  isolation_segment: v.string(),
  terminate_frontend_tls: v.optional(v.boolean()),
  alpns: v.optional(v.string()),
  enable_backend_mtls: v.optional(v.boolean()),
  route_guid: v.optional(v.string()),
});

type TcpRouteObject = Decoded<typeof TcpRouteBody>;

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

function readMapping(from: TcpRouteObject, maxTtl: number): TcpRoute {
  return {
    group: from.router_group_guid ?? "",
    backendPort: from.backend_port ?? 0,
    backendTlsPort: from.backend_tls_port,
    backendIp: from.backend_ip ?? "",
    sni: from.backend_sni_hostname,
    sniRewrite: from.sni_rewrite_hostname,
    instanceId: from.instance_id ?? "",
    port: from.port ?? 0,
    ttl: from.ttl ?? maxTtl,
    segment: from.isolation_segment ?? "",
    terminateFrontendTls: from.terminate_frontend_tls ?? false,
    alpns: from.alpns ?? "",
    backendMtls: from.enable_backend_mtls ?? false,
    routeGuid: from.route_guid ?? "",
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

function elementOfMapping(mapping: TcpRoute, partition: string): Element {
  return elementOf(
    {
      router_group_guid: mapping.group,
      backend_port: mapping.backendPort,
      backend_tls_port: mapping.backendTlsPort,
      backend_ip: mapping.backendIp,
      backend_sni_hostname: mapping.sni,
      sni_rewrite_hostname: mapping.sniRewrite,
      instance_id: mapping.instanceId,
      port: mapping.port,
    },
    {
      ttl: mapping.ttl,
      isolation_segment: mapping.segment,
      terminate_frontend_tls: mapping.terminateFrontendTls ? true : undefined,
      alpns: mapping.alpns === "" ? undefined : mapping.alpns,
      enable_backend_mtls: mapping.backendMtls ? true : undefined,
      route_guid: partition === "" ? undefined : partition,
    },
  );
}

/** A TCP mapping as the store needs it, with what it is checked against there (routing-api §7.2, rules 9 and 10). */
export interface TcpLease extends Lease {
  readonly group: string;
  readonly terminateFrontendTls: boolean;
}

/**
 * The leases of a create request; `maxTtl` in seconds. Undefined: of a delete request, where ttl is not looked at.
 *
 * @throws ApiError the first fault, in the order of the mappings.
 */
export function tcpLeases(objects: readonly TcpRouteObject[], maxTtl: number | undefined): TcpLease[] {
  return objects.map((object) => {
    const mapping = readMapping(object, maxTtl ?? 0);
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
      element: (partition) => elementOfMapping(mapping, partition),
    };
  });
}

/** The flag of a stored element. */
export function terminatesFrontendTls(json: string): boolean {
  return (JSON.parse(json) as { terminate_frontend_tls?: boolean }).terminate_frontend_tls === true;
}
