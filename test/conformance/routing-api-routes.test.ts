import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { gap } from "../fixtures/gap.ts";
import { Program } from "./harness/program.ts";
import { eventsOf, ownRoute } from "./harness/routing-api-server.ts";
import { ApiSuite, groups, isError, route, routes } from "./harness/routing-api-suite.ts";

let suite: ApiSuite;
before(async () => {
  suite = await ApiSuite.start();
});
after(async () => {
  await suite?.stop();
});

describe("HTTP routes (routing-api §6)", () => {
  const invalid: readonly (readonly [what: string, changes: object, name: string, message: string])[] = [
    ["a query", { route: "a?b" }, "RouteInvalidError", "url cannot contain any of [?, #]"],
    ["a fragment", { route: "a#b" }, "RouteInvalidError", "url cannot contain any of [?, #]"],
    [
      "an address with a port",
      { route: "1.2.3.4:80" },
      "RouteInvalidError",
      'parse "1.2.3.4:80": first path segment in URL cannot contain colon',
    ],
    ["a space", { route: "a b" }, "RouteInvalidError", "url cannot contain invalid characters"],
    ["letters beyond ASCII", { route: "ä.example.com" }, "RouteInvalidError", "url cannot contain invalid characters"],
    ["an upper-case scheme", { route: "HTTP://a" }, "RouteInvalidError", "url cannot contain invalid characters"],
    [
      "a plain route service",
      { route_service_url: "http://rs.example.com" },
      "RouteServiceUrlInvalidError",
      "Route service url must use HTTPS.",
    ],
    [
      "a route service with a query",
      { route_service_url: "https://rs.example.com?x" },
      "RouteServiceUrlInvalidError",
      "url cannot contain any of [?, #]",
    ],
    [
      "a control character",
      { route: "a\u0001" },
      "RouteInvalidError",
      'parse "a\\x01": net/url: invalid control character in URL',
    ],
    [
      "a query before all else",
      { route: "a?b", port: 0, ip: "" },
      "RouteInvalidError",
      "url cannot contain any of [?, #]",
    ],
    [
      "a route service in capitals",
      { route_service_url: "HTTPS://rs.example.com" },
      "RouteServiceUrlInvalidError",
      "Route service url must use HTTPS.",
    ],
    [
      "a route service with a fragment",
      { route_service_url: "https://rs.example.com/#x" },
      "RouteServiceUrlInvalidError",
      "url cannot contain any of [?, #]",
    ],
    [
      "a route service with a port that is none",
      { route_service_url: "https://rs.example.com:x" },
      "RouteServiceUrlInvalidError",
      'parse "https://rs.example.com:x": invalid port ":x" after host',
    ],
    [
      "a route service with a space",
      { route_service_url: "https://rs.example.com/a b", port: 0 },
      "RouteServiceUrlInvalidError",
      "url cannot contain invalid characters",
    ],
    [
      "no port before no route",
      { port: 0, route: "" },
      "RouteInvalidError",
      "Each route request requires a port greater than 0",
    ],
    [
      "no route before no address",
      { route: "", ip: "" },
      "RouteInvalidError",
      "Each route request requires a valid route",
    ],
    ["no address before its ttl", { ip: "", ttl: 121 }, "RouteInvalidError", "Each route request requires an IP"],
    ["no port", { port: 0 }, "RouteInvalidError", "Each route request requires a port greater than 0"],
    ["no route", { route: "" }, "RouteInvalidError", "Each route request requires a valid route"],
    ["no address", { ip: "" }, "RouteInvalidError", "Each route request requires an IP"],
    ["too long a life", { ttl: 121 }, "RouteInvalidError", "Max ttl is 120"],
    ["no life", { ttl: 0 }, "RouteInvalidError", "Request requires a ttl greater than 0"],
    ["less than no life", { ttl: -1 }, "RouteInvalidError", "Request requires a ttl greater than 0"],
  ];
  for (const [what, changes, name, message] of invalid) {
    it(`refuses ${what}, and the whole batch with it`, async () => {
      isError(await suite.post(routes, [route(), route(changes)]), 400, name, message);
      assert.deepEqual(await suite.api.list(routes, suite.all), []);
    });
  }

  it("asks of a delete what it asks of a create, but for its ttl", async () => {
    for (const [what, changes, name, message] of invalid) {
      const answer = await suite.remove([route(changes)]);
      if (Object.keys(changes).join() === "ttl") assert.deepEqual([answer.status, answer.body], [204, ""], what);
      else isError(answer, 400, name, message);
    }
  });

  it("tells routes apart by name, in its case, address and port; takes every valid one", async () => {
    const several: object[] = [
      route({ route: "Case.example.com" }),
      route({ route: "case.example.com" }),
      route({ route: "case.example.com", port: 65535 }),
      route({ route: "case.example.com", ip: "::1 or any text" }),
      route({ route: "https://case.example.com/p/", ttl: 1 }),
      route({ route: "case.example.com:80/p%20q", ttl: 120, route_service_url: "https://rs.example.com:8443/p" }),
      route({ route: "*.example.com", modification_tag: { guid: "mine", index: 7 } }),
    ];
    assert.equal((await suite.post(routes, several)).status, 201);
    const stored = await suite.api.list(routes, suite.all);
    assert.deepEqual(
      stored.map(({ route: name, ip, port }) => [name, ip, port]),
      several.map((one) => ["route", "ip", "port"].map((key) => (one as Record<string, unknown>)[key])),
    );
    const tags = stored.map((one) => one["modification_tag"] as { guid: string; index: number });
    assert.equal(new Set(tags.map(({ guid }) => guid)).size, several.length);
    for (const { guid, index } of tags) {
      assert.match(guid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
      assert.equal(index, 0);
    }
    await suite.remove(several);
    assert.deepEqual(await suite.api.list(routes, suite.all), []);
  });

  it("stores, renews and removes", async () => {
    const name = "renewed.example.com:80";
    assert.equal((await suite.post(routes, [route({ route: name, ttl: 60, log_guid: "g" })])).status, 201);
    const { body } = await suite.api.send({ path: routes, token: suite.all });
    const [first] = await suite.listed(name);
    const tag = first!["modification_tag"] as { guid: string; index: number };
    const text = `,{"route":"${name}","port":8080,"ip":"10.0.0.5","ttl":60,"log_guid":"g","modification_tag":{"guid":"${tag.guid}","index":0}}]\n`;
    assert.ok(body.endsWith(text), body);
    await suite.post(routes, [route({ route: name, route_service_url: "https://rs.example.com" })]);
    assert.deepEqual(await suite.listed(name), [
      {
        route: name,
        port: 8080,
        ip: "10.0.0.5",
        ttl: 120,
        log_guid: "g",
        route_service_url: "https://rs.example.com",
        modification_tag: { guid: tag.guid, index: 1 },
      },
    ]);
    const gone = await suite.remove([route({ route: name })]);
    assert.deepEqual([gone.status, gone.body], [204, ""]);
    assert.deepEqual(await suite.listed(name), []);
    assert.equal((await suite.remove([route({ route: name })])).status, 204);
    await suite.post(routes, [route({ route: name })]);
    const [again] = await suite.listed(name);
    assert.notEqual((again!["modification_tag"] as typeof tag).guid, tag.guid);
    await suite.remove([route({ route: name })]);
  });

  it("tells streams, in order, and lets them go on where they were", async () => {
    const name = "streamed.example.com";
    const headers = { Authorization: `Bearer ${suite.all}` };
    const stream = await suite.api.stream("/routing/v1/events", headers);
    assert.equal(stream.status, 200);
    assert.equal(stream.headers["content-type"], "text/event-stream; charset=utf-8");
    assert.equal(stream.headers["cache-control"], "no-cache, no-store, must-revalidate");
    assert.equal(stream.headers["transfer-encoding"], "chunked");
    assert.match(String(stream.headers["x-vcap-request-id"]), /^[0-9a-f-]{36}$/);
    await suite.post(routes, [route({ route: name, ttl: 60 })]);
    const [created] = await eventsOf(stream, 1);
    assert.match(stream.text, /^id: \d+\nevent: Upsert\ndata: \{"route":"streamed\.example\.com",.*\}\n\n$/);
    assert.deepEqual([created!.event, created!.data], ["Upsert", (await suite.listed(name))[0]]);
    // The same again is no news; another life is.
    await suite.post(routes, [route({ route: name, ttl: 60 })]);
    await suite.post(routes, [route({ route: name, ttl: 1 })]);
    // Expiry: the element as it was stored.
    const [, changed, expired] = await eventsOf(stream, 3);
    assert.deepEqual([changed!.event, changed!.data["ttl"]], ["Upsert", 1]);
    assert.deepEqual(changed!.data["modification_tag"], {
      ...(created!.data["modification_tag"] as object),
      index: 2,
    });
    assert.deepEqual([expired!.event, expired!.data], ["Delete", changed!.data]);
    stream.stop();
    const ids = stream.events.map(({ id }) => Number(id));
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => a - b),
    );

    const resumed = await suite.api.stream("/routing/v1/events", { ...headers, "Last-Event-ID": created!.id });
    assert.deepEqual(await eventsOf(resumed, 2), [changed, expired]);
    resumed.stop();
  });

  it("shows what there is to a stream that asks, or has been away for too long", async () => {
    await suite.post(routes, [route({ route: "there.example.com" })]);
    const headers = { Authorization: `bearer ${suite.all}` };
    const asked = await suite.api.stream("/routing/v1/events?snapshot=true", headers);
    const lost = await suite.api.stream("/routing/v1/events", { ...headers, "Last-Event-ID": "999999999" });
    for (const stream of [asked, lost]) {
      const events = await eventsOf(stream, 4);
      assert.deepEqual(
        events.map(({ event, data }) => [event, data["route"]]),
        [
          ["Reset", undefined],
          ["Upsert", ownRoute],
          ["Upsert", "there.example.com"],
          ["Synced", undefined],
        ],
      );
      stream.stop();
    }
    await suite.remove([route({ route: "there.example.com" })]);
  });

  it("keeps reservations from readers that do not know them", async () => {
    const reserved = { route: "kept.example.com", reserved: true, ttl: 0, route_service_url: "https://rs.example.com" };
    isError(
      await suite.post(routes, [{ ...reserved, port: 80 }]),
      400,
      "RouteInvalidError",
      "A reserved route has no backend: leave out ip and port, or leave out reserved",
    );
    assert.equal((await suite.post(routes, [reserved])).status, 201);
    assert.deepEqual(await suite.listed("kept.example.com"), []);
    const [shown] = await suite.api.list(`${routes}?reservations=true`, suite.all);
    assert.deepEqual([shown!["reserved"], shown!["ttl"]], [true, 0]);
    await suite.remove([reserved]);
    assert.deepEqual(await suite.api.list(`${routes}?reservations=true`, suite.all), []);
  });

  it("shows a reader of one route only that", async () => {
    await suite.post(routes, [
      route({ route: "mine.example.com", route_guid: "mine" }),
      route({ route: "yours.example.com", route_guid: "yours" }),
      route({ route: "nobodys.example.com" }),
    ]);
    const token = suite.uaa.token(["routing.route.mine.read"]);
    assert.deepEqual(
      (await suite.api.list(routes, token)).map((one) => one["route"]),
      ["mine.example.com"],
    );
    assert.equal((await suite.api.send({ path: groups, token })).status, 401);
    const stream = await suite.api.stream("/routing/v1/events", { Authorization: `bearer ${token}` });
    await suite.post(routes, [
      route({ route: "yours.example.com", route_guid: "yours", ttl: 5 }),
      route({ route: "mine.example.com", ttl: 5 }),
    ]);
    // Whose it is can change: then it is gone for the one and new for the other.
    await suite.post(routes, [route({ route: "mine.example.com", route_guid: "yours", ttl: 5 })]);
    const events = await eventsOf(stream, 2);
    assert.deepEqual(
      events.map(({ event, data }) => [event, data["route"]]),
      [
        ["Upsert", "mine.example.com"],
        ["Delete", "mine.example.com"],
      ],
    );
    stream.stop();
    const names = ["mine.example.com", "yours.example.com", "nobodys.example.com"];
    await suite.remove(names.map((name) => route({ route: name })));
  });
});

describe("docs/examples/own-router.ts", () => {
  it("follows the routes of its token, and only those", gap("binary", "it runs no scripts"), async () => {
    const script = fileURLToPath(new URL("../../docs/examples/own-router.ts", import.meta.url));
    const token = suite.uaa.token(["routing.route.mine.read"]);
    const own = new Program([`http://127.0.0.1:${suite.api.port}`, token], { script });
    const mine = [route({ route: "mine.example.com", route_guid: "mine" })];
    const yours = [route({ route: "yours.example.com", route_guid: "yours" })];
    await suite.post(routes, [...yours, ...mine]);
    const line = (text: string): Promise<true> => own.waitFor(text, () => own.stdout.includes(text) || undefined);
    await line("Upsert mine.example.com 10.0.0.5:8080 (1 in the table)");
    await suite.remove([...yours, ...mine]);
    await line("Delete mine.example.com 10.0.0.5:8080 (0 in the table)");
    assert.ok(!own.stdout.includes("yours"));
    own.child.kill("SIGKILL");
  });
});
