import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "../../../../src/cli/load-config.ts";
import { cipherSuiteNames } from "../../../../src/core/config/cipher-suites.ts";
import type { ConfigChecks } from "../../../../src/core/config/config-checks.ts";
import { ConfigError } from "../../../../src/core/config/config-error.ts";

/** Texts that say what they are: `good` parses and pairs, anything else does not. */
const certificates: ConfigChecks = {
  keyPairFault: (chain, key) => (chain === "good" && key === "good" ? undefined : "no pair"),
  hasCertificate: (pem) => pem === "good",
  localIpFault: undefined,
  metadataRulesFault: (_pem, rules) =>
    rules.length === 0 ? undefined : "no CA certificate found for rule with ca subject CN=x",
};

const ssl = "enable_ssl: true\nclient_cert_validation: none\ncipher_suites: AES128-SHA\n";
const pair = "tls_pem: [{cert_chain: good, private_key: good}]\n";
const noPair = "{cert_chain: bad, private_key: bad}";
const api = "routing_api: {uri: https://a, port: 1, cert_chain: good, private_key: good, ca_certs:";

/** Row of control-plane §1.3, document, text, key; rows that need certificates are asked with the check above. */
const rows: readonly (readonly [number, string, string, string])[] = [
  [2, `backends: ${noPair}`, "Error loading key pair: no pair", "backends.cert_chain"],
  [3, `route_services: ${noPair}`, "Error loading key pair: no pair", "route_services.cert_chain"],
  [4, "routing_api: {uri: https://a, port: 1}", "Error loading key pair: no pair", "routing_api.cert_chain"],
  [5, `${api} bad}`, "Error while adding CACerts to gorouter's routing-api cert pool: \nbad\n", "routing_api.ca_certs"],
  [6, "nats: {tls_enabled: true}", "Error loading NATS key pair: no pair", "nats.cert_chain"],
  [
    7,
    "nats: {tls_enabled: true, cert_chain: good, private_key: good, ca_certs: x}",
    "Error while adding CACerts to gorouter's routing-api cert pool: \nx\n",
    "nats.ca_certs",
  ],
  [
    8,
    "status: {enable_nontls_health_checks: false}",
    "Neither TLS nor non-TLS health endpoints are enabled. Refusing to start gorouter.",
    "status.enable_nontls_health_checks",
  ],
  [9, "status: {tls: {port: 1}}", "router.status.tls.key must be provided", "status.tls.key"],
  [10, "status: {tls: {key: k}}", "router.status.tls.certificate must be provided", "status.tls.certificate"],
  [11, "status: {tls: {port: 0, key: k, certificate: c}}", "router.status.tls.port must not be 0", "status.tls.port"],
  [
    12,
    "status: {tls: {key: k, certificate: c}}",
    "Error loading router.status.tls certificate/key pair: no pair",
    "status.tls.certificate",
  ],
  [
    13,
    "enable_ssl: true",
    "router.client_cert_validation must be one of 'none', 'request' or 'require'.",
    "client_cert_validation",
  ],
  [
    14,
    `${ssl}min_tls_version: x`,
    'router.min_tls_version should be one of "", "TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"',
    "min_tls_version",
  ],
  [
    15,
    `${ssl}max_tls_version: TLSv1.1`,
    'router.max_tls_version should be one of "TLSv1.2" or "TLSv1.3"',
    "max_tls_version",
  ],
  [16, ssl, "router.tls_pem must be provided if router.enable_ssl is set to true", "tls_pem"],
  [
    17,
    `${ssl}tls_pem: [{cert_chain: good}]`,
    "Error parsing PEM blocks of router.tls_pem, missing cert or key.",
    "tls_pem[0]",
  ],
  [18, `${ssl}tls_pem: [${noPair}]`, "Error loading key pair: no pair", "tls_pem[0].cert_chain"],
  [
    19,
    `enable_ssl: true\nclient_cert_validation: none\n${pair}cipher_suites: " "`,
    "must specify list of cipher suite when ssl is enabled",
    "cipher_suites",
  ],
  [
    20,
    `${pair}enable_ssl: true\nclient_cert_validation: none\ncipher_suites: AES128-SHA:aes128-sha`,
    `Invalid cipher string configuration: aes128-sha, please choose from [${[...cipherSuiteNames].join(" ")}]`,
    "cipher_suites",
  ],
  [
    21,
    "disable_http: true",
    "neither http nor https listener is enabled: router.enable_ssl: false, router.disable_http: true",
    "disable_http",
  ],
  [
    22,
    "balancing_algorithm: x",
    "Invalid load balancing algorithm x. Allowed values are [round-robin least-connection]",
    "balancing_algorithm",
  ],
  [
    23,
    "balancing_algorithm_az_preference: x",
    "Invalid load balancing AZ preference x. Allowed values are [none locally-optimistic]",
    "balancing_algorithm_az_preference",
  ],
  [
    24,
    "load_balancer_healthy_threshold: -5s",
    "Invalid load balancer healthy threshold: -5s",
    "load_balancer_healthy_threshold",
  ],
  [
    25,
    "forwarded_client_cert: x",
    "Invalid forwarded client cert mode: x. Allowed values are [always_forward forward sanitize_set]",
    "forwarded_client_cert",
  ],
  [
    26,
    "routing_table_sharding_mode: x",
    "Invalid sharding mode: x. Allowed values are [all segments shared-and-segments]",
    "routing_table_sharding_mode",
  ],
  [
    27,
    "routing_table_sharding_mode: segments",
    "Expected isolation segments; routing table sharding mode set to segments and none provided.",
    "isolation_segments",
  ],
  [
    28,
    "logging: {redact_query_params: x}",
    "Invalid query param redaction mode: x. Allowed values are [none all hash]",
    "logging.redact_query_params",
  ],
  [30, "ca_certs: [good, bad]", "Error while adding 1 cert in CACerts to gorouter's cert pool", "ca_certs[1]"],
  [
    31,
    `${ssl.replace("none", "require")}${pair}only_trust_client_ca_certs: true`,
    "router.client_ca_certs cannot be empty if router.only_trust_client_ca_certs is 'true' and router.client_cert_validation is set to 'request' or 'require'.",
    "client_ca_certs",
  ],
  [
    32,
    "client_ca_certs: bad",
    "Error while adding ClientCACerts to gorouter's client cert pool: \nbad\n",
    "client_ca_certs",
  ],
  [
    34,
    "enable_verify_client_certificate_metadata: true\nverify_client_certificate_metadata: [{issuer_in_chain: {common_name: x}}]",
    "no CA certificate found for rule with ca subject CN=x",
    "verify_client_certificate_metadata",
  ],
];
/** Rows that only a `ConfigChecks` can decide. */
const needCertificates: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7, 12, 18, 30, 32, 34]);

