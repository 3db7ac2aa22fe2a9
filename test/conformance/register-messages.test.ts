import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { get } from "./harness/connection.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

let router: RouterUnderTest;
before(async () => {
  router = await startRouter("embedded");
});
after(async () => {
  await router?.stop();
});

const field = (kind: string, path: string, type: string): string =>
  `json: cannot unmarshal ${kind} into Go struct field RegistryMessage.${path} of type ${type}`;

/** Payload, and the `error` that is logged (control-plane §2.4). */
const refused: readonly (readonly [payload: string, error: string])[] = [
  ["", "unexpected end of JSON input"],
  ["{", "unexpected end of JSON input"],
  ["zz", "invalid character 'z' looking for beginning of value"],
  ["{} x", "invalid character 'x' after top-level value"],
  ["tru ", "invalid character ' ' in literal true (expecting 'e')"],
  ["[]", "json: cannot unmarshal array into Go value of type mbus.RegistryMessage"],
  ['"str"', "json: cannot unmarshal string into Go value of type mbus.RegistryMessage"],
  ['{"port":"8080"}', field("string", "port", "uint16")],
  ['{"port":70000}', field("number 70000", "port", "uint16")],
  ['{"port":-1}', field("number -1", "port", "uint16")],
  ['{"port":1.5}', field("number 1.5", "port", "uint16")],
  ['{"tls_port":65536}', field("number 65536", "tls_port", "uint16")],
  ['{"private_instance_index":0}', field("number", "private_instance_index", "string")],
  ['{"tags":{"a":1}}', field("number", "tags", "string")],
  ['{"uris":"a"}', field("string", "uris", "[]route.Uri")],
  ['{"uris":[1]}', field("number", "uris", "route.Uri")],
  ['{"options":[]}', field("array", "options", "mbus.RegistryMessageOpts")],
  ['{"host":1}', field("number", "host", "string")],
  ['{"stale_threshold_in_seconds":"1"}', field("string", "stale_threshold_in_seconds", "int")],
  ['{"route_service_url":"http://x"}', "Unable to validate message. route_service_url must be https"],
  ['{"uris":["x"],"route_service_url":"HTTPS://x"}', "Unable to validate message. route_service_url must be https"],
];

