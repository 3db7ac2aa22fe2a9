import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeConfig } from "../../../src/route-registrar/config/decode.ts";
import { parseJsonDocument } from "../../../src/route-registrar/config/json-document.ts";
import { Report } from "../../../src/route-registrar/config/report.ts";
import { type RegistrarConfig, validateConfig } from "../../../src/route-registrar/config/validate.ts";
import { registryMessage } from "../../../src/route-registrar/message.ts";

type Json = { [key: string]: unknown };

const bus = { message_bus_servers: [{ host: "10.0.0.1:4222", user: "u", password: "p" }] };
const http = { name: "r", host: "10.0.1.7", port: 8080, uris: ["svc.example.test"], registration_interval: "20s" };
const tcp = {
  type: "tcp",
  host: "10.0.1.7",
  port: 5432,
  router_group: "default-tcp",
  external_port: 60000,
  registration_interval: "20s",
};
const api = {
  api_url: "http://api.example.test:3000",
  oauth_url: "https://uaa.example.test:8443",
  client_id: "client",
  client_secret: "secret",
};
const tlsApi = {
  ...api,
  api_url: "https://api.example.test:3001",
  client_cert_path: "c",
  client_private_key_path: "k",
  server_ca_cert_path: "s",
};

function judge(config: unknown): RegistrarConfig | Report {
  return validateConfig(decodeConfig("json", parseJsonDocument(JSON.stringify(config))).value);
}

function accepted(config: unknown): RegistrarConfig {
  const judged = judge(config);
  if (judged instanceof Report) assert.fail(judged.toString());
  return judged;
}

/** The report as its lines, without the first. */
function reported(config: unknown): string[] {
  const judged = judge(config);
  assert.ok(judged instanceof Report, "the configuration was accepted");
  const lines = judged.toString().split("\n");
  assert.equal(lines.pop(), "");
  return lines.slice(1).map((line) => line.replace(/^ {4}/, ""));
}

/** Problems of one HTTP route with these changes; `undefined` takes a key away. */
function httpProblems(changes: Json): string[] {
  const [heading, ...problems] = reported({ ...bus, routes: [{ ...http, ...changes }] });
  assert.match(heading!, /^there (was 1 error|were \d errors) with 'route (0|"r")':$/);
  return problems.map((line) => line.replace(/^ {4}(\* )?/, ""));
}

function tcpProblems(changes: Json): string[] {
  return reported({ routing_api: api, routes: [{ ...tcp, ...changes }] })
    .slice(1)
    .map((line) => line.slice(6));
}

const message = (changes: Json, top: Json = {}): string => {
  const config = accepted({ ...bus, ...top, routes: [{ ...http, ...changes }] });
  return registryMessage(config.routes[0]!, "6f1c2d4e-0a55-4b1e-9a0f-2f6f3f9f1c11", config.availabilityZone);
};
const id = '"private_instance_id":"6f1c2d4e-0a55-4b1e-9a0f-2f6f3f9f1c11"';

