import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { stringify } from "yaml";
import { cipherSuiteNames } from "../../src/core/config/cipher-suites.ts";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Program } from "./harness/program.ts";
import type { Yaml } from "./harness/router.ts";

const authority = makeAuthority("Test Authority");
const good = issue(authority, { names: ["router.test"] });
const other = issue(authority, { names: ["other.test"] });
const pair = { cert_chain: good.certificate, private_key: good.key };
const noPem = "tls: failed to find any PEM data in certificate input";
const mismatch = "tls: private key does not match public key";
const mixed = { cert_chain: good.certificate, private_key: other.key };
const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const ssl: Yaml = { enable_ssl: true, client_cert_validation: "none", cipher_suites: "AES128-SHA", tls_pem: [pair] };
const api: Yaml = { uri: "https://api", port: 1, ...pair };
const pool = (pem: string): string => `Error while adding CACerts to gorouter's routing-api cert pool: \n${pem}\n`;
const rule = { issuer_in_chain: { common_name: "myca", organization: ["acme"], country: ["US"] } };

/** Row of control-plane §1.3, what is wrong, the file, the error's text, and its key. */
const rows: readonly (readonly [row: number, name: string, config: Yaml | string, error: string, key: string])[] = [
  [2, "backends: no pair", { backends: mixed }, `Error loading key pair: ${mismatch}`, "backends.cert_chain"],
  [
    2,
    "backends: switched",
    { backends: { cert_chain: good.key, private_key: good.certificate } },
    "Error loading key pair: tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
    "backends.cert_chain",
  ],
  [
    3,
    "route_services: no pair",
    { route_services: mixed },
    `Error loading key pair: ${mismatch}`,
    "route_services.cert_chain",
  ],
  [
    4,
    "routing_api: empty",
    { routing_api: { uri: "https://a", port: 1 } },
    `Error loading key pair: ${noPem}`,
    "routing_api.cert_chain",
  ],
  [5, "routing_api.ca_certs", { routing_api: { ...api, ca_certs: "x" } }, pool("x"), "routing_api.ca_certs"],
  [6, "nats: empty", { nats: { tls_enabled: true } }, `Error loading NATS key pair: ${noPem}`, "nats.cert_chain"],
  [7, "nats.ca_certs", { nats: { tls_enabled: true, ...pair } }, pool(""), "nats.ca_certs"],
  [
    7,
    "nats.ca_certs: a private key is not shown",
    { nats: { tls_enabled: true, ...pair, ca_certs: good.key } },
    pool("[private key not shown]\n"),
    "nats.ca_certs",
  ],
  [
    8,
    "no health listener",
    { status: { enable_nontls_health_checks: false } },
    "Neither TLS nor non-TLS health endpoints are enabled. Refusing to start gorouter.",
    "status.enable_nontls_health_checks",
  ],
  [9, "status.tls.key", { status: { tls: { port: 1 } } }, "router.status.tls.key must be provided", "status.tls.key"],
  [
    10,
    "status.tls.certificate",
    { status: { tls: { key: "k" } } },
    "router.status.tls.certificate must be provided",
    "status.tls.certificate",
  ],
  [
    11,
    "status.tls.port",
    { status: { tls: { port: 0, key: "k", certificate: "c" } } },
    "router.status.tls.port must not be 0",
    "status.tls.port",
  ],
  [
    12,
    "status.tls: no pair",
    { status: { tls: { certificate: good.certificate, key: other.key } } },
    `Error loading router.status.tls certificate/key pair: ${mismatch}`,
    "status.tls.certificate",
  ],
  [
    13,
    "client_cert_validation",
    { ...ssl, client_cert_validation: undefined },
    "router.client_cert_validation must be one of 'none', 'request' or 'require'.",
    "client_cert_validation",
  ],
  [
    14,
    "min_tls_version",
    { ...ssl, min_tls_version: "TLSv9" },
    'router.min_tls_version should be one of "", "TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"',
    "min_tls_version",
  ],
  [
    15,
    "max_tls_version",
    { ...ssl, max_tls_version: "TLSv1.1" },
    'router.max_tls_version should be one of "TLSv1.2" or "TLSv1.3"',
    "max_tls_version",
  ],
  [
    16,
    "tls_pem empty",
    { ...ssl, tls_pem: [] },
    "router.tls_pem must be provided if router.enable_ssl is set to true",
    "tls_pem",
  ],
  [
    17,
    "tls_pem without key",
    { ...ssl, tls_pem: [pair, { cert_chain: good.certificate }] },
    "Error parsing PEM blocks of router.tls_pem, missing cert or key.",
    "tls_pem[1]",
  ],
  [
    18,
    "tls_pem: no pair",
    { ...ssl, tls_pem: [pair, mixed] },
    `Error loading key pair: ${mismatch}`,
    "tls_pem[1].cert_chain",
  ],
  [
    19,
    "cipher_suites blank",
    { ...ssl, cipher_suites: " " },
    "must specify list of cipher suite when ssl is enabled",
    "cipher_suites",
  ],
  [
    20,
    "cipher_suites unknown",
    { ...ssl, cipher_suites: "AES128-SHA:potato" },
    `Invalid cipher string configuration: potato, please choose from [${[...cipherSuiteNames].join(" ")}]`,
    "cipher_suites",
  ],
  [
    21,
    "no listener",
    { disable_http: true },
    "neither http nor https listener is enabled: router.enable_ssl: false, router.disable_http: true",
    "disable_http",
  ],
  [
    22,
    "balancing_algorithm",
    { balancing_algorithm: "foo-bar" },
    "Invalid load balancing algorithm foo-bar. Allowed values are [round-robin least-connection]",
    "balancing_algorithm",
  ],
  [
    23,
    "balancing_algorithm_az_preference",
    { balancing_algorithm_az_preference: "x" },
    "Invalid load balancing AZ preference x. Allowed values are [none locally-optimistic]",
    "balancing_algorithm_az_preference",
  ],
  [
    24,
    "load_balancer_healthy_threshold",
    { load_balancer_healthy_threshold: "-5s" },
    "Invalid load balancer healthy threshold: -5s",
    "load_balancer_healthy_threshold",
  ],
  [
    25,
    "forwarded_client_cert",
    { forwarded_client_cert: "x" },
    "Invalid forwarded client cert mode: x. Allowed values are [always_forward forward sanitize_set]",
    "forwarded_client_cert",
  ],
  [
    26,
    "routing_table_sharding_mode",
    { routing_table_sharding_mode: "x" },
    "Invalid sharding mode: x. Allowed values are [all segments shared-and-segments]",
    "routing_table_sharding_mode",
  ],
  [
    27,
    "no segments",
    { routing_table_sharding_mode: "segments" },
    "Expected isolation segments; routing table sharding mode set to segments and none provided.",
    "isolation_segments",
  ],
  [
    28,
    "redact_query_params",
    { logging: { redact_query_params: "x" } },
    "Invalid query param redaction mode: x. Allowed values are [none all hash]",
    "logging.redact_query_params",
  ],
  [
    30,
    "ca_certs",
    { ca_certs: [authority.certificate + broken, broken] },
    "Error while adding 1 cert in CACerts to gorouter's cert pool",
    "ca_certs[1]",
  ],
  [
    31,
    "only_trust_client_ca_certs",
    { ...ssl, client_cert_validation: "require", only_trust_client_ca_certs: true },
    "router.client_ca_certs cannot be empty if router.only_trust_client_ca_certs is 'true' and router.client_cert_validation is set to 'request' or 'require'.",
    "client_ca_certs",
  ],
  [
    32,
    "client_ca_certs",
    { client_ca_certs: "no pem" },
    "Error while adding ClientCACerts to gorouter's client cert pool: \nno pem\n",
    "client_ca_certs",
  ],
  [
    33,
    "client_ca_certs unparsable, with metadata rules",
    {
      client_ca_certs: authority.certificate + broken,
      enable_verify_client_certificate_metadata: true,
      verify_client_certificate_metadata: [rule],
    },
    "x509: malformed certificate",
    "verify_client_certificate_metadata",
  ],
  [
    34,
    "issuer of a metadata rule",
    {
      client_ca_certs: authority.certificate,
      enable_verify_client_certificate_metadata: true,
      verify_client_certificate_metadata: [{ issuer_in_chain: { common_name: "Test Authority" } }, rule],
    },
    "no CA certificate found for rule with ca subject CN=myca,O=acme,C=US",
    "verify_client_certificate_metadata",
  ],
  [
    0,
    "values of the wrong type",
    "port: 70000\nendpoint_timeout: 0\nnats: x\n",
    "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `70000` into uint16\n  line 2: cannot unmarshal !!int `0` into time.Duration\n  line 3: cannot unmarshal !!str `x` into config.NatsConfig",
    "port",
  ],
  [0, "a tab", "port:\n\tx: 1\n", "yaml: line 2: found a tab character that violates indentation", ""],
];

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "causeway-failures-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function fileOf(config: Yaml | string): string {
  const file = join(folder, `${++files}.yml`);
  writeFileSync(file, typeof config === "string" ? config : stringify(config));
  return file;
}

