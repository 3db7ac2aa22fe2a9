import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { headers } from "@nats-io/nats-core";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, exchange, get } from "./harness/connection.ts";
import { assertLines } from "./harness/dated-lines.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

let nats: NatsServer;
let router: RouterUnderTest;
let one: Backend;
let two: Backend;

before(async () => {
  nats = await startNatsServer();
  one = await Backend.start(() => ok("one"));
  two = await Backend.start(() => ok("two"));
  router = await startRouter(nats.port, {
    prune_stale_droplets_interval: "200ms",
    disable_keep_alives: false,
    logging: { level: "debug" },
  });
});
after(async () => {
  await router?.stop();
  await one?.stop();
  await two?.stop();
  await nats?.stop();
});

describe("registration (control-plane §2.4, §3)", () => {
  it("takes the register message of the reference unchanged, shows it in /routes, and forgets it on unregister", async () => {
    const message = {
      host: "127.0.0.1",
      port: one.port,
      uris: ["my-app.example.com", "other.example.com/path"],
      app: "5c7e5a1e-0000-4000-8000-000000000001",
      private_instance_id: "i-1",
      private_instance_index: "0",
      tags: { component: "app", process_id: "p-1" },
      stale_threshold_in_seconds: 60,
      isolation_segment: "",
      availability_zone: "z1",
      endpoint_updated_at_ns: 1743510896789000000,
      protocol: "http1",
    };
    await router.register(message);
    const endpoint = {
      address: `127.0.0.1:${one.port}`,
      availability_zone: "z1",
      protocol: "http1",
      tls: false,
      ttl: 60,
      tags: { component: "app", process_id: "p-1" },
      private_instance_id: "i-1",
    };
    assert.deepEqual(await router.routes(), {
      "my-app.example.com": [endpoint],
      "other.example.com/path": [endpoint],
    });
    assert.equal((await get(router.port, "my-app.example.com")).body, "one");
    assert.equal((await get(router.port, "other.example.com", "/path/below")).body, "one");
    assert.equal((await get(router.port, "other.example.com", "/pathless")).status, 404);
    await router.unregister(message);
    assert.deepEqual(await router.routes(), {});
    const answer = await get(router.port, "my-app.example.com");
    assert.equal(answer.body, "404 Not Found: Requested route ('my-app.example.com') does not exist.\n");
  });

  it("logs registration and unregistration with the data of the reference (control-plane §3.5, §3.6)", async () => {
    await router.register({ uris: ["Logged.Test/"], port: one.port, app: "guid", private_instance_id: "i" });
    await router.unregister({ uris: ["Logged.Test/"], port: one.port, app: "guid", private_instance_id: "i" });
    const data = (uri: string): Record<string, unknown> => ({
      uri,
      route_service_url: "",
      backend: `127.0.0.1:${one.port}`,
      application_id: "guid",
      instance_id: "i",
      server_cert_domain_san: "",
      protocol: "http1",
      modification_tag: { guid: "", index: 0 },
      isolation_segment: "-",
      isTLS: false,
    });
    await router.program.logged("route-unregistered", (line) => line.data?.["uri"] === "logged.test");
    const lines = router.program.logLines
      .filter(
        ({ source, data }) => source === "gorouter.stdout.registry" && /logged\.test/i.test(String(data?.["uri"])),
      )
      .map(({ log_level, message, data }) => [log_level, message, data]);
    assert.deepEqual(lines, [
      [1, "route-registered", { uri: "logged.test" }],
      [0, "uri-added", { uri: "logged.test" }],
      [1, "endpoint-registered", data("Logged.Test")],
      [1, "endpoint-unregistered", data("logged.test")],
      [1, "route-unregistered", { uri: "logged.test" }],
    ]);
  });

  it("a route without heartbeat is gone after its threshold and a prune tick (control-plane §3.10)", async () => {
    const began = performance.now();
    await router.register({ uris: ["stale.test"], port: one.port, stale_threshold_in_seconds: 1 });
    assert.equal((await get(router.port, "stale.test")).status, 200);
    await condition(
      "the route is gone",
      async () => (await get(router.port, "stale.test")).status === 404 || undefined,
    );
    // The default threshold of two minutes is beyond the condition's patience.
    const took = performance.now() - began;
    assert.ok(took >= 1000, `took ${took} ms`);
    const pruned = await router.program.logged("pruned-route");
    assert.deepEqual(pruned.data, {
      uri: "stale.test",
      endpoints: [`127.0.0.1:${one.port}`],
      isolation_segment: "-",
    });
  });

  const invalid: readonly [payload: string, error: string][] = [
    ["", "unexpected end of JSON input"],
    ["{", "unexpected end of JSON input"],
    ["zz", "invalid character 'z' looking for beginning of value"],
    ["{} x", "invalid character 'x' after top-level value"],
    ["[]", "json: cannot unmarshal array into Go value of type mbus.RegistryMessage"],
    ['{"port":"8080"}', "json: cannot unmarshal string into Go struct field RegistryMessage.port of type uint16"],
    ['{"port":70000}', "json: cannot unmarshal number 70000 into Go struct field RegistryMessage.port of type uint16"],
    [
      '{"private_instance_index":0}',
      "json: cannot unmarshal number into Go struct field RegistryMessage.private_instance_index of type string",
    ],
    ['{"tags":{"a":1}}', "json: cannot unmarshal number into Go struct field RegistryMessage.tags of type string"],
    ['{"route_service_url":"http://x"}', "Unable to validate message. route_service_url must be https"],
  ];
  it("invalid messages are logged with subject, payload and reason, and harm nothing (control-plane §2.4)", async () => {
    const message = { uris: ["unharmed.test"], port: one.port };
    await router.register(message);
    for (const [payload] of invalid) router.nats.publish("router.register", payload);
    await router.register({ uris: ["after.test"], port: one.port });
    const lines = (await router.settledLogLines())
      .filter((line) => line.message === "validation-error")
      .map(({ log_level, source, data }) => [log_level, source, data]);
    assert.deepEqual(
      lines,
      invalid.map(([payload, error]) => [
        3,
        "gorouter.stdout.subscriber",
        { error, payload, subject: "router.register" },
      ]),
    );
    assert.equal((await get(router.port, "unharmed.test")).body, "one");
    await router.unregister(message);
    await router.unregister({ uris: ["after.test"], port: one.port });
  });
});

