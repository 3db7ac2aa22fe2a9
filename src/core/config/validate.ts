import { hostPatternFault } from "../routing/host-patterns.ts";
import { withoutPrivateKeys } from "../x509/pem.ts";
import { cidrFault } from "./cidr.ts";
import { cipherSuiteNames } from "./cipher-suites.ts";
import type { ConfigChecks } from "./config-checks.ts";
import { formatGoDuration } from "./duration.ts";
import type { Config } from "./schema.ts";
import { configShape, type SectionShape } from "./shape.ts";

/** A row of control-plane §1.3 that a configuration breaks. */
interface Violation {
  /** Exact upstream text. */
  readonly message: string;
  /** The key to look at, dotted. */
  readonly key: string;
}

/**
 * Goes through control-plane §1.3 in its order and yields what is broken; the first one decides the start. Choices may hold
 * any word here: this is where they are checked. Row 29 (the system's authorities cannot be read) cannot occur: the
 * runtimes bring their own.
 */
export function* violations(config: Config, checks?: ConfigChecks): Generator<Violation> {
  if (checks?.localIpFault !== undefined) yield { message: checks.localIpFault, key: "" };
  if (checks !== undefined) yield* keyPairs(config, checks);
  yield* statusListeners(config, checks);
  if (config.enable_ssl) yield* clientTls(config, checks);
  if (!config.enable_ssl && config.disable_http) {
    const message = "neither http nor https listener is enabled: router.enable_ssl: false, router.disable_http: true";
    yield { message, key: "disable_http" };
  }
  yield* choices(config);
  yield* trust(config, checks);
  yield* domains(config, checks);
  yield* connectRoutes(config);
  yield* proxyRanges(config);
  if (routingApiOn(config) && config.routing_api.embedded) {
    const message = "routing_api.embedded runs a Routing API inside the router; leave out routing_api.uri, or embedded";
    yield { message, key: "routing_api.embedded" };
  }
}

/** The Routing API client is on (control-plane §1.2). */
export function routingApiOn(config: Config): boolean {
  return config.routing_api.uri !== "" && config.routing_api.port !== 0;
}

/** No NATS server is configured, and none is needed: routes come from a Routing API alone. */
export function withoutNats(config: Config): boolean {
  const { nats, routing_api: api } = config;
  const some = nats.embedded || nats.servers.length > 0 || nats.hosts.length > 0;
  return !some && (api.embedded || routingApiOn(config));
}

/** Rows 2 to 7. */
function* keyPairs(config: Config, checks: ConfigChecks): Generator<Violation> {
  const { backends, route_services: services, routing_api: api, nats } = config;
  if (backends.cert_chain !== "" && backends.private_key !== "") yield* keyPair("backends", backends, checks);
  if (services.cert_chain !== "" && services.private_key !== "") {
    yield* keyPair("route_services", services, checks);
  }
  if (routingApiOn(config)) {
    yield* keyPair("routing_api", api, checks);
    if (!checks.hasCertificate(api.ca_certs)) yield routingApiPool(api.ca_certs, "routing_api.ca_certs");
  }
  if (nats.tls_enabled) {
    const fault = checks.keyPairFault(nats.cert_chain, nats.private_key);
    if (fault !== undefined) yield { message: `Error loading NATS key pair: ${fault}`, key: "nats.cert_chain" };
    if (!checks.hasCertificate(nats.ca_certs)) yield routingApiPool(nats.ca_certs, "nats.ca_certs");
  }
}

function* keyPair(
  section: string,
  pair: { readonly cert_chain: string; readonly private_key: string },
  checks: ConfigChecks,
): Generator<Violation> {
  const fault = checks.keyPairFault(pair.cert_chain, pair.private_key);
  if (fault !== undefined) yield { message: `Error loading key pair: ${fault}`, key: `${section}.cert_chain` };
}

/** Upstream says "routing-api" for NATS too (row 7). */
function routingApiPool(pem: string, key: string): Violation {
  return {
    message: `Error while adding CACerts to gorouter's routing-api cert pool: \n${withoutPrivateKeys(pem)}\n`,
    key,
  };
}

