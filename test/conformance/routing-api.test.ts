import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { gap } from "../fixtures/gap.ts";
import { deadPort } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { exchange } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { type ApiAnswer, eventsOf, ownRoute, RoutingApiProcess } from "./harness/routing-api-server.ts";
import { TokenIssuer } from "./harness/token-issuer.ts";

const authority = makeAuthority();
const folder = mkdtempSync(join(tmpdir(), "causeway-routing-api-tls-"));
let uaa: TokenIssuer;
let api: RoutingApiProcess;
let all: string;

before(async () => {
  uaa = await TokenIssuer.start(issue(authority, { names: ["uaa"], ips: ["127.0.0.1"] }));
  writeFileSync(join(folder, "ca.pem"), authority.certificate);
  api = await RoutingApiProcess.start({
    oauth: { token_endpoint: "127.0.0.1", port: uaa.port, ca_certs: join(folder, "ca.pem") },
    max_body_bytes: 100_000,
    body_timeout: "1s",
    reserved_system_component_ports: [5555, 6666],
    fail_on_router_port_conflicts: true,
    router_groups: [{ name: "default-tcp", type: "tcp", reservable_ports: [1024, 1025] }],
    // Set by routing-api-databases.test.ts.
    ...(process.env["CAUSEWAY_SQLDB"] !== undefined && { sqldb: JSON.parse(process.env["CAUSEWAY_SQLDB"]) as object }),
  });
  const kinds = ["routing.routes", "routing.router_groups"];
  all = uaa.token(kinds.flatMap((kind) => [`${kind}.read`, `${kind}.write`]));
});
after(async () => {
  await api?.stop();
  await uaa?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const routes = "/routing/v1/routes";
const tcpRoutes = "/routing/v1/tcp_routes";
const groups = "/routing/v1/router_groups";

const post = async (path: string, body: unknown): Promise<ApiAnswer> =>
  await api.send({ method: "POST", path, token: all, body });
const remove = async (body: unknown): Promise<ApiAnswer> =>
  await api.send({ method: "DELETE", path: routes, token: all, body });
const route = (changes: object = {}): object => ({ route: "a.example.com/p", port: 8080, ip: "10.0.0.5", ...changes });
const listed = async (name: string): Promise<Record<string, unknown>[]> =>
  (await api.list(routes, all)).filter((one) => one["route"] === name);

function isError(answer: ApiAnswer, status: number, name: string, message: string): void {
  const escapes: Record<string, string> = { "<": "\\u003c", ">": "\\u003e", "&": "\\u0026" };
  const text = JSON.stringify({ name, message }).replace(/[<>&]/g, (one) => escapes[one]!);
  assert.deepEqual([answer.status, answer.body], [status, text]);
  assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
}

describe("HTTP conventions (routing-api §4)", () => {
  it("answers a list as text with a line feed", async () => {
    const { status, headers, body } = await api.send({ path: tcpRoutes, token: all });
    assert.deepEqual([status, headers["content-type"], body], [200, "text/plain; charset=utf-8", "[]\n"]);
    assert.match((await api.send({ path: routes, token: all })).body, /^\[\{"route":.*\}\]\n$/);
    assert.match(
      headers["x-vcap-request-id"] as string,
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/,
    );
  });

  it("keeps a request id that is a UUID in lower case", async () => {
    const ask = async (id: string): Promise<unknown> => {
      const answer = await api.send({ path: routes, token: all, headers: { "X-Vcap-Request-Id": id } });
      return answer.headers["x-vcap-request-id"];
    };
    const id = "0f0e0d0c-1111-4222-8333-444455556666";
    assert.equal(await ask(id), id);
    assert.notEqual(await ask(id.toUpperCase()), id.toUpperCase());
  });

  for (const path of ["/", "/routing/v1/routes/", "/routing/v2/routes"]) {
    it(`has nothing at ${path}`, async () => {
      const { status, headers, body } = await api.send({ path });
      assert.deepEqual([status, body], [404, "404 page not found\n"]);
      assert.equal(headers["x-content-type-options"], "nosniff");
    });
  }

  it("refuses other methods, HEAD too", async () => {
    const put = await api.send({ method: "PUT", path: routes });
    assert.deepEqual([put.status, put.body], [405, "Method Not Allowed\n"]);
    assert.deepEqual(String(put.headers["allow"]).split(", ").sort(), ["DELETE", "GET", "POST"]);
    assert.equal((await api.send({ method: "HEAD", path: routes })).status, 405);
  });

  const bodies: readonly (readonly [body: string, status: number, message: string])[] = [
    ["[]", 201, ""],
    ["null", 201, ""],
    ["[] and more", 201, ""],
    ["", 400, "EOF"],
    [" \n", 400, "EOF"],
    ["[{", 400, "unexpected EOF"],
    ["{}", 400, "json: cannot unmarshal object into Go value of type []models.Route"],
    ["[7]", 400, "json: cannot unmarshal number into Go value of type models.Route"],
    ["[}", 400, "invalid character '}' looking for beginning of value"],
    ['[{"port":65537}]', 400, "json: cannot unmarshal number 65537 into Go struct field Route.port of type uint16"],
    ['[{"ttl":"x"}]', 400, "json: cannot unmarshal string into Go struct field Route.ttl of type int"],
    ['[{"route":1}]', 400, "json: cannot unmarshal number into Go struct field Route.route of type string"],
  ];
  for (const [body, status, message] of bodies) {
    it(`reads the body ${JSON.stringify(body)}`, async () => {
      const answer = await post(routes, body);
      if (status === 201) assert.deepEqual([answer.status, answer.body], [201, ""]);
      else isError(answer, status, "ProcessRequestError", `Cannot process request: ${message}`);
    });
  }
});

describe("authentication (routing-api §5)", () => {
  const cases: readonly (readonly [what: string, header: () => string | undefined, message: string])[] = [
    ["no header", () => undefined, "invalid token format"],
    ["one part", () => "bearer", "invalid token format"],
    ["three parts", () => `bearer ${all} x`, "invalid token format"],
    ["another scheme", () => `basic ${all}`, "Invalid token type: basic"],
    ["two segments", () => "bearer a.b", "token contains an invalid number of segments"],
    ["algorithm none", () => `bearer ${uaa.unsigned(["routing.routes.read"])}`, "invalid signing method"],
    ["the public key as a secret", () => `bearer ${uaa.confused(["routing.routes.read"])}`, "invalid signing method"],
    ["another issuer", () => `bearer ${uaa.token([], { iss: "https://x" })}`, "invalid issuer"],
    [
      "another key",
      () => {
        const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
        return `bearer ${uaa.signed({ alg: "RS256", kid: "key-1" }, { scope: ["routing.routes.read"] }, privateKey)}`;
      },
      "crypto/rsa: verification error",
    ],
    ["expired", () => `bearer ${uaa.token(["routing.routes.read"], { exp: 1 })}`, "Token is expired"],
    [
      "expired, issued in the future",
      () => `bearer ${uaa.token(["routing.routes.read"], { exp: 1, iat: 9e9 })}`,
      "Token is expired",
    ],
    ["not yet valid", () => `bearer ${uaa.token(["routing.routes.read"], { nbf: 9e9 })}`, "Token is not valid yet"],
    [
      "no scope at all",
      () => `bearer ${uaa.token([], { scope: undefined })}`,
      "You are not authorized to perform the requested action",
    ],
    [
      "another scope",
      () => `bearer ${uaa.token(["routing.routes.write"])}`,
      "You are not authorized to perform the requested action",
    ],
  ];
  for (const [what, header, message] of cases) {
    it(`refuses: ${what}`, async () => {
      const authorization = header();
      const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
      isError(await api.send({ path: routes, headers }), 401, "UnauthorizedError", message);
    });
  }

  const scopes: readonly (readonly [method: string, path: string, scope: string])[] = [
    ["GET", routes, "routing.routes.read"],
    ["POST", routes, "routing.routes.write"],
    ["DELETE", routes, "routing.routes.write"],
    ["GET", tcpRoutes, "routing.routes.read"],
    ["POST", `${tcpRoutes}/create`, "routing.routes.write"],
    ["POST", `${tcpRoutes}/delete`, "routing.routes.write"],
    ["GET", groups, "routing.router_groups.read"],
    ["POST", groups, "routing.router_groups.write"],
    ["PUT", `${groups}/x`, "routing.router_groups.write"],
    ["DELETE", `${groups}/x`, "routing.router_groups.write"],
  ];
  it("demands its scope of each endpoint", async () => {
    for (const [method, path, scope] of scopes) {
      const ask = async (token: string): Promise<number> =>
        (await api.send({ method, path, token, ...(method === "GET" ? {} : { body: "[]" }) })).status;
      const others = scopes.map(([, , other]) => other).filter((other) => other !== scope);
      assert.equal(await ask(uaa.token(others)), 401, `${method} ${path}`);
      assert.notEqual(await ask(uaa.token([scope])), 401, `${method} ${path}`);
    }
  });

  it("takes two keys at a time, and a new one without a restart", async () => {
    uaa.addKey("key-2");
    const status = async (): Promise<number> => {
      const token = uaa.token(["routing.routes.read"], {}, "key-2");
      return (await api.send({ path: routes, token })).status;
    };
    await condition("the new key is known", async () => ((await status()) === 200 ? true : undefined));
    assert.equal((await api.send({ path: routes, token: all })).status, 200);
  });
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
    ["no port", { port: 0 }, "RouteInvalidError", "Each route request requires a port greater than 0"],
    ["no route", { route: "" }, "RouteInvalidError", "Each route request requires a valid route"],
    ["no address", { ip: "" }, "RouteInvalidError", "Each route request requires an IP"],
    ["too long a life", { ttl: 121 }, "RouteInvalidError", "Max ttl is 120"],
    ["no life", { ttl: 0 }, "RouteInvalidError", "Request requires a ttl greater than 0"],
    ["less than no life", { ttl: -1 }, "RouteInvalidError", "Request requires a ttl greater than 0"],
  ];
  for (const [what, changes, name, message] of invalid) {
    it(`refuses ${what}, and the whole batch with it`, async () => {
      isError(await post(routes, [route(), route(changes)]), 400, name, message);
      assert.deepEqual(await api.list(routes, all), []);
    });
  }

  it("stores, renews and removes", async () => {
    const name = "renewed.example.com:80";
    assert.equal((await post(routes, [route({ route: name, ttl: 60, log_guid: "g" })])).status, 201);
    const { body } = await api.send({ path: routes, token: all });
    const [first] = await listed(name);
    const tag = first!["modification_tag"] as { guid: string; index: number };
    const text = `,{"route":"${name}","port":8080,"ip":"10.0.0.5","ttl":60,"log_guid":"g","modification_tag":{"guid":"${tag.guid}","index":0}}]\n`;
    assert.ok(body.endsWith(text), body);
    await post(routes, [route({ route: name, route_service_url: "https://rs.example.com" })]);
    assert.deepEqual(await listed(name), [
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
    const gone = await remove([route({ route: name })]);
    assert.deepEqual([gone.status, gone.body], [204, ""]);
    assert.deepEqual(await listed(name), []);
    assert.equal((await remove([route({ route: name })])).status, 204);
    await post(routes, [route({ route: name })]);
    const [again] = await listed(name);
    assert.notEqual((again!["modification_tag"] as typeof tag).guid, tag.guid);
    await remove([route({ route: name })]);
  });

  it("tells streams, in order, and lets them go on where they were", async () => {
    const name = "streamed.example.com";
    const headers = { Authorization: `Bearer ${all}` };
    const stream = await api.stream("/routing/v1/events", headers);
    assert.equal(stream.status, 200);
    assert.equal(stream.headers["content-type"], "text/event-stream; charset=utf-8");
    assert.equal(stream.headers["cache-control"], "no-cache, no-store, must-revalidate");
    await post(routes, [route({ route: name, ttl: 60 })]);
    const [created] = await eventsOf(stream, 1);
    assert.deepEqual([created!.event, created!.data], ["Upsert", (await listed(name))[0]]);
    // The same again is no news; another life is.
    await post(routes, [route({ route: name, ttl: 60 })]);
    await post(routes, [route({ route: name, ttl: 1 })]);
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

    const resumed = await api.stream("/routing/v1/events", { ...headers, "Last-Event-ID": created!.id });
    assert.deepEqual(await eventsOf(resumed, 2), [changed, expired]);
    resumed.stop();
  });

  it("shows what there is to a stream that asks, or has been away for too long", async () => {
    await post(routes, [route({ route: "there.example.com" })]);
    const headers = { Authorization: `bearer ${all}` };
    const asked = await api.stream("/routing/v1/events?snapshot=true", headers);
    const lost = await api.stream("/routing/v1/events", { ...headers, "Last-Event-ID": "999999999" });
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
    await remove([route({ route: "there.example.com" })]);
  });

  it("keeps reservations from readers that do not know them", async () => {
    const reserved = { route: "kept.example.com", reserved: true, ttl: 0, route_service_url: "https://rs.example.com" };
    isError(
      await post(routes, [{ ...reserved, port: 80 }]),
      400,
      "RouteInvalidError",
      "A reserved route has no backend: leave out ip and port, or leave out reserved",
    );
    assert.equal((await post(routes, [reserved])).status, 201);
    assert.deepEqual(await listed("kept.example.com"), []);
    const [shown] = await api.list(`${routes}?reservations=true`, all);
    assert.deepEqual([shown!["reserved"], shown!["ttl"]], [true, 0]);
    await remove([reserved]);
    assert.deepEqual(await api.list(`${routes}?reservations=true`, all), []);
  });

  it("shows a reader of one route only that", async () => {
    await post(routes, [
      route({ route: "mine.example.com", route_guid: "mine" }),
      route({ route: "yours.example.com", route_guid: "yours" }),
      route({ route: "nobodys.example.com" }),
    ]);
    const token = uaa.token(["routing.route.mine.read"]);
    assert.deepEqual(
      (await api.list(routes, token)).map((one) => one["route"]),
      ["mine.example.com"],
    );
    assert.equal((await api.send({ path: groups, token })).status, 401);
    const stream = await api.stream("/routing/v1/events", { Authorization: `bearer ${token}` });
    await post(routes, [
      route({ route: "yours.example.com", route_guid: "yours", ttl: 5 }),
      route({ route: "mine.example.com", ttl: 5 }),
    ]);
    // Whose it is can change: then it is gone for the one and new for the other.
    await post(routes, [route({ route: "mine.example.com", route_guid: "yours", ttl: 5 })]);
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
    await remove(names.map((name) => route({ route: name })));
  });
});

describe("docs/examples/own-router.ts", () => {
  it("follows the routes of its token, and only those", gap("binary", "it runs no scripts"), async () => {
    const script = fileURLToPath(new URL("../../docs/examples/own-router.ts", import.meta.url));
    const token = uaa.token(["routing.route.mine.read"]);
    const own = new Program([`http://127.0.0.1:${api.port}`, token], { script });
    const mine = [route({ route: "mine.example.com", route_guid: "mine" })];
    const yours = [route({ route: "yours.example.com", route_guid: "yours" })];
    await post(routes, [...yours, ...mine]);
    const line = (text: string): Promise<true> => own.waitFor(text, () => own.stdout.includes(text) || undefined);
    await line("Upsert mine.example.com 10.0.0.5:8080 (1 in the table)");
    await remove([...yours, ...mine]);
    await line("Delete mine.example.com 10.0.0.5:8080 (0 in the table)");
    assert.ok(!own.stdout.includes("yours"));
    own.child.kill("SIGKILL");
  });
});

describe("TCP route mappings (routing-api §7)", () => {
  let group: string;
  before(async () => {
    [group] = (await api.list(groups, all)).map((one) => one["guid"] as string) as [string];
  });
  const mapping = (changes: object = {}): Record<string, unknown> => ({
    router_group_guid: group,
    port: 5000,
    backend_ip: "10.0.0.6",
    backend_port: 9000,
    ...changes,
  });
  const create = async (...bodies: object[]): Promise<ApiAnswer> => await post(`${tcpRoutes}/create`, bodies);
  const clear = async (...bodies: object[]): Promise<ApiAnswer> => await post(`${tcpRoutes}/delete`, bodies);

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
  ];
  for (const [changes, text, shown] of invalid) {
    it(`refuses ${JSON.stringify(changes)}`, async () => {
      const detail = shown === undefined ? "" : `. RouteMapping=[${shown.replace("G", group)}]`;
      const answer = await create(mapping(changes));
      isError(answer, 400, "ProcessRequestError", `Cannot process request: ${text}${detail}`);
    });
  }

  it("renews one row, whatever is left out, and changes every value", async () => {
    await create(mapping({ instance_id: "i-1", backend_sni_hostname: "" }));
    await create(mapping({ instance_id: "i-2", backend_sni_hostname: "", terminate_frontend_tls: false, ttl: 9 }));
    const { body } = await api.send({ path: tcpRoutes, token: all });
    const [{ modification_tag: tag }] = JSON.parse(body) as [{ modification_tag: { guid: string } }];
    assert.equal(
      body,
      `[{"router_group_guid":"${group}","backend_port":9000,"backend_ip":"10.0.0.6","backend_sni_hostname":"","instance_id":"i-2","port":5000,"modification_tag":{"guid":"${tag.guid}","index":1},"ttl":9,"isolation_segment":""}]\n`,
    );
    // Null is another name than the empty one.
    await clear(mapping());
    assert.equal((await api.list(tcpRoutes, all)).length, 1);
    await clear(mapping({ backend_sni_hostname: "" }));
    assert.deepEqual(await api.list(tcpRoutes, all), []);
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
  });

  it("filters by isolation segment, and streams", async () => {
    const stream = await api.stream(`${tcpRoutes}/events`, { Authorization: `bearer ${all}` });
    const three = ["", "a", "b"].map((segment, index) => mapping({ port: 6000 + index, isolation_segment: segment }));
    await create(...three);
    const ports = async (query: string): Promise<unknown[]> =>
      (await api.list(`${tcpRoutes}?${query}`, all)).map((one) => one["port"]);
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

describe("router groups (routing-api §8)", () => {
  const create = async (body: object): Promise<ApiAnswer> => await post(groups, body);
  const named = async (name: string): Promise<ApiAnswer> =>
    await api.send({ path: `${groups}?name=${name}`, token: all });

  it("lists those of the configuration", async () => {
    const { status, headers, body } = await named("default-tcp");
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "application/json");
    assert.match(
      body,
      /^\[\{"guid":"[0-9a-f-]{36}","name":"default-tcp","type":"tcp","reservable_ports":"1024,1025"\}\]$/,
    );
    isError(await named("x"), 404, "ResourceNotFoundError", "router group 'x' not found");
  });

  it("creates once, changes ports, removes", async () => {
    const made = await create({ guid: "mine", name: "g", type: "tcp", reservable_ports: "2000-2010" });
    const { guid } = JSON.parse(made.body) as { guid: string };
    assert.deepEqual([made.status, made.headers["content-type"]], [201, "text/plain; charset=utf-8"]);
    assert.notEqual(guid, "mine");
    const again = await create({ name: "g", type: "tcp", reservable_ports: "3000" });
    assert.deepEqual([again.status, again.body], [200, made.body]);
    const conflict = await create({ name: "g", type: "http" });
    assert.equal(conflict.status, 503);
    assert.match(conflict.body, /^\{"name":"DBCommunicationError","message":"/);

    const put = async (id: string, body: object): Promise<ApiAnswer> =>
      await api.send({ method: "PUT", path: `${groups}/${id}`, token: all, body });
    const changed = await put(guid, { name: "ignored", reservable_ports: "3000" });
    assert.deepEqual(
      [changed.status, changed.body],
      [200, `{"guid":"${guid}","name":"g","type":"tcp","reservable_ports":"3000"}`],
    );
    assert.match(changed.headers["x-cf-warnings"] as string, /^Warning%3A\+if\+routes\+are/);
    isError(await put("x", {}), 404, "ResourceNotFoundError", "router group 'x' does not exist");

    const drop = async (): Promise<ApiAnswer> =>
      await api.send({ method: "DELETE", path: `${groups}/${guid}`, token: all });
    assert.equal((await drop()).status, 204);
    assert.equal((await drop()).status, 404);
  });

  const invalid: readonly (readonly [group: object, message: string])[] = [
    [{}, "missing name in router group"],
    [{ name: "g" }, "missing type in router group"],
    [{ name: "g", type: "tcp" }, "missing reservable_ports in router group: g"],
    [
      { name: "g", type: "http", reservable_ports: "2000" },
      "reservable ports are not supported for router groups of type http",
    ],
    ...["1023", "65536", "x", "2000, 2001"].map(
      (ports) => [{ name: "g", type: "tcp", reservable_ports: ports }, "port must be between 1024 and 65535"] as const,
    ),
    ...(
      [
        ["10000-", "range (10000-) requires an ending port"],
        ["-10000", "range (-10000) requires a starting port"],
        ["10000-9999", "range (10000-9999) must be in ascending numeric order"],
        ["10-999-1000", "range (10-999-1000) has too many '-' separators"],
        ["6010-6020,6020-6030", "Overlapping values: [6010-6020] and [6020-6030]"],
        ["6001,6001", "Overlapping values: 6001 and 6001"],
        [
          "5000-6000",
          "Invalid ports. Reservable ports must not include the following reserved system component ports: [5555 6666].",
        ],
      ] as const
    ).map(([ports, message]) => [{ name: "g", type: "tcp", reservable_ports: ports }, message] as const),
  ];
  for (const [group, message] of invalid) {
    it(`refuses ${JSON.stringify(group)}`, async () => {
      isError(await create(group), 400, "ProcessRequestError", `Cannot process request: ${message}`);
    });
  }

  it("is locked for backup and restore (§13.1)", async () => {
    const lock = async (path: string): Promise<number> =>
      (await api.send({ method: "PUT", path, body: "" }, api.adminPort)).status;
    const locked = "database unavailable due to backup or restore";
    assert.equal(await lock("/lock_router_group_writes"), 200);
    const group = { name: "locked", type: "http" };
    isError(await create(group), 503, "DBCommunicationError", locked);
    assert.equal((await named("default-tcp")).status, 200);
    assert.equal(await lock("/unlock_router_group_writes"), 200);
    assert.equal(await lock("/lock_router_group_reads"), 200);
    isError(await named("default-tcp"), 503, "DBCommunicationError", locked);
    isError(await post(`${tcpRoutes}/create`, []), 503, "DBCommunicationError", locked);
    assert.equal(await lock("/unlock_router_group_reads"), 200);
    assert.equal((await named("default-tcp")).status, 200);
  });
});

describe("hostile requests", () => {
  it("refuses bodies that are too large, and stores nothing of them", async () => {
    const large = Array.from({ length: 2000 }, (_, index) => route({ route: `${index}.large.example.com` }));
    const answer = await post(routes, large);
    isError(answer, 413, "RequestTooLargeError", "The request body is larger than 100000 bytes");
    assert.deepEqual(await api.list(routes, all), []);
  });

  it("refuses bodies that do not come", async () => {
    const socket = connect(api.port, "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1").on("data", (piece: string) => {
      text += piece;
    });
    socket.write(
      `POST ${routes} HTTP/1.1\r\nHost: x\r\nAuthorization: bearer ${all}\r\nContent-Length: 100\r\n\r\n[{"route":`,
    );
    await condition("the answer to half a body", () => (text.includes("}") ? text : undefined));
    assert.match(
      text,
      /^HTTP\/1\.1 408 .*"RequestTimeoutError","message":"The request body did not arrive within 1 s"\}/s,
    );
    socket.destroy();
  });

  it("takes SQL for what it is: text", async () => {
    const name = "x.example.com/';DROP/**/TABLE/**/router_groups;--";
    assert.equal((await post(routes, [route({ route: name, ip: "' OR 1=1 --" })])).status, 201);
    assert.equal((await listed(name))[0]?.["ip"], "' OR 1=1 --");
    await remove([route({ route: name })]);
    assert.equal((await listed(name)).length, 1);
    await remove([route({ route: name, ip: "' OR 1=1 --" })]);
    const quoted = await api.send({ path: `${groups}?name=${encodeURIComponent("' OR 1=1 --")}`, token: all });
    isError(quoted, 404, "ResourceNotFoundError", "router group '' OR 1=1 --' not found");
    assert.equal((await api.list(groups, all)).length, 1);
  });
});

describe("operation", () => {
  it("describes itself, without a token", async () => {
    const { status, headers, body } = await api.send({ path: "/openapi.json" });
    assert.deepEqual([status, headers["content-type"]], [200, "application/json"]);
    const document = JSON.parse(body) as { openapi: string; paths: Record<string, object> };
    assert.equal(document.openapi, "3.1.0");
    assert.deepEqual(Object.keys(document.paths["/routing/v1/routes"]!), ["get", "post", "delete"]);
  });

  it("tells its health and metrics on the admin port", async () => {
    const get = async (path: string): Promise<ApiAnswer> => await api.send({ path }, api.adminPort);
    assert.deepEqual([(await get("/health")).status, (await get("/health")).body], [200, "ok\n"]);
    const { body } = await get("/metrics");
    assert.match(body, /^routing_api_total_http_routes 1$/m);
    assert.match(body, /^routing_api_total_token_errors [1-9]\d*$/m);
    assert.match(body, /^routing_api_requests_total\{status="201"\} [1-9]\d*$/m);
  });

  it("never logs a token", () => {
    assert.ok(api.program.stdout.includes("routing-api.api-http-server.request.serving"));
    assert.ok(!api.program.stdout.includes("eyJ"));
  });

  it("has a route of its own, beside a plain listener, for as long as it runs (§2.2)", async () => {
    const [own] = (JSON.parse((await api.send({ path: routes, token: all })).body) as Record<string, unknown>[]).filter(
      (one) => one["route"] === ownRoute,
    );
    assert.deepEqual(
      [own!["ip"], own!["port"], own!["ttl"], own!["log_guid"]],
      ["127.0.0.1", api.port, 120, "log-guid"],
    );
  });

  it("ends streams and itself on a signal, and has kept its routes at the next start", async () => {
    await post(routes, [route({ route: "kept.example.com" })]);
    const stream = await api.stream("/routing/v1/events", { Authorization: `bearer ${all}` });
    assert.equal(await api.program.stop(), 0);
    await condition("the end of the stream", () => stream.ended || undefined);
    assert.deepEqual(
      stream.events.map(({ event, data }) => [event, data["route"]]),
      [["Delete", ownRoute]],
    );
    assert.equal(api.program.logLines.at(-1)?.message, "routing-api.exited");
    const again = new Program(["routing-api", "-config", join(api.folder, "config.yml"), "-ip", "127.0.0.1"]);
    await again.logged("routing-api.started");
    assert.equal((await listed("kept.example.com")).length, 1);
    assert.equal(await again.stop(), 0);
  });
});

describe("the mutual-TLS listener (routing-api §4)", () => {
  const pair = issue(authority, { names: ["api.test"], ips: ["127.0.0.1"] });
  const right = issue(authority, { names: ["gorouter"], client: true });
  const wrong = issue(makeAuthority("Another Authority"), { names: ["gorouter"], client: true });
  let mutual: RoutingApiProcess;
  let port: number;
  before(async () => {
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      return join(folder, name);
    };
    port = await deadPort();
    mutual = await RoutingApiProcess.start({
      api: {
        mtls_listen_port: port,
        mtls_client_ca_file: join(folder, "ca.pem"),
        mtls_server_cert_file: file("server.pem", pair.certificate),
        mtls_server_key_file: file("server.key", pair.key),
      },
      oauth: { token_endpoint: "127.0.0.1", port: uaa.port, ca_certs: join(folder, "ca.pem") },
      locket: { locket_address: "127.0.0.1:8891" },
      retry_interval: "5s",
      statsd_endpoint: "localhost:8125",
      sqldb: { file: join(folder, "mutual.sqlite"), host: "unused", max_idle_connections: 10 },
    });
  });
  after(async () => {
    await mutual?.stop();
  });

  /** The answer to `GET /routing/v1/routes`; rejects when there is none. */
  async function ask(options: ConnectionOptions, token: string): Promise<string> {
    const ca = authority.certificate;
    const socket = connectTls({ host: "127.0.0.1", port, ca, servername: "api.test", ...options });
    return await new Promise((resolve, reject) => {
      let text = "";
      socket.setEncoding("latin1").on("data", (piece: string) => {
        text += piece;
      });
      // With TLS 1.3 a client learns behind its own handshake that its certificate was refused.
      socket.on("error", reject);
      socket.on("close", () => (text === "" ? reject(new Error("closed without an answer")) : resolve(text)));
      socket.write(
        `GET ${routes} HTTP/1.1\r\nHost: api\r\nAuthorization: bearer ${token}\r\nConnection: close\r\n\r\n`,
      );
    });
  }

  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`serves who has a certificate of the right authority, and a token beside it (${maxVersion})`, async () => {
      const client = { cert: right.certificate, key: right.key, maxVersion };
      assert.match(await ask(client, all), /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(await ask(client, "x"), /^HTTP\/1\.1 401 .*"UnauthorizedError"/s);
    });

    it(`answers nobody without a certificate, or with one of another authority (${maxVersion})`, async () => {
      await assert.rejects(ask({ maxVersion }, all));
      await assert.rejects(ask({ cert: wrong.certificate, key: wrong.key, maxVersion }, all));
    });
  }

  it("speaks no older TLS, and no plain text", async () => {
    const client = { cert: right.certificate, key: right.key };
    await assert.rejects(ask({ ...client, minVersion: "TLSv1.1", maxVersion: "TLSv1.1" }, all));
    assert.ok(
      !(await exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").catch(() => undefined))?.statusLine.includes("200"),
    );
  });

  it("names at the start what it does not use, and spells headers as Go does", async () => {
    const line = mutual.program.logLines.find(({ message }) => message === "routing-api.config-keys-without-effect");
    assert.deepEqual(line?.data?.["keys"], [
      "locket",
      "retry_interval",
      "sqldb.host",
      "sqldb.max_idle_connections",
      "statsd_endpoint",
    ]);
    const text = await ask({ cert: right.certificate, key: right.key }, all);
    assert.match(text, /\r\nContent-Type: text\/plain; charset=utf-8\r\n/);
    assert.match(text, /\r\nX-Vcap-Request-Id: [0-9a-f-]{36}\r\n/);
  });
});

describe("start (routing-api §2)", () => {
  const starts: readonly (readonly [
    args: string[],
    config: object,
    action: string,
    error: string | RegExp,
    code: number,
  ])[] = [
    [[], {}, "failed-check-flags", "no ip address provided", 1],
    [["-ip", "1"], { system_domain: "" }, "failed-load-config", "no system_domain specified", 1],
    [["-ip", "1"], { max_ttl: "x" }, "failed-load-config", 'max_ttl: time: invalid duration "x"', 1],
    [["-ip", "1"], {}, "failed-load-config", "no token endpoint specified", 1],
    [
      ["-ip", "1", "-devMode"],
      { admin_port: 0 },
      "failed-load-config",
      "invalid admin port: port number is invalid: 0 (1-65535)",
      1,
    ],
    [["-ip", "1", "-devMode"], { sqldb: { type: "oracle" } }, "failed-load-config", "unknown type oracle", 1],
    [
      ["-ip", "1"],
      { oauth: { token_endpoint: "127.0.0.1", port: 1 } },
      "creating-uaa-client",
      /^Failed to get issuer configuration from UAA: /,
      1,
    ],
    [
      ["-ip", "1", "-devMode"],
      { api: { listen_port: 1, mtls_listen_port: 2, mtls_server_cert_file: "/none.pem" } },
      "mtls-mis-configured",
      /^open \/none\.pem: no such file or directory$/,
      2,
    ],
  ];
  for (const [args, config, action, error, code] of starts) {
    it(`says ${action}: ${error}`, async () => {
      const path = join(folder, "start.yml");
      const file = join(folder, "start.sqlite");
      const base = { admin_port: 1, system_domain: "x", log_guid: "x", uuid: "x", sqldb: { file } };
      const listen = { http_enabled: true, listen_port: 1 };
      writeFileSync(path, JSON.stringify({ ...base, api: listen, ...config }));
      const program = new Program(["routing-api", "-config", path, ...args]);
      assert.equal(await program.end(), code);
      const line = program.logLines.find(({ message }) => message === `routing-api.${action}`);
      const text = String(line?.data?.["error"]);
      if (typeof error === "string") assert.equal(text, error);
      else assert.match(text, error);
    });
  }
});
