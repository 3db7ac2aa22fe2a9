import { parseDuration } from "../../core/config/strict-duration.ts";
import { goUrlFault } from "../../core/go-url-fault.ts";
import type { Route } from "../route.ts";
import type { ConfigDocument, MessageBusServer, NatsTlsFiles, RoutingApiDocument, StatusDocument } from "./document.ts";
import { Report } from "./report.ts";
import { validateRoute } from "./validate-route.ts";

const defaultLimit = 5;
const defaultMaxTtlSeconds = 120;

/** A configuration that was accepted. */
export interface RegistrarConfig {
  readonly servers: readonly MessageBusServer[];
  /** Default address of the routes in dynamic files. */
  readonly host: string;
  readonly availabilityZone: string;
  readonly routes: readonly Route[];
  readonly globs: readonly string[];
  /** Consecutive unregister messages of one route (route-registrar §7.3). */
  readonly unregistrationLimit: number;
  readonly natsTls: NatsTlsFiles;
  /** Undefined when there is none, or it is deficient and no static route needs it. */
  readonly routingApi: RoutingApiSettings | undefined;
  /** Why TCP routes cannot be registered; undefined when they can. */
  readonly routingApiFault: string | undefined;
  readonly status: StatusDocument | undefined;
}

/** `routing_api` with nothing missing. */
export interface RoutingApiSettings extends RoutingApiDocument {
  readonly maxTtlSeconds: number;
}

/** What is wrong with the `routing_api` block, the first thing only (route-registrar §6.4). */
function routingApiFault(api: RoutingApiDocument | undefined): string | undefined {
  if (api === undefined || api.apiUrl === "") return "routing_api must have an api_url";
  // Another scheme, or none (`api.example.com:3000`), is an URL too, but no call to it can succeed.
  if (goUrlFault(api.apiUrl) !== undefined || !/^https?:\/\/[^/]/i.test(api.apiUrl) || !URL.canParse(api.apiUrl))
    return "routing_api must a vaid URL";
  if (api.oauthUrl === "") return "routing_api must have an oauth_url";
  if (api.clientId === "") return "routing_api must have a client_id";
  if (api.clientSecret === "") return "routing_api must have a client_secret";
  if (!api.apiUrl.toLowerCase().startsWith("https:")) return undefined;
  if (api.clientCertPath === "") return "routing_api must have a client_certificate_path";
  if (api.clientPrivateKeyPath === "") return "routing_api must have a client_private_key_path";
  if (api.serverCaCertPath === "") return "routing_api must have a server_ca_cert_path";
  return undefined;
}

/** `max_ttl` in whole seconds; anything that is no positive duration is the default (route-registrar §4.4). */
function maxTtlSeconds(text: string): number {
  try {
    const seconds = Number(parseDuration(text) / 1_000_000_000n);
    return seconds > 0 ? seconds : defaultMaxTtlSeconds;
  } catch {
    return defaultMaxTtlSeconds;
  }
}

/**
 * Judges a configuration (route-registrar §6): the accepted one, or the report of all its problems: limit, routes in
 * order, message bus, Routing API.
 */
export function validateConfig(document: ConfigDocument): RegistrarConfig | Report {
  const report = new Report("config");
  const limit = document.unregistrationMessageLimit;
  if (limit !== undefined && limit <= 0) report.add("unregistration_message_limit must be a positive integer");
  const routes: Route[] = [];
  for (const [index, one] of document.routes.entries()) {
    const route = validateRoute(one, index, document.host);
    if (route instanceof Report) report.add(route);
    else routes.push(route);
  }
  const servers = document.messageBusServers;
  if (servers.length === 0 && routes.some(({ kind }) => kind === "http")) {
    report.add("message_bus_servers must have at least one entry");
  }
  const fault = routingApiFault(document.routingApi);
  if (fault !== undefined && routes.some(({ kind }) => kind === "tcp")) report.add(fault);
  if (report.count > 0) return report;
  const api = document.routingApi;
  return {
    servers,
    host: document.host,
    availabilityZone: document.availabilityZone,
    routes,
    globs: document.dynamicConfigGlobs,
    unregistrationLimit: limit ?? defaultLimit,
    natsTls: document.natsTls,
    routingApi:
      fault === undefined && api !== undefined ? { ...api, maxTtlSeconds: maxTtlSeconds(api.maxTtl) } : undefined,
    routingApiFault: fault,
    status: document.status,
  };
}