describe("messages that carry NATS headers (control-plane §2.4)", () => {
  it("are applied in the order of arrival, among those without", async () => {
    const traced = headers();
    traced.set("traceparent", "00-1-2-01");
    const [brief, lasting] = ["brief.test", "lasting.test"].map((uri) =>
      JSON.stringify({ host: "127.0.0.1", port: one.port, uris: [uri] }),
    );
    router.nats.publish("router.register", brief, { headers: traced });
    router.nats.publish("router.unregister", brief);
    router.nats.publish("router.register", lasting);
    router.nats.publish("router.unregister", lasting, { headers: traced });
    router.nats.publish("router.register", lasting, { headers: traced });
    await condition("lasting.test", async () => (await router.routes())["lasting.test"]);
    await router.program.logged("unregister-route", ({ data }) => data?.["message"] === lasting);
    assert.deepEqual(Object.keys(await router.routes()), ["lasting.test"]);
    await router.unregister({ uris: ["lasting.test"], port: one.port });
  });
});

describe("lookup (control-plane §3.1-3.3, data-plane §1.4.11)", () => {
  before(async () => {
    await router.register({ uris: ["Look.Up.Test", "look.up.test/deep/er", "*.test"], port: one.port });
    await router.register({ uris: ["*.up.test", "look.up.test/deep"], port: two.port });
  });
  after(async () => {
    await router.unregister({ uris: ["look.up.test", "look.up.test/deep/er", "*.test"], port: one.port });
    await router.unregister({ uris: ["*.up.test", "look.up.test/deep"], port: two.port });
  });

  const cases: readonly [host: string, path: string, body: string, why: string][] = [
    ["look.up.test", "/", "one", "exact host"],
    ["LOOK.up.TEST:8080", "/", "one", "host in any case, port ignored"],
    ["look.up.test", "/deep", "two", "path"],
    ["look.up.test", "/DEEP/", "two", "path in any case, trailing slash"],
    ["look.up.test", "/deep?x=/er", "two", "query ignored"],
    ["look.up.test", "/deeper", "one", "whole segments"],
    ["look.up.test", "/deep/er/and/more", "one", "longest prefix"],
    ["look.up.test", "//deep", "one", "double slashes are significant"],
    ["look.up.test", "/deep%2Fer", "one", "no percent-decoding"],
    ["other.up.test", "/", "two", "wildcard with more labels first"],
    ["a.b.up.test", "/", "two", "wildcard over several labels"],
    ["up.test", "/", "one", "a wildcard needs a label"],
  ];
  for (const [host, path, body, why] of cases) {
    it(`${host}${path} → ${body} (${why})`, async () => {
      assert.equal((await get(router.port, host, path)).body, body);
    });
  }

  it("an unknown route: 404, exact bytes (data-plane §13.2), connection stays open", async () => {
    const connection = await Connection.open(router.port);
    for (let round = 0; round < 2; round++) {
      connection.write("GET /x HTTP/1.1\r\nHost: nope.com\r\n\r\n");
      const answer = await connection.response();
      assert.equal(answer.statusLine, "HTTP/1.1 404 Not Found");
      assert.deepEqual(
        answer.lines.map((line) => line.replace(/^Date: .*/, "Date")),
        [
          "Cache-Control: no-cache, no-store",
          "Content-Type: text/plain; charset=utf-8",
          "X-Cf-Routererror: unknown_route",
          "X-Content-Type-Options: nosniff",
          "Date",
          "Content-Length: 60",
        ],
      );
      assert.equal(answer.body, "404 Not Found: Requested route ('nope.com') does not exist.\n");
    }
    connection.close();
  });

  it("an empty host, and a host that is the client's own IP: 400 empty_host", async () => {
    for (const request of [
      "GET / HTTP/1.1\r\nHost:\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
    ]) {
      const answer = await exchange(router.port, request);
      assert.equal(answer.statusLine.slice(8), " 400 Bad Request");
      assertLines(answer.lines, [
        "Cache-Control: public,max-age=2",
        "Content-Type: text/plain; charset=utf-8",
        "X-Cf-Routererror: empty_host",
        "X-Content-Type-Options: nosniff",
        "Content-Length: 47",
      ]);
      assert.equal(answer.body, "400 Bad Request: Request had empty Host header\n");
    }
  });

  it("round-robin: both backends in turn (data-plane §3.4)", async () => {
    await router.register({ uris: ["both.test"], port: one.port });
    await router.register({ uris: ["both.test"], port: two.port });
    const bodies: string[] = [];
    for (let at = 0; at < 6; at++) bodies.push((await get(router.port, "both.test")).body);
    const turns = bodies[0] === "one" ? ["one", "two"] : ["two", "one"];
    assert.deepEqual(bodies, [...turns, ...turns, ...turns]);
    await router.unregister({ uris: ["both.test"], port: one.port });
    await router.unregister({ uris: ["both.test"], port: two.port });
  });

  it("X-CF-App-Instance picks the instance; malformed or unknown: 400 (data-plane §1.4.11, §2.1)", async () => {
    const app = "5c7e5a1e-0000-4000-8000-00000000000a";
    await router.register({ uris: ["inst.test"], port: one.port, app, private_instance_index: "0" });
    await router.register({ uris: ["inst.test"], port: two.port, app, private_instance_index: "1" });
    for (const [index, body] of [
      ["1", "two"],
      ["0", "one"],
      ["1", "two"],
    ]) {
      assert.equal((await get(router.port, "inst.test", "/", `X-CF-App-Instance: ${app}:${index}`)).body, body);
    }
    const unknown = await get(router.port, "inst.test", "/", `X-CF-App-Instance: ${app}:7`);
    const text = `400 Bad Request: Requested instance ('7') with guid ('${app}') does not exist for route ('inst.test')\n`;
    assert.deepEqual([unknown.header("x-cf-routererror"), unknown.body], ["unknown_route", text]);
    const malformed = await get(router.port, "inst.test", "/", "X-CF-App-Instance: nonsense");
    assert.deepEqual(
      [malformed.header("x-cf-routererror"), malformed.body],
      ["invalid_cf_app_instance_header", "400 Bad Request: Invalid X-CF-App-Instance Header\n"],
    );
    await router.unregister({ uris: ["inst.test"], port: one.port });
    await router.unregister({ uris: ["inst.test"], port: two.port });
  });
});