/** Rows 8 to 12. */
function* statusListeners(config: Config, checks: ConfigChecks | undefined): Generator<Violation> {
  const { tls } = config.status;
  if (tls.port === 8443 && tls.certificate === "" && tls.key === "") {
    if (!config.status.enable_nontls_health_checks) {
      const message = "Neither TLS nor non-TLS health endpoints are enabled. Refusing to start gorouter.";
      yield { message, key: "status.enable_nontls_health_checks" };
    }
    return;
  }
  if (tls.key === "") yield { message: "router.status.tls.key must be provided", key: "status.tls.key" };
  if (tls.certificate === "") {
    yield { message: "router.status.tls.certificate must be provided", key: "status.tls.certificate" };
  }
  if (tls.port === 0) yield { message: "router.status.tls.port must not be 0", key: "status.tls.port" };
  const fault = checks?.keyPairFault(tls.certificate, tls.key);
  if (fault !== undefined) {
    const message = `Error loading router.status.tls certificate/key pair: ${fault}`;
    yield { message, key: "status.tls.certificate" };
  }
}

/** Rows 13 to 20. */
function* clientTls(config: Config, checks: ConfigChecks | undefined): Generator<Violation> {
  if (config.client_cert_validation === "" || !allows("client_cert_validation", config.client_cert_validation)) {
    const message = "router.client_cert_validation must be one of 'none', 'request' or 'require'.";
    yield { message, key: "client_cert_validation" };
  }
  if (!allows("min_tls_version", config.min_tls_version)) {
    const message = 'router.min_tls_version should be one of "", "TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"';
    yield { message, key: "min_tls_version" };
  }
  if (!allows("max_tls_version", config.max_tls_version)) {
    const message = 'router.max_tls_version should be one of "TLSv1.2" or "TLSv1.3"';
    yield { message, key: "max_tls_version" };
  }
  if (config.tls_pem.length === 0) {
    const message = "router.tls_pem must be provided if router.enable_ssl is set to true";
    yield { message, key: "tls_pem" };
  }
  for (const [index, pair] of config.tls_pem.entries()) {
    const inFiles = pair.cert_chain_file !== "" || pair.private_key_file !== "";
    if (pair.cert_chain + pair.cert_chain_file === "" || pair.private_key + pair.private_key_file === "") {
      const message = "Error parsing PEM blocks of router.tls_pem, missing cert or key.";
      yield { message, key: `tls_pem[${index}]` };
    } else if (checks !== undefined && !inFiles) yield* keyPair(`tls_pem[${index}]`, pair, checks);
  }
  if (config.cipher_suites.trim() === "") {
    yield { message: "must specify list of cipher suite when ssl is enabled", key: "cipher_suites" };
    return;
  }
  for (const name of config.cipher_suites.split(":")) {
    if (cipherSuiteNames.has(name)) continue;
    const known = [...cipherSuiteNames].join(" ");
    const message = `Invalid cipher string configuration: ${name}, please choose from [${known}]`;
    yield { message, key: "cipher_suites" };
  }
}

/** Rows 22 to 28. */
function* choices(config: Config): Generator<Violation> {
  yield* choice("Invalid load balancing algorithm ", "balancing_algorithm", config.balancing_algorithm);
  const preference = config.balancing_algorithm_az_preference;
  yield* choice("Invalid load balancing AZ preference ", "balancing_algorithm_az_preference", preference);
  if (config.load_balancer_healthy_threshold < 0) {
    const shown = formatGoDuration(config.load_balancer_healthy_threshold);
    yield { message: `Invalid load balancer healthy threshold: ${shown}`, key: "load_balancer_healthy_threshold" };
  }
  yield* choice("Invalid forwarded client cert mode: ", "forwarded_client_cert", config.forwarded_client_cert);
  yield* choice("Invalid sharding mode: ", "routing_table_sharding_mode", config.routing_table_sharding_mode);
  if (config.routing_table_sharding_mode === "segments" && config.isolation_segments.length === 0) {
    const message = "Expected isolation segments; routing table sharding mode set to segments and none provided.";
    yield { message, key: "isolation_segments" };
  }
  const redaction = config.logging.redact_query_params;
  yield* choice("Invalid query param redaction mode: ", "logging.redact_query_params", redaction);
  yield* choice("Invalid access log format: ", "access_log.format", config.access_log.format);
}

