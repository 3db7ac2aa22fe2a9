import { formatGoDuration } from "../../core/config/duration.ts";
import { parseDuration } from "../../core/config/strict-duration.ts";
import { goUrlFault } from "../../core/go-url-fault.ts";
import { type HealthCheck, milliseconds, type Route } from "../route.ts";
import type { HealthCheckDocument, RouteDocument } from "./document.ts";
import { Report } from "./report.ts";

const loadBalancings = ["round-robin", "least-connection"];

/** Reads a duration; the error is its text. */
function duration(text: string): bigint | Error {
  try {
    return parseDuration(text);
  } catch (error) {
    return error as Error;
  }
}

const shown = (ns: bigint): string => formatGoDuration(milliseconds(ns));

/** The interval, or undefined after the problem was reported. */
function validInterval(text: string, report: Report): bigint | undefined {
  const interval = text === "" ? undefined : duration(text);
  if (interval === undefined) report.add("no registration_interval");
  else if (interval instanceof Error) report.add(`invalid registration_interval: ${interval.message}`);
  else if (interval <= 0n) report.add("invalid registration_interval: interval must be greater than 0");
  else return interval;
  return undefined;
}

/** The health check, or undefined after problems were reported (route-registrar §6.3). */
function validHealthCheck(
  { name, scriptPath, timeout }: HealthCheckDocument,
  interval: bigint | undefined,
  route: Report,
): HealthCheck | undefined {
  const report = new Report("healthcheck");
  if (name === "") report.add("no name");
  if (scriptPath === "") report.add("no script_path");
  const given = timeout === "" && interval !== undefined ? interval / 2n : duration(timeout);
  const invalid = "invalid healthcheck timeout";
  if (given instanceof Error) report.add(`${invalid}: ${given.message}`);
  else if (given <= 0n && timeout !== "") report.add(`${invalid}: ${shown(given)}`);
  else if (interval !== undefined && given >= interval) {
    report.add(`${invalid}: ${shown(given)} must be less than the registration interval: ${shown(interval)}`);
  }
  route.add(report);
  if (report.count > 0 || given instanceof Error) return undefined;
  // Half of an interval of 1 ns is nothing.
  return { name, scriptPath, timeoutNs: given > 0n ? given : 1n };
}

function checkPorts(route: RouteDocument, report: Report): void {
  const { type, port, tlsPort, sniPort } = route;
  // A route without the port that its type needs stopped the original at its first registration (D3).
  if (port === undefined && tlsPort === undefined && sniPort === undefined) report.add("no port");
  else if (type === "tcp" && port === undefined) report.add("no port");
  else if (type === "sni" && sniPort === undefined) report.add("no sni_port");
  if (port === 0) report.add("invalid port: 0");
  if (tlsPort === 0) report.add("invalid tls_port: 0");
}

function checkHttp({ uris = [], routeServiceUrl }: RouteDocument, report: Report): void {
  if (uris.length === 0) report.add("no URIs");
  if (uris.includes("")) report.add("empty URIs");
  const fault = goUrlFault(routeServiceUrl);
  if (fault !== undefined) report.add(fault);
}

function checkTcp({ routerGroup, externalPort }: RouteDocument, report: Report): void {
  if (routerGroup === "") report.add("missing router_group");
  if (externalPort === undefined) report.add("no external_port");
  if (externalPort === 0) report.add("invalid port: 0");
}

/** Why a router drops the route's messages, or undefined. */
function refusalOf({ port, tlsPort, routeServiceUrl }: RouteDocument): string | undefined {
  if (port === undefined && tlsPort === undefined)
    return "an HTTP route needs port or tls_port; sni_port is for type sni";
  if (routeServiceUrl !== "" && !routeServiceUrl.startsWith("https"))
    return `the router refuses route_service_url ${JSON.stringify(routeServiceUrl)}: it must be https`;
  return undefined;
}

/**
 * Judges one route (route-registrar §6.2): either the route, or a report with at least one problem. `index` counts from 0
 * and labels a route without a name; `globalHost` stands in for an absent host.
 */
export function validateRoute(route: RouteDocument, index: number, globalHost: string): Route | Report {
  const { type, name } = route;
  const tcp = type === "tcp" || type === "sni";
  const report = new Report(name === "" ? `route ${index}` : `route "${name}"`);
  const host = route.host === "" ? globalHost : route.host;
  if (!tcp && name === "") report.add("no name");
  if (host === "") report.add("no host");
  checkPorts(route, report);
  if (tcp) checkTcp(route, report);
  else checkHttp(route, report);
  const { protocol, options } = route;
  if (!["", "http1", "http2"].includes(protocol)) report.add(`unknown protocol: ${protocol}`);
  if (options !== undefined && options.loadbalancing !== "" && !loadBalancings.includes(options.loadbalancing)) {
    const allowed = loadBalancings.join(" ");
    report.add(`unknown load balancing algorithm: ${options.loadbalancing}. Allowed values: [${allowed}]`);
  }
  const intervalNs = validInterval(route.registrationInterval, report);
  const healthCheck =
    route.healthCheck === undefined ? undefined : validHealthCheck(route.healthCheck, intervalNs, report);
  if (report.count > 0 || intervalNs === undefined) return report;
  const { sniPort, sniRoutableSan, enableBackendTls, terminateFrontendTls, ...rest } = route;
  const sni = type === "sni";
  return {
    ...rest,
    host,
    healthCheck,
    intervalNs,
    enableBackendTls,
    terminateFrontendTls,
    kind: tcp ? "tcp" : "http",
    type: sni ? "tcp" : type,
    port: sni ? sniPort : route.port,
    serverCertDomainSan: sni ? sniRoutableSan : route.serverCertDomainSan,
    refusal: tcp ? undefined : refusalOf(route),
  };
}
