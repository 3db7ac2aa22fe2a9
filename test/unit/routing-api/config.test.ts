import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseYaml } from "../../../src/cli/load-config.ts";
import { loadRoutingApiConfig } from "../../../src/routing-api/config/load.ts";
import { localConfig } from "../../../src/routing-api/config/local.ts";
import { writtenDocument } from "../../../src/routing-api/config/written.ts";

const base = {
  api: { http_enabled: true, listen_port: 3000 },
  admin_port: 15897,
  system_domain: "example.com",
  log_guid: "log",
  uuid: "owner",
  oauth: { token_endpoint: "uaa.example.com", port: 8443 },
};
const load = (changes: object, auth = true) => loadRoutingApiConfig({ ...base, ...changes }, auth, () => "guid");
const group = (changes: object) => ({ router_groups: [{ name: "g", type: "tcp", ...changes }] });

describe("configuration of the Routing API (routing-api §3)", () => {
  const refused: readonly (readonly [changes: object, message: string])[] = [
    [{ system_domain: "", log_guid: "" }, "no system_domain specified"],
    [{ log_guid: null, oauth: {} }, "no log_guid specified"],
    [{ oauth: null, uuid: "" }, "no token endpoint specified"],
    [{ oauth: { token_endpoint: "x" }, uuid: "" }, "routing API requires TLS enabled to get OAuth token"],
    [{ uuid: "", admin_port: 0 }, "no UUID is specified"],
    [{ admin_port: null }, "invalid admin port: port number is invalid: 0 (1-65535)"],
    [{ admin_port: 65536 }, "invalid admin port: port number is invalid: 65536 (1-65535)"],
    [{ api: { http_enabled: true } }, "invalid API listen port: port number is invalid: 0 (1-65535)"],
    [{ api: { listen_port: -1 } }, "invalid API listen port: port number is invalid: -1 (1-65535)"],
    [{ api: {} }, "invalid API mTLS listen port: port number is invalid: 0 (1-65535)"],
    [
      { api: { ...base.api, mtls_client_ca_file: "x", mtls_listen_port: 70000 } },
      "invalid API mTLS listen port: port number is invalid: 70000 (1-65535)",
    ],
    [{ max_ttl: "120" }, 'max_ttl: time: missing unit in duration "120"'],
    [{ max_ttl: "999ms" }, "max_ttl: 999ms is too short; give 1s or more"],
    // Durations come last (§3).
    [{ max_ttl: "x", system_domain: "" }, "no system_domain specified"],
    [{ body_timeout: "soon" }, 'body_timeout: time: invalid duration "soon"'],
    [{ sqldb: { type: "oracle" } }, "unknown type oracle"],
    [group({ name: "" }), "missing name in router group"],
    [group({ type: "" }), "missing type in router group"],
    [group({}), "missing reservable_ports in router group: g"],
    [group({ reservable_ports: 80 }), "port must be between 1024 and 65535"],
    [group({ reservable_ports: [2000, "x"] }), "invalid type for reservable port"],
    [group({ reservable_ports: { from: 2000 } }), "invalid type for reservable port"],
    [
      {
        ...group({ reservable_ports: "2000-2010" }),
        ...{ reserved_system_component_ports: [2005, 9000] },
        fail_on_router_port_conflicts: true,
      },
      "Invalid ports. Reservable ports must not include the following reserved system component ports: [2005 9000].",
    ],
  ];
  for (const [changes, message] of refused)
    it(`refuses ${JSON.stringify(changes)}`, () => {
      assert.throws(() => load(changes), { message });
    });

  it("has the defaults of the original", () => {
    const { max_ttl, sqldb, groups, reservedPorts, inert, skip_ssl_validation } = load({ unknown: { key: 1 } });
    assert.equal(max_ttl, 120_000);
    assert.deepEqual([groups, reservedPorts, inert, skip_ssl_validation], [[], [], [], false]);
    assert.deepEqual([sqldb.max_idle_connections, sqldb.max_open_connections, sqldb.port], [0, 0, 0]);
    assert.equal(load({ max_ttl: "" }).max_ttl, 120_000);
    assert.equal(load({ max_ttl: "1m30s" }).max_ttl, 90_000);
  });

  it("asks for no UAA where nobody needs a token", () => {
    assert.equal(load({ oauth: {} }, false).oauth.port, 0);
  });

  it("takes reservable ports as text, number or list", () => {
    const ports = ["2000-2010,3000", 2000, [2000, 2001]];
    assert.deepEqual(
      ports.map((reservable_ports) => load(group({ reservable_ports })).groups[0]),
      ["2000-2010,3000", "2000", "2000,2001"].map((reservablePorts) => ({
        guid: "guid",
        name: "g",
        type: "tcp",
        reservablePorts,
      })),
    );
  });

  it("lets groups cover reserved ports unless told otherwise", () => {
    const config = load({ ...group({ reservable_ports: "2000-2010" }), reserved_system_component_ports: [2005] });
    assert.deepEqual(config.reservedPorts, []);
  });

  /** From YAML; `text` holds further keys. */
  const fromYaml = (text: string) => {
    const whole = Object.entries(base).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
    return loadRoutingApiConfig(writtenDocument(parseYaml(`${whole.join("\n")}\n${text}\n`)), true, () => "guid");
  };

  it("takes a text as it was written, whatever YAML thinks of it, and yes for true", () => {
    const { sqldb, skip_ssl_validation, max_ttl, groups } = fromYaml(
      [
        "sqldb: {type: postgres, password: 0123, username: 1e3, schema: yes, host: ~}",
        "skip_ssl_validation: yes",
        "max_ttl: 1m30s",
        "router_groups: [{name: 007, type: tcp, reservable_ports: [2000, 2001]}, {name: g, type: tcp, reservable_ports: 3000}]",
      ].join("\n"),
    );
    assert.deepEqual([sqldb.password, sqldb.username, sqldb.schema, sqldb.host], ["0123", "1e3", "yes", ""]);
    assert.deepEqual([skip_ssl_validation, max_ttl], [true, 90_000]);
    assert.deepEqual(
      groups.map(({ name, reservablePorts }) => [name, reservablePorts]),
      [
        ["007", "2000,2001"],
        ["g", "3000"],
      ],
    );
  });

  for (const [text, message] of [
    ["sqldb: {port: x}", "sqldb.port: line 7: cannot unmarshal !!str `x` into int"],
    ["skip_ssl_validation: 1", "skip_ssl_validation: line 7: cannot unmarshal !!int `1` into bool"],
    ["sqldb: [x]", "sqldb: must be a mapping"],
    ["router_groups: [{name: g, type: tcp, reservable_ports: [a]}]", "invalid type for reservable port"],
    ["router_groups: [{name: g, type: tcp, reservable_ports: true}]", "invalid type for reservable port"],
    ["router_groups: [", /^yaml: /],
  ] as const)
    it(`refuses the YAML ${text}`, () => {
      assert.throws(() => fromYaml(text), { message });
    });

  it("refuses a file that holds something else", () => {
    for (const text of ["- a", "a"])
      assert.throws(() => loadRoutingApiConfig(writtenDocument(parseYaml(text)), true, () => "guid"), {
        message: "the file holds no mapping; write KEY: VALUE, one a line",
      });
  });

  it("names the keys that do nothing, those of another database too", () => {
    const config = load({
      lock_ttl: "10s",
      retry_interval: "5s",
      metron_config: {},
      debug_address: "x",
      sqldb: { type: "postgres", host: "x", file: "y", max_idle_connections: 10 },
    });
    assert.deepEqual(config.inert, [
      "debug_address",
      "lock_ttl",
      "metron_config",
      "retry_interval",
      "sqldb.file",
      "sqldb.max_idle_connections",
    ]);
  });

  it("keeps routes in the same file by default inside a router", () => {
    const choices = { port: 3000, maxTtlMs: 1000 };
    assert.equal(load({}).sqldb.file, "routing-api.sqlite");
    assert.equal(localConfig({ ...choices, file: "" }).sqldb.file, "routing-api.sqlite");
    assert.equal(localConfig({ ...choices, file: "mine.sqlite" }).sqldb.file, "mine.sqlite");
  });
});
