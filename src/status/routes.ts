import { Hono } from "hono";
import type { Endpoint } from "../core/routing/endpoint.ts";
import { compareBytewise } from "../core/routing/uri.ts";
import { basicAuth, type Credentials } from "./basic-auth.ts";
import { goJson, jsonAnswer } from "./json-answer.ts";
import { likeGoMux } from "./mux.ts";

/** The routing table as `/routes` reads it: the registry. */
export interface RoutesView {
  /** Every pool with its route key, in bytewise order of the keys; members in pool order. */
  routes(): Iterable<readonly [key: string, pool: { readonly members: Iterable<{ readonly endpoint: Endpoint }> }]>;
}

const jsonString = (text: string): string => goJson(JSON.stringify(text));

function tagsJson(tags: ReadonlyMap<string, string> | null): string {
  if (tags === null) return "null";
  const members = [...tags]
    .sort(([a], [b]) => compareBytewise(a, b))
    .map(([key, value]) => `${jsonString(key)}:${jsonString(value)}`);
  return `{${members.join(",")}}`;
}

/** One endpoint, fields and their order as in control-plane §4.3. */
function endpointJson(endpoint: Endpoint): string {
  const optional = (key: string, value: string): string => (value === "" ? "" : `,"${key}":${jsonString(value)}`);
  return (
    `{"address":${jsonString(endpoint.address)}` +
    `,"availability_zone":${jsonString(endpoint.availabilityZone)}` +
    `,"protocol":${jsonString(endpoint.protocol)}` +
    `,"tls":${endpoint.tls}` +
    `,"ttl":${Math.trunc(endpoint.staleThresholdSeconds)}` +
    optional("route_service_url", endpoint.routeServiceUrl) +
    `,"tags":${tagsJson(endpoint.tags)}` +
    optional("isolation_segment", endpoint.isolationSegment) +
    optional("private_instance_id", endpoint.privateInstanceId) +
    optional("server_cert_domain_san", endpoint.serverCertDomainSan) +
    optional("load_balancing_algorithm", endpoint.loadBalancing) +
    optional("hash_header", endpoint.hash?.header ?? "") +
    `${endpoint.loadBalancing === "hash" ? `,"hash_balance":${endpoint.hash?.balance ?? 0}` : ""}}`
  );
}

/** The whole table as one JSON object. */
export function routesJson(view: RoutesView): string {
  const routes = Array.from(view.routes(), ([key, pool]) => {
    const endpoints = Array.from(pool.members, ({ endpoint }) => endpointJson(endpoint));
    return `${jsonString(key)}:[${endpoints.join(",")}]`;
  });
  return `{${routes.join(",")}}`;
}

/** The `/routes` listener (control-plane §4.3). Any method. */
export function routesApp(view: RoutesView, credentials: Credentials): Hono {
  const app = new Hono({ strict: true });
  app.use(basicAuth(credentials));
  likeGoMux(app);
  app.all("/routes", () => jsonAnswer(routesJson(view)));
  return app;
}
