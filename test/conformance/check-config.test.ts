import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
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
      ].join("\n"),
    );
    assert.equal(code, 1);
    // Which keys do not act yet changes from version to version.
    const lasting = lines.filter((line) => !line.includes("does not act on the key yet"));
    assert.match(lasting.pop()!, /^FILE: 9 errors, \d+ warnings$/);
    assert.deepEqual(lasting, [
      "FILE:1:7: error: cannot unmarshal !!int `70000` into uint16 (port)",
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