/** Waits for a start to fail; gives the data of its one line, which must be as control-plane §1.1 says. */
async function failure(program: Program): Promise<Record<string, unknown>> {
  assert.equal(await program.end(), 1);
  assert.equal(program.stderr, "");
  const [line, ...more] = program.stdout.split("\n");
  assert.deepEqual(more, [""]);
  assert.match(
    line!,
    /^\{"log_level":3,"timestamp":\d{10}(?:\.\d{1,7})?,"message":"Error loading config:","data":\{"error":/,
  );
  return (JSON.parse(line!) as { data: Record<string, unknown> }).data;
}

describe(
  "starts that a configuration makes fail (control-plane §1.1, §1.3): one line, exit 1",
  { concurrency: 2 },
  () => {
    for (const [row, name, config, error, key] of rows) {
      it(`row ${row}, ${name}`, async () => {
        const data = await failure(new Program(["router", "-c", fileOf(config)]));
        assert.deepEqual([data["error"], data["key"] ?? ""], [error, key]);
        // A list's entry, or the nearest section that the file has; nothing for what is missing altogether.
        if (key === "client_cert_validation" || key === "isolation_segments" || key === "client_ca_certs") return;
        assert.ok(Number(data["line"]) > 0, `line of ${key}`);
      });
    }

    it("missing file", async () => {
      const data = await failure(new Program(["router", "-c", "/no/such.yml"]));
      assert.deepEqual(data, { error: "open /no/such.yml: no such file or directory" });
    });

    const alone = ["unshare", "-rn"];
    const unshared = spawnSync(alone[0]!, [...alone.slice(1), "true"]).status === 0;
    it("row 1, no route to anywhere", { skip: !unshared && "network namespaces need rights here" }, async () => {
      const data = await failure(new Program(["router", "-c", fileOf({ backends: mixed })], { through: alone }));
      assert.deepEqual(data, { error: "dial udp 1.2.3.4:1: connect: network is unreachable" });
    });

    it("unknown logging.level: a panic before any line, exit 2", async () => {
      const program = new Program(["router", "-c", fileOf({ logging: { level: "Loud" } })]);
      assert.equal(await program.end(), 2);
      assert.deepEqual([program.stdout, program.stderr.split("\n")[0]], ["", 'panic: unrecognized level: "Loud"']);
    });
  },
);

describe("NATS at start (control-plane §2.1)", () => {
  const names = { names: ["localhost"], ips: ["127.0.0.1"] };
  const day = 24 * 3600 * 1000;
  const expired = issue(authority, { ...names, notAfter: new Date(Date.now() - day) });
  const early = issue(authority, { ...names, notBefore: new Date(Date.now() + day) });

  for (const [name, chain, reason] of [
    ["expired", expired, "is after"],
    ["not yet valid", early, "is before"],
  ] as const) {
    it(`nats-tls-config-invalid: own certificate ${name}`, async () => {
      const nats = {
        tls_enabled: true,
        ca_certs: authority.certificate,
        cert_chain: chain.certificate,
        private_key: chain.key,
      };
      const program = new Program(["router", "-c", fileOf({ nats })]);
      assert.equal(await program.end(), 1);
      const { log_level, source, message, data } = program.logLines.at(-1)!;
      assert.deepEqual([log_level, source, message], [3, "gorouter.stdout.nats", "nats-tls-config-invalid"]);
      const time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";
      const text = "^nats.cert_chain: x509: certificate has expired or is not yet valid: current time";
      assert.match(String(data?.["error"]), new RegExp(`${text} ${time} ${reason} ${time}$`));
    });
  }

  it("a server's URL that cannot be used is named without its password", async () => {
    const nats = { servers: ["http://me:s3cret@127.0.0.1:4222"] };
    const program = new Program(["router", "-c", fileOf({ nats })]);
    assert.equal(await program.end(), 1);
    const error =
      'cannot use nats server "http://***@127.0.0.1:4222": its scheme is unknown; write nats://, tls://, ws:// or wss:// and host:port';
    assert.deepEqual(program.logLines.at(-1)?.data, { error });
  });
});