describe("registrar configuration: what is accepted, and what is published (route-registrar §4, §9)", () => {
  const messages: readonly (readonly [what: string, changes: Json, top: Json, expected: string])[] = [
    [
      "the reference's example",
      {},
      { availability_zone: "z1" },
      `{"uris":["svc.example.test"],"host":"10.0.1.7","port":8080,"tags":null,${id},"availability_zone":"z1"}`,
    ],
    [
      "host falls back to the top level",
      { host: undefined },
      { host: "10.9.9.9" },
      `{"uris":["svc.example.test"],"host":"10.9.9.9","port":8080,"tags":null,${id}}`,
    ],
    [
      "its own host wins",
      {},
      { host: "10.9.9.9" },
      `{"uris":["svc.example.test"],"host":"10.0.1.7","port":8080,"tags":null,${id}}`,
    ],
    [
      "every key, in Go's order, maps sorted, HTML escaped",
      {
        protocol: "http2",
        tls_port: 8443,
        tags: { b: "<2>", a: "1&" },
        route_service_url: "https://rs.example.test",
        server_cert_domain_san: "svc",
        options: { loadbalancing: "least-connection" },
        uris: ["a.test/path", "*.b.test"],
      },
      {},
      `{"uris":["a.test/path","*.b.test"],"host":"10.0.1.7","protocol":"http2","port":8080,"tls_port":8443,` +
        `"tags":{"a":"1\\u0026","b":"\\u003c2\\u003e"},"route_service_url":"https://rs.example.test",${id},` +
        `"server_cert_domain_san":"svc","options":{"loadbalancing":"least-connection"}}`,
    ],
    [
      "a TLS port alone",
      { port: undefined, tls_port: 8443 },
      {},
      `{"uris":["svc.example.test"],"host":"10.0.1.7","tls_port":8443,"tags":null,${id}}`,
    ],
    [
      "empty tags and options",
      { tags: {}, options: {} },
      {},
      `{"uris":["svc.example.test"],"host":"10.0.1.7","port":8080,"tags":{},${id}}`,
    ],
    [
      "null is as good as absent",
      { tags: null, options: null, tls_port: null, protocol: null },
      {},
      `{"uris":["svc.example.test"],"host":"10.0.1.7","port":8080,"tags":null,${id}}`,
    ],
    [
      "a type with a typing error is HTTP",
      { type: "htpp" },
      {},
      `{"uris":["svc.example.test"],"host":"10.0.1.7","port":8080,"tags":null,${id}}`,
    ],
  ];
  for (const [what, changes, top, expected] of messages) {
    it(what, () => assert.equal(message(changes, top), expected));
  }

  it("JSON keys match without regard to case; unknown ones are noted with the nearest known one", () => {
    const text = JSON.stringify({ ...bus, Routes: [{ ...http, TLS_Port: 1, registration_intervall: "1s" }] });
    const { value, warnings } = decodeConfig("json", parseJsonDocument(text));
    assert.equal(value.routes[0]?.tlsPort, 1);
    assert.deepEqual(warnings, [
      'unknown key "routes.registration_intervall" is ignored; did you mean "registration_interval"?',
    ]);
  });

  it("keys that only the job knows are no unknown ones (§14)", () => {
    const text = JSON.stringify({ routes: [{ prepend_instance_index: true, server_cert_domain_name_modifier: {} }] });
    assert.deepEqual(decodeConfig("json", parseJsonDocument(text)).warnings, []);
  });

  it("no routes at all", () => assert.deepEqual(accepted({}).routes, []));
  it("the limit is 5 unless given", () => {
    assert.equal(accepted({}).unregistrationLimit, 5);
    assert.equal(accepted({ unregistration_message_limit: 7 }).unregistrationLimit, 7);
  });

  it("a health check without timeout gets half of the interval (§6.3)", () => {
    const config = accepted({
      ...bus,
      routes: [{ ...http, registration_interval: "1s", health_check: { name: "h", script_path: "/bin/h" } }],
    });
    assert.deepEqual(config.routes[0]?.healthCheck, { name: "h", scriptPath: "/bin/h", timeoutNs: 500_000_000n });
  });

  it("sni becomes tcp: port and name from the SNI keys, even absent ones (§6.5)", () => {
    const route = { ...tcp, type: "sni", sni_port: 8443, sni_routable_san: "san.test", server_cert_domain_san: "x" };
    const { type, kind, port, serverCertDomainSan } = accepted({ routing_api: api, routes: [route] }).routes[0]!;
    assert.deepEqual([type, kind, port, serverCertDomainSan], ["tcp", "tcp", 8443, "san.test"]);
    const bare = accepted({ routing_api: api, routes: [{ ...route, sni_routable_san: undefined }] }).routes[0]!;
    assert.equal(bare.serverCertDomainSan, "");
  });

  it("a deficient routing_api without TCP routes is dropped silently (§6.1)", () => {
    assert.equal(accepted({ routing_api: { api_url: "http://x" } }).routingApi, undefined);
    assert.equal(accepted({ routing_api: tlsApi }).routingApi?.maxTtlSeconds, 120);
  });

  for (const [text, seconds] of [
    ["90s", 90],
    ["", 120],
    ["junk", 120],
    ["0s", 120],
    ["-1m", 120],
    ["1m30.9s", 90],
  ] as const) {
    it(`max_ttl ${JSON.stringify(text)} is ${seconds} s (§4.4)`, () => {
      assert.equal(accepted({ routing_api: { ...api, max_ttl: text } }).routingApi?.maxTtlSeconds, seconds);
    });
  }

  for (const [what, changes] of [
    ["without port, but sni_port (D9)", { port: undefined, sni_port: 1 }],
    ["with a plain route service (D10)", { route_service_url: "http://rs.example.test" }],
  ] as const) {
    it(`an HTTP route ${what} is known to be in vain`, () => {
      assert.match(accepted({ ...bus, routes: [{ ...http, ...changes }] }).routes[0]?.refusal ?? "", /https|sni_port/);
    });
  }
});