function failure(document: string, check?: ConfigChecks): ConfigError {
  try {
    loadConfig(document, check);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  return assert.fail(`loaded without an error: ${document}`);
}

describe("validation (control-plane §1.3)", () => {
  for (const [row, document, message, key] of rows) {
    it(`row ${row}`, () => {
      const error = failure(document, certificates);
      assert.deepEqual([error.message, error.key], [message, key]);
      if (needCertificates.has(row)) assert.doesNotThrow(() => loadConfig(document));
      else assert.equal(failure(document).message, message);
    });
  }

  it("row 1, before all others", () => {
    const alone = { ...certificates, localIpFault: "dial udp 1.2.3.4:1: connect: network is unreachable" };
    assert.equal(failure("backends: {cert_chain: x, private_key: x}", alone).message, alone.localIpFault);
  });

  for (const [connect, message, key] of [
    ["enabled: true", "connect.routes must name at least one host if connect.enabled is set to true", "connect.routes"],
    [
      "enabled: true, routes: [a.b, a.b/c]",
      'cannot use "a.b/c" in connect.routes: it must be a host without port and path',
      "connect.routes[1]",
    ],
    [
      'routes: ["*"]',
      'cannot use "*" in connect.routes: a wildcard stands for the first labels only, as in *.example.com',
      "connect.routes[0]",
    ],
  ] as const) {
    it(`connect: {${connect}}`, () => {
      const error = failure(`connect: {${connect}}`);
      assert.deepEqual([error.message, error.key], [message, key]);
    });
  }

  it("lets the first failing row decide, whatever the order in the file", () => {
    assert.match(failure("logging: {redact_query_params: x}\nbalancing_algorithm: y").message, /algorithm y/);
    assert.match(failure("balancing_algorithm: y\nstatus: {tls: {port: 1}}").message, /tls\.key must be provided/);
  });

  it("points at the key, or at the section that lacks it", () => {
    const at = ({ line, column }: ConfigError) => [line, column];
    assert.deepEqual(at(failure("zone: a\nlogging:\n  redact_query_params: x")), [3, 3]);
    assert.deepEqual(at(failure("zone: a\nstatus:\n  tls:\n    port: 1")), [3, 3]);
    assert.deepEqual(at(failure("enable_ssl: true")), [0, 0]);
  });

  it("does not look at TLS words while TLS is off", () => {
    const { config } = loadConfig(
      "client_cert_validation: x\nmin_tls_version: y\nmax_tls_version: z\ncipher_suites: q",
    );
    assert.deepEqual(
      [config.client_cert_validation, config.min_tls_version, config.max_tls_version],
      ["none", "TLSv1.2", "TLSv1.2"],
    );
    assert.doesNotThrow(() => loadConfig("only_trust_client_ca_certs: true"));
  });

  it("takes a complete TLS configuration", () => {
    const { config } = loadConfig(ssl + pair, certificates);
    assert.deepEqual([config.enable_ssl, config.client_cert_validation], [true, "none"]);
  });

  it("knows 49 cipher suites", () => assert.equal(cipherSuiteNames.size, 49));

  it("checks our own words after Gorouter's", () => {
    const error = failure("listener: x");
    assert.equal(error.message, 'cannot use listener: "x" is not one of ("wire" | "native")');
    assert.equal(failure("domains: [{domain: a}]").message, "domains[0].ca_certs is required");
  });
});

describe("derived values (control-plane §1.4)", () => {
  it("follow from other keys", () => {
    const { config } = loadConfig(
      "endpoint_timeout: 7s\nendpoint_dial_timeout: 3s\nstart_response_delay_interval: 5m\n" +
        "sticky_session_cookie_names: [a, b, a]\nlogging: {extra_access_log_fields: [dns_time, no, dial_time, dns_time]}",
    );
    assert.equal(config.drain_timeout, 7_000);
    assert.equal(config.websocket_dial_timeout, 3_000);
    assert.equal(config.droplet_stale_threshold, 300_000);
    assert.deepEqual(config.sticky_session_cookie_names, ["a", "b"]);
    assert.deepEqual(config.logging.extra_access_log_fields, ["dns_time", "dial_time"]);
  });

  it("empty lists of buckets are those of the Prometheus client library", () => {
    const { config } = loadConfig(
      "prometheus: {meters: {gorouter_time_histogram_buckets: [], http_latency_histogram_buckets: [1, 2]}}",
    );
    const { meters } = config.prometheus;
    assert.deepEqual(meters.gorouter_time_histogram_buckets, [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
    assert.deepEqual(meters.http_latency_histogram_buckets, [1, 2]);
    assert.equal(meters.route_lookup_time_histogram_buckets.length, 10);
  });

  it("leave what is set", () => {
    const { config } = loadConfig("drain_timeout: 1s\nwebsocket_dial_timeout: 2s");
    assert.deepEqual([config.drain_timeout, config.websocket_dial_timeout], [1_000, 2_000]);
  });
});
