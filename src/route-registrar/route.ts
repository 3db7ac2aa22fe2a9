import { JsonText } from "../core/go-json.ts";

/** A health check that was accepted (route-registrar §6.3). */
export interface HealthCheck {
  readonly name: string;
  readonly scriptPath: string;
  /** Above 0 and below the interval. */
  readonly timeoutNs: bigint;
}

/**
 * A route that was accepted (route-registrar §4.5, §6). `sni` routes have become `tcp` ones by now (§6.5). Durations are
 * nanoseconds.
 */
export interface Route {
  readonly kind: "http" | "tcp";
  /** As configured, but `tcp` for `sni`; any other text, an empty one too, is HTTP. */
  readonly type: string;
  readonly name: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly tlsPort: number | undefined;
  readonly protocol: string;
  readonly tags: ReadonlyMap<string, string> | undefined;
  readonly uris: readonly string[] | undefined;
  readonly routeServiceUrl: string;
  readonly serverCertDomainSan: string;
  readonly options: { readonly loadbalancing: string } | undefined;
  readonly routerGroup: string;
  readonly externalPort: number | undefined;
  readonly sniRewriteSan: string;
  readonly terminateFrontendTls: boolean;
  readonly enableBackendTls: boolean;
  readonly alpns: readonly string[];
  /** Above 0. */
  readonly intervalNs: bigint;
  readonly healthCheck: HealthCheck | undefined;
  /** Why the router would not take it, so that announcing it would be in vain (route-registrar §16, D9, D10). */
  readonly refusal: string | undefined;
}

/** Nanoseconds as milliseconds, with a fraction. */
export function milliseconds(ns: bigint): number {
  return Number(ns) / 1e6;
}

/** A route as log lines show it: Go's field names, all present (route-registrar §3.2, §15). */
export function loggedRoute(route: Route): JsonText {
  const { healthCheck, options } = route;
  return new JsonText({
    Type: route.type,
    Name: route.name,
    Port: route.port ?? null,
    Protocol: route.protocol,
    TLSPort: route.tlsPort ?? null,
    Tags: route.tags ?? null,
    URIs: route.uris ?? null,
    RouterGroup: route.routerGroup,
    Host: route.host,
    ExternalPort: route.externalPort ?? null,
    RouteServiceUrl: route.routeServiceUrl,
    RegistrationInterval: route.intervalNs,
    HealthCheck:
      healthCheck === undefined
        ? null
        : { Name: healthCheck.name, ScriptPath: healthCheck.scriptPath, Timeout: healthCheck.timeoutNs },
    ServerCertDomainSAN: route.serverCertDomainSan,
    SniRewriteSan: route.sniRewriteSan,
    TerminateFrontendTLS: route.terminateFrontendTls,
    ALPNs: route.alpns.length === 0 ? null : route.alpns,
    EnableBackendTLS: route.enableBackendTls,
    Options: options === undefined ? null : { loadbalancing: options.loadbalancing },
  });
}

/**
 * What a route claims at its consumer, one text per thing that can be registered: an address under a URI, or a TCP
 * mapping. Two routes with an equal claim register the same thing, so neither may take it away from the other.
 */
export function claimsOf(route: Route): readonly string[] {
  const { host, port, tlsPort, externalPort, routerGroup, serverCertDomainSan } = route;
  if (route.kind === "tcp") {
    return [JSON.stringify(["tcp", routerGroup, host, port, externalPort, serverCertDomainSan])];
  }
  return (route.uris ?? []).map((uri) => httpClaim(route, uri, host, tlsPort ?? port));
}

function httpClaim(route: Route, uri: string, host: string, port: number | undefined): string {
  return JSON.stringify([route.kind, host, port, uri.toLowerCase()]);
}

/** A route without what others claim too; undefined when nothing is left to take away. */
export function unclaimedPart(route: Route, claimedByOthers: ReadonlySet<string>): Route | undefined {
  const claims = claimsOf(route);
  if (!claims.some((claim) => claimedByOthers.has(claim))) return route;
  if (route.kind === "tcp") return undefined;
  const uris = (route.uris ?? []).filter((_, index) => !claimedByOthers.has(claims[index]!));
  return uris.length === 0 ? undefined : { ...route, uris };
}
