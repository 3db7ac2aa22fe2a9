import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Program } from "./harness/program.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "causeway-check-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function check(text: string): Promise<{ code: number | string; lines: string[] }> {
  const file = join(folder, "gorouter.yml");
  writeFileSync(file, text);
  const program = new Program(["check-config", "-c", file]);
  const code = await program.end();
  assert.equal(program.stderr, "");
  return { code, lines: program.stdout.trimEnd().replaceAll(file, "FILE").split("\n") };
}

describe("causeway check-config", () => {
  it("lists all errors and warnings at once, each with its place; exit 1", async () => {
    const { code, lines } = await check(
      [
        "port: 70000",
        "balancing_algorithm: best",
        "ednpoint_timeout: 5s",
        "pid_file: /run/x.pid",
        "status: {pass: s3cret, tls: {key: s3cret}}",
        "logging: {level: loud, redact_query_params: some, syslog_network: carrier}",
        "publish_active_apps_interval: -1s",
        "prometheus: {enabled: true, meters: {gorouter_time_histogram_buckets: [3, 2]}}",
        "access_log: {enable_streaming: true}",
        "drain_wait: 20",
        "http_rewrite: {responses: {remove_headers: [Server]}}",
        "tls_pem: {cert_chain: c}",
      ].join("\n"),
    );
    assert.equal(code, 1);
    // Which keys do not act yet changes from version to version.
    const lasting = lines.filter((line) => !line.includes("does not act on the key yet"));
    assert.match(lasting.pop()!, /^FILE: 12 errors, \d+ warnings$/);
    assert.deepEqual(lasting, [
      "FILE:1:7: error: cannot unmarshal !!int `70000` into uint16; write a number from 0 to 65535 (port)",
      'FILE:10:13: error: cannot unmarshal !!int `20` into time.Duration; write a duration with its unit, such as "20s" (drain_wait)',
      "FILE:11:45: error: cannot unmarshal !!str `Server` into config.RemoveHeadersConfig; write a section: key: value (http_rewrite.responses.remove_headers[0])",
      "FILE:12:10: error: cannot unmarshal !!map into []config.TlsPemConfig; write a list of sections: - key: value (tls_pem)",
      "FILE:5:24: error: router.status.tls.certificate must be provided (status.tls.certificate)",
      "FILE:5:24: error: Error loading router.status.tls certificate/key pair: tls: failed to find any PEM data in certificate input (status.tls.certificate)",
      "FILE:2:1: error: Invalid load balancing algorithm best. Allowed values are [round-robin least-connection] (balancing_algorithm)",
      "FILE:6:24: error: Invalid query param redaction mode: some. Allowed values are [none all hash] (logging.redact_query_params)",
      'FILE:6:11: error: unrecognized level: "loud" (logging.level)',
      "FILE:7:1: error: non-positive interval for NewTicker (publish_active_apps_interval)",
      "FILE:8:38: error: histogram buckets must be in increasing order: 3.000000 >= 2.000000 (prometheus.meters.gorouter_time_histogram_buckets)",
      "FILE:6:51: error: syslog: invalid network: carrier (logging.syslog_network)",
      'FILE:3:1: warning: unknown key "ednpoint_timeout" at line 3 is ignored; did you mean "endpoint_timeout"? (ednpoint_timeout)',
      "FILE:4:1: warning: never acts: Gorouter never used it (pid_file)",
    ]);
  });

  it("finds what only the start would, or its work later", async () => {
    const { code, lines } = await check(
      [
        "debug_addr: localhost",
        "html_error_template_file: /no/such.tmpl",
        "nats: {servers: ['nats://user:s3cret@[bad:4222', 'http://127.0.0.1:4222', 'tls://127.0.0.1:4222']}",
        "routing_api: {uri: 'ftp://api', port: 3000, ca_certs: s3cret}",
        "oauth: {token_endpoint: uaa.internal, ca_certs: /no/such.pem}",
        "logging: {metron_address: 127.0.0.1}",
        "route_services_hairpinning_allowlist: [route.example.com, 'bad host', '*.*.com']",
        "route_services: {egress_block: [private, 10.0.0], egress_allow: [here]}",
        "enable_ssl: true",
        "cipher_suites: ECDHE-RSA-AES128-GCM-SHA256",
        "tls_pem: [{cert_chain_file: /no/chain.pem, private_key_file: /no/key.pem}]",
        "client_cert_validation: none",
      ].join("\n"),
    );
    assert.equal(code, 1);
    assert.deepEqual(
      lines.filter((line) => !line.includes("(routing_api.c") && !/does not act|^FILE: /.test(line)),
      [
        "FILE:2:1: error: Could not read HTML error template file: open /no/such.tmpl: no such file or directory (html_error_template_file)",
        "FILE:1:1: warning: listen tcp: address localhost: missing port in address (debug_addr)",
        'FILE:3:18: error: cannot use nats server "nats://***@[bad:4222": it is no URL; write nats://, tls://, ws:// or wss:// and host:port (nats.servers[0])',
        'FILE:3:50: error: cannot use nats server "http://127.0.0.1:4222": its scheme is unknown; write nats://, tls://, ws:// or wss:// and host:port (nats.servers[1])',
        "FILE:5:1: error: tls-not-enabled: UAA client requires TLS enabled (oauth.port)",
        "FILE:5:39: error: failed to read ca cert file: open /no/such.pem: no such file or directory (oauth.ca_certs)",
        'FILE:4:15: error: routing_api.uri and its port give "ftp://api:3000", which is no http or https URL (routing_api.uri)',
        "FILE:6:11: error: address 127.0.0.1: missing port in address (logging.metron_address)",
        "FILE:11:11: error: open /no/chain.pem: no such file or directory (tls_pem[0])",
        "FILE:7:59: error: invalid route service hairpinning allowlist entry: bad host. Must be wildcard (*.domain.com) or FQDN (hostname.domain.com) (route_services_hairpinning_allowlist[1])",
        "FILE:7:71: error: invalid route service hairpinning allowlist entry: *.*.com. Must be wildcard (*.domain.com) or FQDN (hostname.domain.com) (route_services_hairpinning_allowlist[2])",
        'FILE:8:18: error: cannot use "10.0.0" in route_services.egress_block: it is none of private, link-local, loopback, nor an IP address or CIDR range (route_services.egress_block)',
        'FILE:8:51: error: cannot use "here" in route_services.egress_allow: it is none of private, link-local, loopback, nor an IP address or CIDR range (route_services.egress_allow)',
      ],
    );
  });

  it("tells of an access log that could not be opened, and creates none", async () => {
    const found = async (file: string): Promise<string[]> => (await check(`access_log: {file: ${file}}\n`)).lines;
    const none = ["FILE: 0 errors, 0 warnings"];
    const one = (file: string, reason: string): string[] => [
      `FILE:1:14: error: open ${file}: ${reason} (access_log.file)`,
      "FILE: 1 error, 0 warnings",
    ];
    const there = join(folder, "there.log");
    writeFileSync(there, "a line\n");
    assert.deepEqual(await found(there), none);
    assert.equal(readFileSync(there, "utf8"), "a line\n");
    assert.deepEqual(await found(join(folder, "new.log")), none);
    assert.equal(existsSync(join(folder, "new.log")), false);
    assert.deepEqual(await found("/dev/stdout"), none);
    assert.deepEqual(await found("/no/such/a.log"), one("/no/such/a.log", "no such file or directory"));
    assert.deepEqual(await found("/usr"), one("/usr", "is a directory"));
    assert.deepEqual(await found(`${there}/a.log`), one(`${there}/a.log`, "not a directory"));
  });

  it("tells of a port that two listeners have, and of certificates that are out of date", async () => {
    const authority = makeAuthority("Check Test Authority");
    const notAfter = new Date("2025-01-31T12:00:00Z");
    const { certificate, key } = issue(authority, { names: ["old.test"], notAfter });
    const files = { cert_chain_file: join(folder, "old.pem"), private_key_file: join(folder, "old.key") };
    writeFileSync(files.cert_chain_file, certificate);
    writeFileSync(files.private_key_file, key);
    const config = {
      enable_ssl: true,
      ssl_port: 8080,
      client_cert_validation: "none",
      cipher_suites: "ECDHE-RSA-AES128-GCM-SHA256",
      tls_pem: [{ cert_chain: certificate, private_key: key }, files],
      status: { tls: { certificate, key } },
    };
    const { code, lines } = await check(JSON.stringify(config, undefined, 1));
    assert.equal(code, 1);
    const found = lines.map((line) => line.replace(/^FILE:\d+:\d+: /, "").replace(/time \S+ is/, "time NOW is"));
    const old = "x509: certificate has expired or is not yet valid: current time NOW is after 2025-01-31T12:00:00Z";
    assert.deepEqual(found, [
      "error: port 8080 is that of ssl_port already; give it another one (status.port)",
      `warning: ${old} (tls_pem[0])`,
      `warning: ${old} (tls_pem[1])`,
      `warning: ${old} (status.tls.certificate)`,
      "FILE: 1 error, 3 warnings",
    ]);
  });

  it("exits with 0 when there are only warnings, or nothing to say", async () => {
    assert.deepEqual(await check("port: 8081\n"), { code: 0, lines: ["FILE: 0 errors, 0 warnings"] });
    assert.deepEqual(await check("prot: 8081\n"), {
      code: 0,
      lines: [
        'FILE:1:1: warning: unknown key "prot" at line 1 is ignored; did you mean "port"? (prot)',
        "FILE: 0 errors, 1 warning",
      ],
    });
  });

  it("says why a file cannot be read, and that it needs one", async () => {
    const missing = new Program(["check-config", "-c", "/no/such.yml"]);
    assert.equal(await missing.end(), 1);
    assert.match(missing.stdout, /^\/no\/such\.yml: error: open \/no\/such\.yml: no such file or directory\n/);
    const none = new Program(["check-config"]);
    assert.equal(await none.end(), 2);
    assert.equal(none.stderr, "cannot check without a file: give -c FILE\n");
  });
});

describe("causeway config-schema", () => {
  it("prints a JSON Schema", async () => {
    const program = new Program(["config-schema"]);
    assert.equal(await program.end(), 0);
    const schema = JSON.parse(program.stdout) as { $schema: string; properties: Record<string, unknown> };
    assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
    assert.deepEqual(schema.properties["port"], {
      description: "Plain HTTP listener on every address; 0 picks a free port.",
      type: ["integer", "null"],
      minimum: 0,
      maximum: 65535,
      default: 8081,
    });
  });
});