describe("registrar configuration: what is refused, word for word (route-registrar §6)", () => {
  const loadBalancing = "unknown load balancing algorithm: random. Allowed values: [round-robin least-connection]";
  const rules: readonly (readonly [changes: Json, problems: readonly string[]])[] = [
    [{ name: "" }, ["no name"]],
    [{ host: "" }, ["no host"]],
    [{ port: undefined }, ["no port"]],
    [{ port: 0 }, ["invalid port: 0"]],
    [{ tls_port: 0 }, ["invalid tls_port: 0"]],
    [{ uris: undefined }, ["no URIs"]],
    [{ uris: [] }, ["no URIs"]],
    [{ uris: ["", "a", ""] }, ["empty URIs"]],
    [{ route_service_url: ":x" }, ['parse ":x": missing protocol scheme']],
    [{ route_service_url: "https://a b" }, ['parse "https://a b": invalid character " " in host name']],
    [{ protocol: "http3" }, ["unknown protocol: http3"]],
    [{ options: { loadbalancing: "random" } }, [loadBalancing]],
    [{ registration_interval: "" }, ["no registration_interval"]],
    [{ registration_interval: "asdf" }, ['invalid registration_interval: time: invalid duration "asdf"']],
    [{ registration_interval: "0s" }, ["invalid registration_interval: interval must be greater than 0"]],
    [{ registration_interval: "-1s" }, ["invalid registration_interval: interval must be greater than 0"]],
    [
      { name: "", host: "", port: undefined, uris: [], protocol: "x", registration_interval: "10" },
      [
        "no name",
        "no host",
        "no port",
        "no URIs",
        "unknown protocol: x",
        'invalid registration_interval: time: missing unit in duration "10"',
      ],
    ],
  ];
  for (const [changes, problems] of rules) {
    it(JSON.stringify(changes), () => assert.deepEqual(httpProblems(changes), problems));
  }

  const checks: readonly (readonly [check: Json, problems: readonly string[], interval?: string])[] = [
    [{}, ["no name", "no script_path"]],
    [{ name: "h", script_path: "s", timeout: "x" }, ['invalid healthcheck timeout: time: invalid duration "x"']],
    [{ name: "h", script_path: "s", timeout: "0" }, ["invalid healthcheck timeout: 0s"]],
    [{ name: "h", script_path: "s", timeout: "-1s" }, ["invalid healthcheck timeout: -1s"]],
    [
      { name: "h", script_path: "s", timeout: "20s" },
      ["invalid healthcheck timeout: 20s must be less than the registration interval: 20s"],
    ],
    [
      { name: "h", script_path: "s", timeout: "90m" },
      ["invalid healthcheck timeout: 1h30m0s must be less than the registration interval: 20s"],
    ],
  ];
  for (const [check, problems] of checks) {
    it(`health_check ${JSON.stringify(check)}`, () => {
      const [heading, ...found] = httpProblems({ health_check: check });
      const count = problems.length === 1 ? "was 1 error" : `were ${problems.length} errors`;
      assert.equal(heading, `there ${count} with 'healthcheck':`);
      assert.deepEqual(
        found.map((line) => line.trimStart().slice(2)),
        problems,
      );
    });
  }

  it("a check without timeout, where the interval is no duration", () => {
    const [first, heading, found] = httpProblems({
      registration_interval: "1d",
      health_check: { name: "h", script_path: "s" },
    });
    assert.equal(first, 'invalid registration_interval: time: unknown unit "d" in duration "1d"');
    assert.equal(heading, "there was 1 error with 'healthcheck':");
    assert.equal(found?.trimStart(), '* invalid healthcheck timeout: time: invalid duration ""');
  });

  const tcpRules: readonly (readonly [changes: Json, problems: readonly string[]])[] = [
    [{ router_group: "" }, ["missing router_group"]],
    [{ external_port: 0 }, ["invalid port: 0"]],
    // These three stopped the original at their first registration (D3).
    [{ external_port: undefined }, ["no external_port"]],
    [{ port: undefined, tls_port: 1 }, ["no port"]],
    [{ type: "sni" }, ["no sni_port"]],
    [{ port: undefined }, ["no port"]],
  ];
  for (const [changes, problems] of tcpRules) {
    it(`tcp ${JSON.stringify(changes)}`, () => assert.deepEqual(tcpProblems(changes), problems));
  }

  it("a TCP route needs no name, and is labelled by its index", () => {
    assert.equal(
      reported({ routing_api: api, routes: [tcp, { ...tcp, router_group: "" }] })[0],
      "there was 1 error with 'route 1':",
    );
  });

  const apis: readonly (readonly [api: Json | undefined, problem: string])[] = [
    [undefined, "routing_api must have an api_url"],
    [{ ...api, api_url: "" }, "routing_api must have an api_url"],
    [{ ...api, api_url: "http://%zz" }, "routing_api must a vaid URL"],
    [{ ...api, api_url: "api.example.test:3000" }, "routing_api must a vaid URL"],
    [{ ...api, api_url: "ftp://api.example.test" }, "routing_api must a vaid URL"],
    [{ ...api, oauth_url: "" }, "routing_api must have an oauth_url"],
    [{ ...api, client_id: "" }, "routing_api must have a client_id"],
    [{ ...api, client_secret: "" }, "routing_api must have a client_secret"],
    [{ ...tlsApi, client_cert_path: "" }, "routing_api must have a client_certificate_path"],
    [{ ...tlsApi, client_private_key_path: "" }, "routing_api must have a client_private_key_path"],
    [{ ...tlsApi, server_ca_cert_path: "" }, "routing_api must have a server_ca_cert_path"],
  ];
  for (const [one, problem] of apis) {
    it(`routing_api ${JSON.stringify(one)?.slice(0, 60)}: ${problem}`, () => {
      assert.deepEqual(reported({ routing_api: one, routes: [tcp] }), [`* ${problem}`]);
    });
  }

  it("an invalid route asks for neither servers nor Routing API (§6.1)", () => {
    assert.deepEqual(reported({ routes: [{ ...http, name: "" }] }), [
      "there was 1 error with 'route 0':",
      "    * no name",
    ]);
    assert.equal(reported({ routes: [{ ...tcp, router_group: "" }] }).length, 2);
  });

  it("the limit comes first, then routes, bus, Routing API", () => {
    assert.deepEqual(reported({ unregistration_message_limit: 0, routes: [http, { ...http, uris: [] }, tcp] }), [
      "* unregistration_message_limit must be a positive integer",
      "there was 1 error with 'route \"r\"':",
      "    * no URIs",
      "* message_bus_servers must have at least one entry",
      "* routing_api must have an api_url",
    ]);
  });

  it("the reference's report (§6.6)", () => {
    const judged = judge({
      routes: [
        { port: 8080, uris: ["a"], registration_interval: "20s", health_check: {} },
        { name: "beta", host: "h", port: 1, uris: ["b"] },
        http,
      ],
    });
    assert.equal(
      String(judged),
      `there were 6 errors with 'config':
    there were 4 errors with 'route 0':
        * no name
        * no host
        there were 2 errors with 'healthcheck':
            * no name
            * no script_path
    there was 1 error with 'route "beta"':
        * no registration_interval
    * message_bus_servers must have at least one entry
`,
    );
  });
});

