import { ServerList } from "../bus/server-list.ts";
import { listenerConflicts } from "../core/config/listener-conflicts.ts";
import type { Config } from "../core/config/schema.ts";
import { startFaults } from "../core/config/start-faults.ts";
import { routingApiOn, withoutNats } from "../core/config/validate.ts";
import { hairpinEntryFault } from "../core/route-service/hairpin-hosts.ts";
import { certificatesOf } from "../core/x509/certificate.ts";
import { validityFault } from "../core/x509/validity.ts";
import type { Runtime } from "../runtime/interface.ts";
import { egressPolicy } from "../wire/egress-policy.ts";
import { accessLogFileFault } from "./router/access-log-sink.ts";
import { inFiles, readKeyPair } from "./router/certificate-store.ts";
import { parseDebugAddress } from "./router/debug-server.ts";
import { openErrorTemplate } from "./router/error-template.ts";
import { parseMetronAddress } from "./router/metron.ts";
import { natsTlsFault } from "./router/nats-tls.ts";
import { routingApiOrigin, uaaOrigin, uaaTls } from "./router/routing-api.ts";
import { StartFailure } from "./router/start-failure.ts";
import { parseSyslogAddress } from "./router/syslog/address.ts";

/** What a configuration that loads would come to grief over later. */
export interface LaterFinding {
  readonly severity: "error" | "warning";
  readonly message: string;
  /** Dotted, with the position in a list in brackets. */
  readonly key: string;
}

/**
 * What only the start of a router finds, or its work later (control-plane §1.3, later failures), without opening anything
 * but files.
 */
export async function laterFindings(runtime: Runtime, config: Config): Promise<LaterFinding[]> {
  const found: LaterFinding[] = [...startFaults(config), ...listenerConflicts(config)].map((fault) => ({
    ...fault,
    severity: "error",
  }));
  /** `key` may depend on what was found. */
  const look = async (
    key: string | ((message: string) => string),
    check: () => unknown,
    severity: LaterFinding["severity"] = "error",
  ): Promise<void> => {
    try {
      await check();
    } catch (error) {
      const message = textOf(error);
      found.push({ severity, message, key: typeof key === "string" ? key : key(message) });
    }
  };
  const { access_log, logging, nats, oauth, route_services: services, routing_api: api } = config;
  await look("html_error_template_file", () => openErrorTemplate(runtime, config.html_error_template_file));
  if (config.debug_addr !== "") await look("debug_addr", () => parseDebugAddress(config.debug_addr), "warning");
  if (!withoutNats(config) && !nats.embedded) {
    const fault = natsTlsFault(nats, runtime.clock.now());
    if (fault !== undefined) found.push({ severity: "error", message: fault, key: fault.slice(0, fault.indexOf(":")) });
    for (const [index, server] of nats.servers.entries()) {
      await look(`nats.servers[${index}]`, () => new ServerList({ ...nats, servers: [server] }, () => 0));
    }
  }
  if (routingApiOn(config)) {
    if (!api.auth_disabled) {
      await look(oauth.port === 0 ? "oauth.port" : "oauth.token_endpoint", () => uaaOrigin(oauth));
      await look("oauth.ca_certs", () => uaaTls(runtime, oauth));
    }
    await look("routing_api.uri", () => routingApiOrigin(api));
  }
  if (config.enable_envelope_v1_metrics || logging.loggregator_enabled) {
    await look("logging.metron_address", () => parseMetronAddress(logging.metron_address));
  }
  const fileFault = await accessLogFileFault(runtime, access_log.file);
  if (fileFault !== undefined) found.push({ severity: "error", message: fileFault, key: "access_log.file" });
  if (access_log.enable_streaming) {
    const key = (message: string): string =>
      message.includes("network") ? "logging.syslog_network" : "logging.syslog_addr";
    await look(key, () => parseSyslogAddress(logging.syslog_network, logging.syslog_addr));
  }
  for (const [index, entry] of (config.enable_ssl ? config.tls_pem : []).entries()) {
    const pair = await readKeyPair(runtime, entry);
    // What stands in the configuration itself was looked at when it was loaded.
    if (typeof pair !== "string") found.push(...outOfDate(runtime, pair.certificate, `tls_pem[${index}]`));
    else if (inFiles(entry)) found.push({ severity: "error", message: pair, key: `tls_pem[${index}]` });
  }
  for (const [index, entry] of config.route_services_hairpinning_allowlist.entries()) {
    const message = hairpinEntryFault(entry);
    const key = `route_services_hairpinning_allowlist[${index}]`;
    if (message !== undefined) found.push({ severity: "error", message, key });
  }
  const { backends, status } = config;
  found.push(...outOfDate(runtime, status.tls.certificate, "status.tls.certificate"));
  found.push(...outOfDate(runtime, backends.cert_chain, "backends.cert_chain"));
  found.push(...outOfDate(runtime, services.cert_chain, "route_services.cert_chain"));
  if (routingApiOn(config)) found.push(...outOfDate(runtime, api.cert_chain, "routing_api.cert_chain"));
  await look("route_services.egress_block", () => egressPolicy(services.egress_block, []));
  await look("route_services.egress_allow", () => egressPolicy([], services.egress_allow));
  return found;
}

/** A router serves or shows such a certificate all the same; it is the others who refuse it. */
function outOfDate(runtime: Runtime, chain: string, key: string): LaterFinding[] {
  const [leaf] = certificatesOf(chain);
  const message = leaf && validityFault(leaf, runtime.clock.now());
  return message === undefined ? [] : [{ severity: "warning", message, key }];
}

/** A start failure has its text among the data of its line. */
function textOf(error: unknown): string {
  const given = error instanceof StartFailure ? error.data["error"] : undefined;
  return typeof given === "string" ? given : (error as Error).message;
}
