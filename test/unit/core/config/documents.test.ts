import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configErrorLine, loadConfig, readConfig } from "../../../../src/cli/load-config.ts";
import { ConfigError } from "../../../../src/core/config/config-error.ts";
import type { Config } from "../../../../src/core/config/schema.ts";

function failure(document: string): ConfigError {
  try {
    loadConfig(document);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  return assert.fail(`loaded without an error: ${document}`);
}

describe("documents that load (control-plane §1.1)", () => {
  const table: readonly (readonly [string, string, (config: Config) => unknown, unknown])[] = [
    [
      "an empty file has the binary defaults",
      "",
      (c) => [c.port, c.logging.level, c.nats.hosts],
      [8081, "debug", [{ hostname: "localhost", port: 4222 }]],
    ],
    ["a file of comments", "# nothing\n---\n# here\n", (c) => c.port, 8081],
    [
      "sections merge key by key",
      "status: {port: 1}\nlogging: {format: {timestamp: rfc3339}}",
      (c) => [c.status.port, c.status.routes.port, c.logging.format.timestamp, c.logging.metron_address],
      [1, 8082, "rfc3339", "localhost:3457"],
    ],
    [
      "lists replace the default",
      "nats: {hosts: [{hostname: a, port: 1}, {hostname: b}]}",
      (c) => c.nats.hosts,
      [
        { hostname: "a", port: 1 },
        { hostname: "b", port: 0 },
      ],
    ],
    [
      "null keeps scalars and sections",
      "port: ~\nstatus:\nzone: null\nendpoint_timeout:",
      (c) => [c.port, c.status.port, c.zone, c.endpoint_timeout],
      [8081, 8080, "", 60_000],
    ],
    [
      "null empties lists",
      "sticky_session_cookie_names:\nnats: {hosts: null}",
      (c) => [c.sticky_session_cookie_names, c.nats.hosts],
      [[], []],
    ],
    ["null items are dropped", "ca_certs: [a, null, b]", (c) => c.ca_certs, ["a", "b"]],
    [
      "strings take any scalar by its text",
      "trace_key: 022\nnats: {user: true, pass: 1234}\nzone: 1.50",
      (c) => [c.trace_key, c.nats.user, c.nats.pass, c.zone],
      ["022", "true", "1234", "1.50"],
    ],
    ["block scalars", "ca_certs:\n- |\n  a\n  b\n- >-\n  c\n  d\n", (c) => c.ca_certs, ["a\nb\n", "c d"]],
    [
      "booleans of YAML 1.1, quoted too",
      'enable_proxy: y\nsecure_cookies: On\ndisable_keep_alives: "no"',
      (c) => [c.enable_proxy, c.secure_cookies, c.disable_keep_alives],
      [true, true, false],
    ],
    [
      "integers in every base",
      "port: 0x1F90\nssl_port: 0o17\nindex: 017\nmax_idle_conns: 0b101",
      (c) => [c.port, c.ssl_port, c.index, c.max_idle_conns],
      [8080, 15, 15, 5],
    ],
    [
      "separators, signs, floats",
      "port: 8_080\ngo_max_procs: -3\nssl_port: 443.9\nindex: 1e3\nmax_idle_conns: +7",
      (c) => [c.port, c.go_max_procs, c.ssl_port, c.index, c.max_idle_conns],
      [8080, -3, 443, 1000, 7],
    ],
    ["a number that is no octal is a float", "index: 089", (c) => c.index, 89],
    [
      "durations",
      'endpoint_timeout: 1m30s\ndrain_wait: "0"\nempty_pool_timeout: -5s',
      (c) => [c.endpoint_timeout, c.drain_wait, c.empty_pool_timeout],
      [90_000, 0, -5_000],
    ],
    ["explicit tags", 'port: !!int "9"\nzone: !!str 5', (c) => [c.port, c.zone], [9, "5"]],
    [
      "anchors and merge keys",
      "tls_pem:\n- &a {cert_chain: c, private_key: k}\n- {<<: *a, private_key: own}",
      (c) => c.tls_pem.map(({ cert_chain, private_key }) => ({ cert_chain, private_key })),
      [
        { cert_chain: "c", private_key: "k" },
        { cert_chain: "c", private_key: "own" },
      ],
    ],
    [
      "lines inside of brackets are indented as they like",
      'isolation_segments: [\na,\n\tb\n]\nnats:\n  hosts: [\n  {\n"hostname": "c"\n},\n{hostname: d}]\nport: 1',
      (c) => [c.isolation_segments, c.nats.hosts.map(({ hostname }) => hostname), c.port],
      [["a", "b"], ["c", "d"], 1],
    ],
    [
      "lines inside of quotes, too",
      "status:\n  user: \"a\nb\"\n  pass: 'c\r\n d'\r\nport: 1",
      (c) => [c.status.user, c.status.pass, c.port],
      ["a b", "c d", 1],
    ],
    ["only the first document counts", "port: 1\n---\nport: [", (c) => c.port, 1],
    ["JSON", '{"port": 5, "backends": {"max_conns": 7}}', (c) => [c.port, c.backends.max_conns], [5, 7]],
    ["workers by number or word", "workers: auto", (c) => c.workers, "auto"],
    ["unknown names inside unknown sections may be doubled", "mystery: {a: 1, a: 2}", (c) => c.port, 8081],
  ];
  for (const [name, document, pick, expected] of table) {
    it(name, () => assert.deepEqual(pick(loadConfig(document).config), expected));
  }
});

describe("documents that do not load", () => {
  const type = (...lines: string[]) => `yaml: unmarshal errors:${lines.map((line) => `\n  ${line}`).join("")}`;
  const table: readonly (readonly [string, string])[] = [
    ["port: 70000", type("line 1: cannot unmarshal !!int `70000` into uint16")],
    ["port: -1", type("line 1: cannot unmarshal !!int `-1` into uint16")],
    ['port: "80"', type("line 1: cannot unmarshal !!str `80` into uint16")],
    ["port: _80", type("line 1: cannot unmarshal !!str `_80` into uint16")],
    ["index: .inf", type("line 1: cannot unmarshal !!float `.inf` into uint")],
    ["index: 99999999999999999999", type("line 1: cannot unmarshal !!float `9999999...` into uint")],
    ["port: -9223372036854775809", type("line 1: cannot unmarshal !!float `-922337...` into uint16")],
    ["endpoint_timeout: 0", type("line 1: cannot unmarshal !!int `0` into time.Duration")],
    ["endpoint_timeout: 5x", type("line 1: cannot unmarshal !!str `5x` into time.Duration")],
    ["enable_ssl: maybe", type("line 1: cannot unmarshal !!str `maybe` into bool")],
    ["enable_ssl: 1", type("line 1: cannot unmarshal !!int `1` into bool")],
    ["isolation_segments: one", type("line 1: cannot unmarshal !!str `one` into []string")],
    ["zone: [a]", type("line 1: cannot unmarshal !!seq into string")],
    ["zone: {a: b}", type("line 1: cannot unmarshal !!map into string")],
    ["nats: text", type("line 1: cannot unmarshal !!str `text` into config.NatsConfig")],
    ["[a]", type("line 1: cannot unmarshal !!seq into config.Config")],
    ["just text", type("line 1: cannot unmarshal !!str `just text` into config.Config")],
    ["port: longer than ten", type("line 1: cannot unmarshal !!str `longer ...` into uint16")],
    [
      "port: x\nok: 1\nstatus:\n  port: y\nbackends: {max_conns: z}",
      type(
        "line 1: cannot unmarshal !!str `x` into uint16",
        "line 4: cannot unmarshal !!str `y` into uint16",
        "line 5: cannot unmarshal !!str `z` into int64",
      ),
    ],
    ["port: 1\nzone: a\nport: 2", type('line 3: mapping key "port" already defined at line 1')],
    [
      "port: 1\nzone: a\nzone: b\nport: 2\nport: 3",
      type(
        'line 4: mapping key "port" already defined at line 1',
        'line 5: mapping key "port" already defined at line 1',
        'line 3: mapping key "zone" already defined at line 2',
        'line 5: mapping key "port" already defined at line 4',
      ),
    ],
    ["port: {a: 1, a: 2}", type('line 1: mapping key "a" already defined at line 1')],
    ["workers: 0", type("line 1: cannot unmarshal !!int `0` into workers")],
    ["port:\n\tx: 1", "yaml: line 2: found a tab character that violates indentation"],
    ["zone: *nobody", "yaml: unknown anchor 'nobody' referenced"],
  ];
  for (const [document, message] of table) {
    it(JSON.stringify(document), () => assert.equal(failure(document).message, message));
  }

  it("says where", () => {
    const { key, line, column } = failure("zone: a\nstatus:\n  tls:\n    port: 99999\n");
    assert.deepEqual({ key, line, column }, { key: "status.tls.port", line: 4, column: 11 });
  });

  it("says where, inside of brackets that stand too far left", () => {
    const { message, line, column } = failure("status:\n  tls: {\n  port: 99999\n}\n");
    assert.equal(message, type("line 3: cannot unmarshal !!int `99999` into uint16"));
    assert.deepEqual([line, column], [3, 9]);
  });

  for (const [what, document] of [
    ["brackets", "zone: x\nisolation_segments: [\na\nport: 1\n"],
    ["quotes", 'zone: x\npid_file: "a\nport: 1\n'],
    ["quotes before the end of a document", 'zone: x\npid_file: "a\n---\nb"\n'],
  ] as const) {
    it(`refuses ${what} that do not end`, () => {
      assert.match(failure(document).message, /^yaml: line \d: (Missing|Flow)/);
    });
  }

  it("refuses documents that grow by aliases", () => {
    const levels = "bcdefghi".split("").map((name, at) => `${name}: &${name} [${`*${"abcdefgh"[at]},`.repeat(9)}]`);
    assert.equal(failure(["a: &a [x]", ...levels].join("\n")).message, "yaml: document contains excessive aliasing");
  });

  it("never shows a piece of a broken document", () => {
    assert.doesNotMatch(failure('status: {pass: x} "s3cret"').message, /s3cret/);
  });
});

describe("unknown keys", () => {
  it("warn with the nearest known name", () => {
    const { warnings } = loadConfig("ednpoint_timeout: 1s\nstatus:\n  user_name: x\nmax_header_bytes: 3");
    assert.deepEqual(
      warnings.map(({ message, line, column }) => [message, line, column]),
      [
        ['unknown key "ednpoint_timeout" at line 1 is ignored; did you mean "endpoint_timeout"?', 1, 1],
        ['unknown key "status.user_name" at line 3 is ignored; see docs/configuration.md for the known ones', 3, 3],
        ['unknown key "max_header_bytes" at line 4 is ignored; did you mean "max_request_header_bytes"?', 4, 1],
      ],
    );
  });
});

describe("reading the file", () => {
  const readTextFile = (error: Error) => ({
    readTextFile: () => Promise.reject(error),
    localIp: () => Promise.resolve("10.0.0.1"),
    matchKey: () => undefined,
  });

  it("has the job's defaults and the embedded bus without one (architecture §6)", async () => {
    const { config } = await readConfig(readTextFile(new Error("not to be read")), undefined);
    assert.equal(config.nats.embedded, true);
    assert.equal(config.start_response_delay_interval, 0);
    assert.equal(config.port, 8081);
    assert.equal(config.backends.max_attempts, 3);
    assert.equal(config.endpoint_timeout, 900_000);
    assert.equal(config.status.user, "router-status");
    assert.equal(config.disable_keep_alives, false);
    assert.equal(config.hop_by_hop_headers_to_filter.length, 8);
  });

  it("says that it is missing as Go does, in the line of control-plane §1.1", async () => {
    const missing = readTextFile(Object.assign(new Error("x"), { code: "ENOENT" }));
    const error = await readConfig(missing, "/no/such.yml").catch((reason: unknown) => reason);
    assert.ok(error instanceof ConfigError);
    const clock = { now: () => 1795298434007.162, monotonic: () => 0, after: () => ({ cancel: () => {} }) };
    assert.equal(
      configErrorLine(error, clock),
      '{"log_level":3,"timestamp":1795298434.007162,"message":"Error loading config:",' +
        '"data":{"error":"open /no/such.yml: no such file or directory"}}\n',
    );
  });
});