describe("a route that lost its endpoints (control-plane §3.8)", () => {
  it("is 503 no_endpoints for empty_pool_timeout, then 404", async () => {
    const config = {
      empty_pool_response_code_503: true,
      empty_pool_timeout: "2s",
      prune_stale_droplets_interval: "200ms",
    };
    const retaining = await startRouter(nats.port, config);
    try {
      await retaining.register({ uris: ["empty.test"], port: one.port });
      await retaining.unregister({ uris: ["empty.test"], port: one.port });
      assert.deepEqual(await retaining.routes(), { "empty.test": [] });
      const answer = await get(retaining.port, "empty.test:80");
      assert.equal(answer.statusLine, "HTTP/1.1 503 Service Unavailable");
      const body = "503 Service Unavailable: Requested route ('empty.test:80') has no available endpoints.\n";
      assertLines(answer.lines, [
        "Cache-Control: public,max-age=2",
        "Content-Type: text/plain; charset=utf-8",
        "X-Cf-Routererror: no_endpoints",
        "X-Content-Type-Options: nosniff",
        `Content-Length: ${body.length}`,
      ]);
      assert.equal(answer.body, body);
      const status = await retaining.program.logged("status");
      assert.equal(status.data?.["body"], body.trimEnd());
      await condition("404", async () => (await get(retaining.port, "empty.test")).status === 404 || undefined);
    } finally {
      await retaining.stop();
    }
  });
});
