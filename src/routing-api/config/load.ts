import * as v from "valibot";
import { groupFault, type RouterGroup } from "../router-group.ts";
import { type ConfigDocument, ConfigSchema, withDurations } from "./document.ts";
import { inertKeys } from "./inert-keys.ts";
import { Written } from "./written.ts";

/** A usable configuration; groups have fresh guids. */
export interface RoutingApiConfig extends Omit<ConfigDocument, "router_groups" | "reserved_system_component_ports"> {
  readonly groups: readonly RouterGroup[];
  /** Ports that groups must keep clear of; empty while `fail_on_router_port_conflicts` is off. */
  readonly reservedPorts: readonly number[];
  /** Certificate, key and authorities are configured, or must be because nothing else listens. */
  readonly mtls: boolean;
  /** Keys of the file that do nothing. */
  readonly inert: readonly string[];
}

function portFault(port: number): string | undefined {
  return port >= 1 && port <= 65535 ? undefined : `port number is invalid: ${port} (1-65535)`;
}

/** `2000`, `[2000, 2001]`, `2000-2010,3000`. */
function portsText(ports: unknown): string {
  if (ports === undefined || ports === null) return "";
  if (Array.isArray(ports)) return ports.map(portText).join(",");
  const text = ports instanceof Written && ports.tag === "!!str" ? ports.text : ports;
  return typeof text === "string" ? text : portText(ports);
}

function portText(given: unknown): string {
  const port = given instanceof Written ? given.tag === "!!int" && given.as("int") : given;
  if (typeof port !== "number" || !Number.isInteger(port)) throw new Error("invalid type for reservable port");
  return String(port);
}

/**
 * Checks a document (`writtenDocument`); with `auth` tokens are checked, so UAA must be known.
 *
 * @throws Error the first problem, in the order and the words of routing-api §3.
 */
export function loadRoutingApiConfig(document: unknown, auth: boolean, uuid: () => string): RoutingApiConfig {
  if (document instanceof Written || Array.isArray(document))
    throw new Error("the file holds no mapping; write KEY: VALUE, one a line");
  const parsed = v.safeParse(ConfigSchema, document ?? {});
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const key = v.getDotPath(issue);
    throw new Error(key === null ? issue.message : `${key}: ${issue.message}`);
  }
  const { router_groups, reserved_system_component_ports, ...given } = parsed.output;
  const { api } = given;
  if (given.system_domain === "") throw new Error("no system_domain specified");
  if (given.log_guid === "") throw new Error("no log_guid specified");
  if (auth && given.oauth.token_endpoint === "") throw new Error("no token endpoint specified");
  if (auth && given.oauth.port === 0) throw new Error("routing API requires TLS enabled to get OAuth token");
  if (given.uuid === "") throw new Error("no UUID is specified");
  const need = (what: string, port: number | null): void => {
    const fault = portFault(port ?? 0);
    if (fault !== undefined) throw new Error(`invalid ${what}: ${fault}`);
  };
  need("admin port", given.admin_port);
  // A plain listener alone is enough here; upstream needs both ports whatever listens.
  const mtls =
    api.http_enabled !== true ||
    [api.mtls_client_ca_file, api.mtls_server_cert_file, api.mtls_server_key_file].some((file) => file !== "");
  need("API listen port", api.http_enabled === true ? api.listen_port : api.listen_port || 1);
  if (mtls) need("API mTLS listen port", api.mtls_listen_port);
  const reservedPorts = given.fail_on_router_port_conflicts === true ? (reserved_system_component_ports ?? []) : [];
  const groups = (router_groups ?? []).map(({ name, type, reservable_ports }) => {
    const group = { guid: uuid(), name, type, reservablePorts: portsText(reservable_ports) };
    const fault = groupFault(group, reservedPorts);
    if (fault !== undefined) throw new Error(fault);
    return group;
  });
  if (!["sqlite", "postgres", "mysql"].includes(given.sqldb.type)) throw new Error(`unknown type ${given.sqldb.type}`);
  const inert = inertKeys((document ?? {}) as Readonly<Record<string, unknown>>, given.sqldb.type);
  return { ...withDurations(given), groups, reservedPorts, mtls, inert };
}