describe("register messages that are refused (control-plane §2.4)", () => {
  for (const subject of ["router.register", "router.unregister"]) {
    for (const [payload, error] of refused) {
      it(`${subject} ${payload === "" ? "(empty)" : payload}: ${error}`, async () => {
        const before = (await router.settledLogLines()).length;
        router.nats.publish(subject, payload);
        const line = await router.program.waitFor("validation-error", () =>
          router.program.logLines.slice(before).find(({ message }) => message === "validation-error"),
        );
        assert.deepEqual([line.log_level, line.source], [3, "gorouter.stdout.subscriber"]);
        assert.deepEqual(line.data, { error, payload, subject });
      });
    }
  }

  it("any other subject with something that is no JSON, bytes that are no UTF-8 shown as U+FFFD", async () => {
    router.nats.publish("router.active_apps", Uint8Array.of(0x78, 0xe2, 0x82, 0x01, 0xef, 0xbf, 0xbd));
    const line = await router.program.logged(
      "validation-error",
      ({ data }) => data?.["subject"] === "router.active_apps",
    );
    assert.equal(line.data?.["error"], "invalid character 'x' looking for beginning of value");
    assert.equal(line.data?.["payload"], "x\ufffd\ufffd\u0001\ufffd");
    assert.ok(
      router.program.stdout.includes(`${String.raw`"payload":"x\ufffd\ufffd\u0001`}\ufffd"`),
      "as escapes, but for the one that was sent",
    );
  });
});

/** The table's entry of a route once it is there. */
async function entry(uri: string): Promise<Record<string, unknown>> {
  return (await condition(`route ${uri}`, async () => (await router.routes())[uri]?.[0])) as unknown as Record<
    string,
    unknown
  >;
}

describe("register messages that are taken (control-plane §2.4, §4.3)", () => {
  const plain = {
    availability_zone: "",
    protocol: "http1",
    tls: false,
    ttl: 120,
    tags: null,
  };
  const taken: readonly (readonly [name: string, payload: string, uri: string, entry: object])[] = [
    ["no host and no port", '{"uris":["t0.test"]}', "t0.test", { address: ":0", ...plain }],
    ["keys of another case", '{"HOST":"h","Port":1,"URIS":["t1.test"]}', "t1.test", { address: "h:1", ...plain }],
    [
      "unknown keys",
      '{"host":"h","port":1,"uris":["t2.test"],"more":{"a":[1]}}',
      "t2.test",
      { address: "h:1", ...plain },
    ],
    [
      "a later duplicate wins",
      '{"host":"g","host":"h","port":1,"uris":["t3.test"]}',
      "t3.test",
      { address: "h:1", ...plain },
    ],
    [
      "null leaves the zero value",
      '{"host":"h","port":1,"uris":["t4.test"],"tags":null,"app":null,"options":null}',
      "t4.test",
      { address: "h:1", ...plain },
    ],
    [
      "empty tags",
      '{"host":"h","port":1,"uris":["t5.test"],"tags":{}}',
      "t5.test",
      { address: "h:1", ...plain, tags: {} },
    ],
    [
      "tls_port wins",
      '{"host":"h","port":1,"tls_port":2,"uris":["t6.test"],"server_cert_domain_san":"san"}',
      "t6.test",
      { address: "h:2", ...plain, tls: true, server_cert_domain_san: "san" },
    ],
    [
      "an unknown algorithm stays on the endpoint",
      '{"host":"h","port":1,"uris":["t7.test"],"options":{"loadbalancing":"odd"}}',
      "t7.test",
      { address: "h:1", ...plain, load_balancing_algorithm: "odd" },
    ],
    [
      "another protocol",
      '{"host":"h","port":1,"uris":["t8.test"],"protocol":"gopher"}',
      "t8.test",
      { address: "h:1", ...plain, protocol: "gopher" },
    ],
    [
      "upper case and a final slash",
      '{"host":"h","port":1,"uris":["T9.Test/Path/"]}',
      "t9.test/path",
      { address: "h:1", ...plain },
    ],
    [
      "a threshold, a zone and an instance",
      '{"host":"h","port":1,"uris":["t10.test"],"stale_threshold_in_seconds":60,"availability_zone":"z","private_instance_id":"i","tags":{"b":"2","a":"1"}}',
      "t10.test",
      { address: "h:1", ...plain, ttl: 60, availability_zone: "z", private_instance_id: "i", tags: { a: "1", b: "2" } },
    ],
    [
      "httpsfoo is https",
      '{"host":"h","port":1,"uris":["t11.test"],"route_service_url":"httpsfoo"}',
      "t11.test",
      { address: "h:1", ...plain, route_service_url: "httpsfoo" },
    ],
  ];
  for (const [name, payload, uri, wanted] of taken) {
    it(name, async () => {
      router.nats.publish("router.register", payload);
      assert.deepEqual(await entry(uri), wanted);
    });
  }

  it("without a host the app is on this machine", async () => {
    const app = await Backend.start(() => ok("here"));
    try {
      router.nats.publish("router.register", JSON.stringify({ port: app.port, uris: ["here.test"] }));
      assert.equal((await entry("here.test"))["address"], `:${app.port}`);
      assert.equal((await get(router.port, "here.test")).body, "here");
    } finally {
      await app.stop();
    }
  });

  it("null at the top, and no uris: nothing happens, and no line", async () => {
    const refusals = async (): Promise<number> =>
      (await router.settledLogLines()).filter(({ message }) => message === "validation-error").length;
    const before = await refusals();
    const count = Object.keys(await router.routes()).length;
    router.nats.publish("router.register", "null");
    router.nats.publish("router.register", '{"host":"h","port":1}');
    router.nats.publish("router.register", '{"host":"h","port":1,"uris":["fence.test"]}');
    await entry("fence.test");
    assert.equal(Object.keys(await router.routes()).length, count + 1);
    assert.equal(await refusals(), before);
  });

  it("each byte that is no UTF-8 is U+FFFD", async () => {
    const payload = Buffer.from(
      '{"host":"h","port":1,"uris":["fffd.test"],"tags":{"a":"\xe2\x82\xff\xc3\xa4"}}',
      "latin1",
    );
    router.nats.publish("router.register", payload);
    assert.deepEqual((await entry("fffd.test"))["tags"], { a: "\ufffd\ufffd\ufffd\u00e4" });
  });

  it("an empty uri and / have the empty key", async () => {
    router.nats.publish("router.register", '{"host":"h","port":1,"uris":[""]}');
    assert.equal((await entry(""))["address"], "h:1");
  });
});
