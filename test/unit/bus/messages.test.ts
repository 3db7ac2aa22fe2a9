import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeRegistryMessage, endpointOf, MessageError } from "../../../src/bus/messages.ts";
import type { RegistryMessage } from "../../../src/bus/registry-message.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (text: string): RegistryMessage => decodeRegistryMessage(encode(text));
const errorOf = (payload: Uint8Array): string => {
  try {
    decodeRegistryMessage(payload);
  } catch (error) {
    assert.ok(error instanceof MessageError, String(error));
    return error.message;
  }
  return "accepted";
};

const field = (kind: string, path: string, type: string): string =>
  `json: cannot unmarshal ${kind} into Go struct field ${path} of type ${type}`;

describe("registry message (control-plane §2.4)", () => {
  it("decodes every field", () => {
    const message = decode(
      `{"host":"10.0.0.1","port":80,"tls_port":443,"uris":["a.b","c/d"],"app":"guid","private_instance_id":"id",
        "private_instance_index":"2","server_cert_domain_san":"san","tags":{"component":"x","__proto__":"y"},
        "stale_threshold_in_seconds":-5,"isolation_segment":"is","availability_zone":"z1",
        "route_service_url":"https://rs","endpoint_updated_at_ns":1745935687123456789,"protocol":"http2",
        "options":{"loadbalancing":"least-connection","hash_header":"X-H","hash_balance":1.5,"proxy_protocol":"v2","without_endpoints":true,"other":7},"unknown":[{"deep":[1,2,{}]},[]]}`,
    );
    assert.deepEqual(
      { ...message, tags: new Map(message.tags) },
      {
        host: "10.0.0.1",
        port: 80,
        tlsPort: 443,
        uris: ["a.b", "c/d"],
        app: "guid",
        privateInstanceId: "id",
        privateInstanceIndex: "2",
        serverCertDomainSan: "san",
        tags: new Map([
          ["component", "x"],
          ["__proto__", "y"],
        ]),
        staleThresholdSeconds: -5,
        isolationSegment: "is",
        availabilityZone: "z1",
        routeServiceUrl: "https://rs",
        endpointUpdatedAtNs: "1745935687123456789",
        protocol: "http2",
        loadBalancing: "least-connection",
        hashHeader: "X-H",
        hashBalance: 1.5,
        proxyProtocol: "v2",
        withoutEndpoints: true,
        mismatch: undefined,
      },
    );
  });

  it("takes a version of the PROXY protocol, with which an endpoint speaks HTTP/1.1", () => {
    const version = (json: string) => decode(`{"options":{"proxy_protocol":${json}}}`).proxyProtocol;
    assert.deepEqual(['"v1"', '"v2"', '""', "null"].map(version), ["v1", "v2", undefined, undefined]);
    for (const bad of ['"v3"', '"1"', "2"]) assert.throws(() => version(bad), MessageError);
    const endpoint = endpointOf(decode('{"protocol":"http2","options":{"proxy_protocol":"v1"}}'), true);
    assert.deepEqual([endpoint.protocol, endpoint.proxyProtocol], ["http1", "v1"]);
  });

  it("takes hash_balance as a number or as one in a string (control-plane §9.1)", () => {
    const balance = (json: string) => decode(`{"options":{"loadbalancing":"hash","hash_balance":${json}}}`).hashBalance;
    assert.deepEqual([balance("2"), balance("1.25e0"), balance('"1.1"'), balance("null")], [2, 1.25, 1.1, 0]);
    for (const [json, found] of [
      ['"much"', 'string "much"'],
      ["1e999", "number 1e999"],
      ["true", "bool"],
    ] as const) {
      const text = field(found, "RegistryMessageOpts.options.hash_balance", "float64");
      assert.throws(() => balance(json), { message: text });
    }
  });

  it("takes null, at the top or for any field, as nothing", () => {
    const empty = decode("{}");
    assert.deepEqual(decode(" null\n"), empty);
    const nulls = ["host", "port", "tls_port", "uris", "app", "tags", "options", "endpoint_updated_at_ns", "protocol"];
    assert.deepEqual(decode(`{${nulls.map((key) => `"${key}":null`).join(",")}}`), empty);
    assert.deepEqual(decode('{"uris":[null],"tags":{"a":null}}').uris, [""]);
    assert.deepEqual(new Map(decode('{"tags":{"a":null}}').tags), new Map([["a", ""]]));
    assert.equal(decode('{"host":"a","host":null}').host, "a");
    assert.equal(decode('{"tags":{"a":"1"},"tags":null}').tags, null);
  });

  it("matches keys without regard to case, by simple folding", () => {
    assert.equal(decode('{"HOST":"a"}').host, "a");
    assert.equal(decode('{"Tls_Port":1}').tlsPort, 1);
    assert.deepEqual(decode('{"uri\\u017f":["a"]}').uris, ["a"]);
    assert.equal(decode('{"OPTIONS":{"LoadBalancing":"x"}}').loadBalancing, "x");
    assert.equal(decode('{"ho st":"a"}').host, "");
  });

  it("lets the last duplicate win, and merges tags and options", () => {
    assert.equal(decode('{"host":"a","Host":"b"}').host, "b");
    assert.deepEqual(decode('{"uris":["a","b"],"uris":["c"]}').uris, ["c"]);
    assert.deepEqual(
      new Map(decode('{"tags":{"a":"1","b":"1"},"tags":{"b":"2"}}').tags),
      new Map([
        ["a", "1"],
        ["b", "2"],
      ]),
    );
    assert.equal(decode('{"options":{"loadbalancing":"x"},"options":{}}').loadBalancing, "x");
  });

  it("replaces what is no Unicode", () => {
    const bytes = encode('{"host":"a?b","app":"\\ud800x","protocol":"\\ud83d\\ude00"}');
    bytes[bytes.indexOf(0x3f)] = 0xff;
    const message = decodeRegistryMessage(bytes);
    assert.deepEqual([message.host, message.app, message.protocol], ["a\ufffdb", "\ufffdx", "\u{1f600}"]);
  });

  for (const [text, error] of [
    ["", "unexpected end of JSON input"],
    ["  ", "unexpected end of JSON input"],
    ["{", "unexpected end of JSON input"],
    ['{"a":1', "unexpected end of JSON input"],
    ['{"a":"b', "unexpected end of JSON input"],
    ["zz", "invalid character 'z' looking for beginning of value"],
    ["{} x", "invalid character 'x' after top-level value"],
    ["tru", "invalid character ' ' in literal true (expecting 'e')"],
    ["nulL", "invalid character 'L' in literal null (expecting 'l')"],
    ["-", "invalid character ' ' in numeric literal"],
    ["01", "invalid character '1' after top-level value"],
    ["1.x", "invalid character 'x' after decimal point in numeric literal"],
    ["1e", "invalid character ' ' in exponent of numeric literal"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ["[1 2]", "invalid character '2' after array element"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ['{"a":"\\q"}', "invalid character 'q' in string escape code"],
    ['{"a":"\\u12G4"}', "invalid character 'G' in \\u hexadecimal character escape"],
    ['{"a":"\n"}', "invalid character '\\n' in string literal"],
    ['{"a":"\u0001"}', "invalid character '\\x01' in string literal"],
    ["\u00e9", "invalid character '\u00c3' looking for beginning of value"],
    ['{"\u00e9":1} \u20ac', "invalid character '\u00e2' after top-level value"],
    ["\ufeff{}", "invalid character '\u00ef' looking for beginning of value"],
    [`{"x":${"[".repeat(10_000)}`, "exceeded max depth"],
    ["[]", "json: cannot unmarshal array into Go value of type mbus.RegistryMessage"],
    ['"str"', "json: cannot unmarshal string into Go value of type mbus.RegistryMessage"],
    ["true", "json: cannot unmarshal bool into Go value of type mbus.RegistryMessage"],
    ["1", "json: cannot unmarshal number into Go value of type mbus.RegistryMessage"],
    ['{"port":"8080"}', field("string", "RegistryMessage.port", "uint16")],
    ['{"port":70000}', field("number 70000", "RegistryMessage.port", "uint16")],
    ['{"port":-1}', field("number -1", "RegistryMessage.port", "uint16")],
    ['{"port":-0}', field("number -0", "RegistryMessage.port", "uint16")],
    ['{"tls_port":1.5}', field("number 1.5", "RegistryMessage.tls_port", "uint16")],
    ['{"port":1e2}', field("number 1e2", "RegistryMessage.port", "uint16")],
    ['{"port":{}}', field("object", "RegistryMessage.port", "uint16")],
    ['{"host":true}', field("bool", "RegistryMessage.host", "string")],
    ['{"private_instance_index":0}', field("number", "RegistryMessage.private_instance_index", "string")],
    ['{"tags":{"a":1}}', field("number", "RegistryMessage.tags", "string")],
    ['{"tags":[]}', field("array", "RegistryMessage.tags", "map[string]string")],
    ['{"uris":"a"}', field("string", "RegistryMessage.uris", "[]route.Uri")],
    ['{"uris":[1]}', field("number", "RegistryMessage.uris", "route.Uri")],
    ['{"options":[]}', field("array", "RegistryMessage.options", "mbus.RegistryMessageOpts")],
    ['{"options":{"loadbalancing":1}}', field("number", "RegistryMessageOpts.options.loadbalancing", "string")],
    [
      '{"stale_threshold_in_seconds":9223372036854775808}',
      field("number 9223372036854775808", "RegistryMessage.stale_threshold_in_seconds", "int"),
    ],
    ['{"endpoint_updated_at_ns":1.0}', field("number 1.0", "RegistryMessage.endpoint_updated_at_ns", "int64")],
    ['{"port":"a","host":1}', field("string", "RegistryMessage.port", "uint16")],
    ['{"port":"a"', "unexpected end of JSON input"],
    ['{"route_service_url":"http://rs"}', "Unable to validate message. route_service_url must be https"],
    ['{"route_service_url":"httpsfoo"}', "accepted"],
    ['{"x":1E+2,"y":-0.5e-3,"z":"\\/\\b\\f\\n\\r\\t\\"\\\\"}', "accepted"],
  ] as const) {
    it(`says of ${text.length > 60 ? `${text.slice(0, 20)}…` : JSON.stringify(text)}: ${error}`, () => {
      assert.equal(errorOf(encode(text)), error);
    });
  }

  it("names the byte itself when it is no UTF-8", () => {
    assert.equal(
      errorOf(new Uint8Array([0x7b, 0xff])),
      "invalid character 'ÿ' looking for beginning of object key string",
    );
    assert.equal(errorOf(new Uint8Array([0x80])), "invalid character '\\u0080' looking for beginning of value");
  });

  it("skips deep nesting without using the stack", () => {
    assert.equal(errorOf(encode(`{"x":${"[".repeat(9998)}${"]".repeat(9998)}}`)), "accepted");
  });
});

describe("endpoint of a registry message", () => {
  it("prefers the TLS port", () => {
    const both = endpointOf(decode('{"host":"h","port":80,"tls_port":443,"server_cert_domain_san":"s"}'), true);
    assert.deepEqual([both.address, both.tls, both.serverCertDomainSan], ["h:443", true, "s"]);
    const plain = endpointOf(decode('{"port":80}'), true);
    assert.deepEqual([plain.address, plain.tls, plain.tags], [":80", false, null]);
  });

  it("knows http2 only where it is enabled, and keeps other protocols", () => {
    const protocol = (text: string, http2: boolean): string =>
      endpointOf(decode(`{"protocol":"${text}"}`), http2).protocol;
    assert.deepEqual(
      [protocol("", true), protocol("http2", true), protocol("http2", false), protocol("gopher", false)],
      ["http1", "http2", "http1", "gopher"],
    );
  });
});
