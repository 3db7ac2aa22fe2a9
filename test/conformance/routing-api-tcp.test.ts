import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ApiAnswer, eventsOf } from "./harness/routing-api-server.ts";
import { ApiSuite, groups, isError, tcpRoutes } from "./harness/routing-api-suite.ts";

let suite: ApiSuite;
before(async () => {
  suite = await ApiSuite.start();
});
after(async () => {
  await suite?.stop();
});

describe("TCP route mappings (routing-api §7)", () => {
  let group: string;
  before(async () => {
    [group] = (await suite.api.list(groups, suite.all)).map((one) => one["guid"] as string) as [string];
  });
  const mapping = (changes: object = {}): Record<string, unknown> => ({
    router_group_guid: group,
    port: 5000,
    backend_ip: "10.0.0.6",
    backend_port: 9000,
    ...changes,
  });
  const create = async (...bodies: object[]): Promise<ApiAnswer> => await suite.post(`${tcpRoutes}/create`, bodies);
  const clear = async (...bodies: object[]): Promise<ApiAnswer> => await suite.post(`${tcpRoutes}/delete`, bodies);

  const invalid: readonly (readonly [changes: object, message: string, shown?: string])[] = [
    [{ router_group_guid: "" }, "Each tcp mapping requires a non empty router group guid", ":5000<->10.0.0.6:9000"],
    [{ port: 0 }, "Each tcp mapping requires a positive external port", "G:0<->10.0.0.6:9000"],
    [{ backend_ip: "" }, "Each tcp mapping requires a non empty backend ip", "G:5000<->:9000"],
    [
      { backend_port: 0, backend_tls_port: -1 },
      "Each tcp mapping requires a positive backend port",
      "G:5000<->10.0.0.6:0",
    ],
    [
      { backend_tls_port: 65536 },
      "Each tcp mapping with a backend TLS port requires that port to be less than or equal to 65535",
      "G:5000<->10.0.0.6:9000",
    ],
    [{ ttl: 121 }, "Each tcp mapping requires TTL to be less than or equal to 120", "G:5000<->10.0.0.6:9000"],
    [{ ttl: 0 }, "Each tcp route mapping requires a ttl greater than 0"],
    [
      { alpns: "h2" },
      "Each tcp mapping can define ALPNs only when TerminateFrontendTLS is enabled",
      "G:5000<->10.0.0.6:9000",
    ],
    [{ router_group_guid: "x" }, "router_group_guid: x not found"],
    [
      { router_group_guid: "", port: 0 },
      "Each tcp mapping requires a non empty router group guid",
      ":0<->10.0.0.6:9000",
    ],
    [{ port: 0, backend_ip: "" }, "Each tcp mapping requires a positive external port", "G:0<->:9000"],
    [{ backend_ip: "", backend_port: 0 }, "Each tcp mapping requires a non empty backend ip", "G:5000<->:0"],
    [{ backend_port: 0 }, "Each tcp mapping requires a positive backend port", "G:5000<->10.0.0.6:0"],
    [{ ttl: -1, alpns: "h2" }, "Each tcp route mapping requires a ttl greater than 0"],
    [
      { backend_port: 65536 },
      "json: cannot unmarshal number 65536 into Go struct field TcpRouteMapping.backend_port of type uint16",
    ],
    [{ port: -1 }, "json: cannot unmarshal number -1 into Go struct field TcpRouteMapping.port of type uint16"],
    [
      { backend_tls_port: "1" },
      "json: cannot unmarshal string into Go struct field TcpRouteMapping.backend_tls_port of type int",
    ],
    [
      { terminate_frontend_tls: 1 },
      "json: cannot unmarshal number into Go struct field TcpRouteMapping.terminate_frontend_tls of type bool",
    ],
    [{ alpns: ["h2"] }, "json: cannot unmarshal array into Go struct field TcpRouteMapping.alpns of type string"],
  ];
  for (const [changes, text, shown] of invalid) {
    it(`refuses ${JSON.stringify(changes)}`, async () => {
      const detail = shown === undefined ? "" : `. RouteMapping=[${shown.replace("G", group)}]`;
      const answer = await create(mapping(changes));
      isError(answer, 400, "ProcessRequestError", `Cannot process request: ${text}${detail}`);
    });
  }

  it("asks of a delete what it asks of a create, but for ttl and what is stored", async () => {
    for (const [changes, text, shown] of invalid) {
      const answer = await clear(mapping(changes));
      const skipped = /ttl|TTL|not found/.test(text) && !("alpns" in changes);
      if (skipped) assert.deepEqual([answer.status, answer.body], [204, ""], text);
      else if ("ttl" in changes) assert.match(answer.body, /can define ALPNs only/);
      else {
        const detail = shown === undefined ? "" : `. RouteMapping=[${shown.replace("G", group)}]`;
        isError(answer, 400, "ProcessRequestError", `Cannot process request: ${text}${detail}`);
      }
    }
  });

  it("shows every field, in order; takes a port outside the group's range", async () => {
    const whole = mapping({
      port: 65535,
      backend_tls_port: 9443,
      backend_sni_hostname: "sni.example.com",
      sni_rewrite_hostname: "inner.example.com",
      instance_id: "i-1",
      ttl: 60,
      isolation_segment: "seg",
      terminate_frontend_tls: true,
      alpns: "h2,http/1.1",
      enable_backend_mtls: true,
    });
    assert.equal((await create({ ...whole, modification_tag: { guid: "mine", index: 9 } })).status, 201);
    const { body } = await suite.api.send({ path: tcpRoutes, token: suite.all });
    const [{ modification_tag: tag }] = JSON.parse(body) as [{ modification_tag: { guid: string } }];
    assert.equal(
      body,
      `[{"router_group_guid":"${group}","backend_port":9000,"backend_tls_port":9443,"backend_ip":"10.0.0.6","backend_sni_hostname":"sni.example.com","sni_rewrite_hostname":"inner.example.com","instance_id":"i-1","port":65535,"modification_tag":{"guid":"${tag.guid}","index":0},"ttl":60,"isolation_segment":"seg","terminate_frontend_tls":true,"alpns":"h2,http/1.1","enable_backend_mtls":true}]\n`,
    );
    // What the writer says of backend TLS stays as it was said.
    const [unaware, none] = [mapping({ port: 1, backend_tls_port: -1 }), mapping({ port: 1, backend_tls_port: 0 })];
    await create(unaware, none);
    const rows = await suite.api.list(tcpRoutes, suite.all);
    assert.deepEqual(
      rows.map((one) => [one["backend_tls_port"], one["ttl"]]),
      [
        [9443, 60],
        [-1, 120],
        [0, 120],
      ],
    );
    await clear(whole, unaware, none);
    assert.deepEqual(await suite.api.list(tcpRoutes, suite.all), []);
  });

  it("tells mappings apart by seven fields (§7.3)", async () => {
    const second = JSON.parse(
      (await suite.post(groups, { name: "second", type: "tcp", reservable_ports: "2000" })).body,
    ) as {
      guid: string;
    };
    const variants = [
      mapping(),
      mapping({ router_group_guid: second.guid }),
      mapping({ backend_ip: "10.0.0.7" }),
      mapping({ backend_port: 9001 }),
      mapping({ port: 5001 }),
      mapping({ backend_tls_port: 9443 }),
      mapping({ backend_sni_hostname: "a.example.com" }),
      mapping({ backend_sni_hostname: "" }),
      mapping({ enable_backend_mtls: true }),
    ];
    await create(...variants);
    await create(...variants);
    const index = (one: Record<string, unknown>) => (one["modification_tag"] as { index: number }).index;
    assert.deepEqual(
      (await suite.api.list(tcpRoutes, suite.all)).map(index),
      variants.map(() => 1),
    );
    // The mappings of a group that is removed stay (§8.2).
    await suite.api.send({ method: "DELETE", path: `${groups}/${second.guid}`, token: suite.all });
    assert.equal((await suite.api.list(tcpRoutes, suite.all)).length, variants.length);
    for (let turn = 0; turn < 2; turn++) assert.equal((await clear(...variants)).status, 204);
    assert.deepEqual(await suite.api.list(tcpRoutes, suite.all), []);
  });

  it("renews one row, whatever is left out, and changes every value", async () => {
    await create(mapping({ instance_id: "i-1", backend_sni_hostname: "" }));
    await create(mapping({ instance_id: "i-2", backend_sni_hostname: "", terminate_frontend_tls: false, ttl: 9 }));
    const { body } = await suite.api.send({ path: tcpRoutes, token: suite.all });
    const [{ modification_tag: tag }] = JSON.parse(body) as [{ modification_tag: { guid: string } }];
    assert.equal(
      body,
      `[{"router_group_guid":"${group}","backend_port":9000,"backend_ip":"10.0.0.6","backend_sni_hostname":"","instance_id":"i-2","port":5000,"modification_tag":{"guid":"${tag.guid}","index":1},"ttl":9,"isolation_segment":""}]\n`,
    );
    // Null is another name than the empty one.
    await clear(mapping());
    assert.equal((await suite.api.list(tcpRoutes, suite.all)).length, 1);
    await clear(mapping({ backend_sni_hostname: "" }));
    assert.deepEqual(await suite.api.list(tcpRoutes, suite.all), []);
  });

  it("does not let two mappings of one name and port disagree about TLS", async () => {
    const named = mapping({ backend_sni_hostname: "sni.example.com" });
    await create(named);
    isError(
      await create({ ...named, backend_ip: "10.0.0.7", terminate_frontend_tls: true }),
      400,
      "ProcessRequestError",
      "Cannot process request: terminate_frontend_tls: true not allowed",
    );
    await clear(named);
    // The other way round, and in another group; names that are null are never the same.
    const ended = { ...named, terminate_frontend_tls: true };
    await create(ended);
    const refused = await create({ ...named, backend_ip: "10.0.0.7", terminate_frontend_tls: false });
    const text = "Cannot process request: terminate_frontend_tls: false not allowed";
    isError(refused, 400, "ProcessRequestError", text);
    assert.equal((await create({ ...named, port: 5001 })).status, 201);
    const nameless = [mapping(), mapping({ backend_ip: "10.0.0.7", terminate_frontend_tls: true })];
    assert.equal((await create(...nameless)).status, 201);
    await clear(ended, { ...named, port: 5001 }, ...nameless);
    assert.deepEqual(await suite.api.list(tcpRoutes, suite.all), []);
  });

  it("filters by isolation segment, and streams", async () => {
    const stream = await suite.api.stream(`${tcpRoutes}/events`, { Authorization: `bearer ${suite.all}` });
    const three = ["", "a", "b"].map((segment, index) => mapping({ port: 6000 + index, isolation_segment: segment }));
    await create(...three);
    const ports = async (query: string): Promise<unknown[]> =>
      (await suite.api.list(`${tcpRoutes}?${query}`, suite.all)).map((one) => one["port"]);
    assert.deepEqual(await ports("isolation_segment=a&isolation_segment=b"), [6001, 6002]);
    assert.deepEqual(await ports("isolation_segment="), [6000]);
    assert.deepEqual(await ports("isolation_segment=c"), []);
    const events = await eventsOf(stream, 3);
    assert.deepEqual(
      events.map(({ data }) => data["port"]),
      [6000, 6001, 6002],
    );
    stream.stop();
    await clear(...three);
  });
});