describe("registrar configuration: what is no configuration (route-registrar §4.1)", () => {
  const broken: readonly (readonly [text: string, error: RegExp])[] = [
    ["", /^unexpected end of JSON input$/],
    ["{", /^unexpected end of JSON input$/],
    ["{} x", /^invalid character 'x' after top-level value$/],
    ["{} \u00e4", /^invalid character '\u00c3' after top-level value$/],
    ["{} \ud83d\ude00", /^invalid character '\u00f0' after top-level value$/],
    [
      '{"routes":[{"port":"80"}]}',
      /^json: cannot unmarshal string into Go struct field RouteSchema.routes.port of type uint16$/,
    ],
    ['{"routes":[{"port":65536}]}', /^json: cannot unmarshal number 65536 into .* of type uint16$/],
    ['{"routes":[{"port":-1}]}', /^json: cannot unmarshal number -1 into .* of type uint16$/],
    ['{"routes":[{"port":80.5}]}', /^json: cannot unmarshal number 80.5 into .* of type uint16$/],
    ['{"host":1}', /^json: cannot unmarshal number into Go struct field ConfigSchema.host of type string$/],
    ['{"routes":{}}', /^json: cannot unmarshal object into .*routes of type \[\]config.RouteSchema$/],
    [
      '{"nats_mtls_config":{"enabled":"yes"}}',
      /^json: cannot unmarshal string into .*nats_mtls_config.enabled of type bool$/,
    ],
    ['{"routes":[{"tags":{"a":1}}]}', /^json: cannot unmarshal number into .*routes.tags of type string$/],
    ["[]", /^json: cannot unmarshal array into Go value of type config.ConfigSchema$/],
  ];
  for (const [text, error] of broken) {
    it(JSON.stringify(text), () => {
      assert.throws(() => decodeConfig("json", parseJsonDocument(text)), { message: error });
    });
  }
});