function* choice(prefix: string, key: string, word: string): Generator<Violation> {
  if (allows(key, word)) return;
  yield { message: `${prefix}${word}. Allowed values are [${optionsOf(key).join(" ")}]`, key };
}

/** Rows 30 to 34. */
function* trust(config: Config, checks: ConfigChecks | undefined): Generator<Violation> {
  for (const [index, pem] of config.ca_certs.entries()) {
    if (checks === undefined || checks.hasCertificate(pem)) continue;
    const message = `Error while adding ${index} cert in CACerts to gorouter's cert pool`;
    yield { message, key: `ca_certs[${index}]` };
  }
  const { client_ca_certs: clientCaCerts, client_cert_validation: validation } = config;
  const asks = config.enable_ssl && validation !== "none";
  if (config.only_trust_client_ca_certs && clientCaCerts === "" && asks) {
    const message =
      "router.client_ca_certs cannot be empty if router.only_trust_client_ca_certs is 'true' and " +
      "router.client_cert_validation is set to 'request' or 'require'.";
    yield { message, key: "client_ca_certs" };
  }
  if (checks === undefined) return;
  if (clientCaCerts !== "" && !checks.hasCertificate(clientCaCerts)) {
    const message = `Error while adding ClientCACerts to gorouter's client cert pool: \n${withoutPrivateKeys(clientCaCerts)}\n`;
    yield { message, key: "client_ca_certs" };
  }
  if (!config.enable_verify_client_certificate_metadata) return;
  const fault = checks.metadataRulesFault(clientCaCerts, config.verify_client_certificate_metadata);
  if (fault !== undefined) yield { message: fault, key: "verify_client_certificate_metadata" };
}

/** The texts of control-plane §9.2. */
function* domains(config: Config, checks: ConfigChecks | undefined): Generator<Violation> {
  for (const [index, domain] of config.domains.entries()) {
    const at = `domains[${index}].`;
    if (domain.domain === "") yield { message: `${at}domain is required`, key: `${at}domain` };
    if (domain.ca_certs === "") yield { message: `${at}ca_certs is required`, key: `${at}ca_certs` };
    else if (checks?.hasCertificate(domain.ca_certs) === false) {
      yield { message: `${at}ca_certs contains invalid certificates`, key: `${at}ca_certs` };
    }
    for (const name of ["forwarded_client_cert", "xfcc_format"] as const) {
      const options = optionsOf(`domains.${name}`);
      if (options.includes(domain[name])) continue;
      yield { message: `${at}${name} must be one of ${options.join(", ")}`, key: at + name };
    }
  }
}

/** `connect`, which is our own. */
function* connectRoutes({ connect }: Config): Generator<Violation> {
  if (connect.enabled && connect.routes.length === 0) {
    const message = "connect.routes must name at least one host if connect.enabled is set to true";
    yield { message, key: "connect.routes" };
  }
  for (const [index, pattern] of connect.routes.entries()) {
    const fault = hostPatternFault(pattern);
    const message = `cannot use ${JSON.stringify(pattern)} in connect.routes: ${fault}`;
    if (fault !== undefined) yield { message, key: `connect.routes[${index}]` };
  }
}

/** `proxy_protocol`, which is our own. */
function* proxyRanges({ proxy_protocol: { trusted } }: Config): Generator<Violation> {
  for (const [index, range] of trusted.entries()) {
    const fault = cidrFault(range);
    const message = `cannot use ${JSON.stringify(range)} in proxy_protocol.trusted: ${fault}`;
    if (fault !== undefined) yield { message, key: `proxy_protocol.trusted[${index}]` };
  }
}

function allows(key: string, word: string): boolean {
  return optionsOf(key).includes(word);
}

/** The words that the schema allows for a choice, by dotted key. */
function optionsOf(key: string): readonly string[] {
  let section: SectionShape = configShape;
  for (const name of key.split(".")) {
    const entry = section.entries.get(name);
    if (entry?.kind === "scalar") return entry.options ?? [];
    const inner = entry?.kind === "list" ? entry.item : entry;
    if (inner?.kind !== "section") break;
    section = inner;
  }
  throw new Error(`cannot list the words allowed for ${JSON.stringify(key)}: no such choice in the schema`);
}
