import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { exchange } from "./harness/connection.ts";
import type { ApiAnswer } from "./harness/routing-api-server.ts";
import { ApiSuite, groups, isError, routes, tcpRoutes } from "./harness/routing-api-suite.ts";

let suite: ApiSuite;
before(async () => {
  suite = await ApiSuite.start();
});
after(async () => {
  await suite?.stop();
});

describe("router groups (routing-api §8)", () => {
  const create = async (body: object): Promise<ApiAnswer> => await suite.post(groups, body);
  const named = async (name: string): Promise<ApiAnswer> =>
    await suite.api.send({ path: `${groups}?name=${name}`, token: suite.all });

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

  it("shows all, and groups of any other type", async () => {
    const made = await create({ name: "other", type: "any text" });
    assert.match(made.body, /^\{"guid":"[0-9a-f-]{36}","name":"other","type":"any text","reservable_ports":""\}$/);
    const { body } = await suite.api.send({ path: groups, token: suite.all });
    const all = JSON.parse(body) as { guid: string; name: string }[];
    assert.deepEqual(
      all.map(({ name }) => name),
      ["default-tcp", "other"],
    );
    await suite.api.send({ method: "DELETE", path: `${groups}/${all[1]!.guid}`, token: suite.all });
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
      await suite.api.send({ method: "PUT", path: `${groups}/${id}`, token: suite.all, body });
    const changed = await put(guid, { name: "ignored", reservable_ports: "3000" });
    assert.deepEqual(
      [changed.status, changed.body],
      [200, `{"guid":"${guid}","name":"g","type":"tcp","reservable_ports":"3000"}`],
    );
    assert.equal(changed.headers["content-type"], "application/json");
    const warning =
      "Warning%3A+if+routes+are+registered+for+ports+that+are+not+in+the+new+range%2C+modifying+your+load+balancer+to+remove+these+ports+will+result+in+backends+for+those+routes+becoming+inaccessible.";
    assert.equal(changed.headers["x-cf-warnings"], warning);
    const same = await put(guid, { reservable_ports: "3000" });
    assert.deepEqual([same.status, same.body, same.headers["x-cf-warnings"]], [200, changed.body, warning]);
    const wrong = "Cannot process request: port must be between 1024 and 65535";
    isError(await put(guid, { reservable_ports: "1-3000" }), 400, "ProcessRequestError", wrong);
    const none = "Cannot process request: missing reservable_ports in router group: g";
    isError(await put(guid, {}), 400, "ProcessRequestError", none);
    isError(await put("x", {}), 404, "ResourceNotFoundError", "router group 'x' does not exist");

    const drop = async (): Promise<ApiAnswer> =>
      await suite.api.send({ method: "DELETE", path: `${groups}/${guid}`, token: suite.all });
    const gone = await drop();
    assert.deepEqual([gone.status, gone.body, gone.headers["content-type"]], [204, "", undefined]);
    isError(await drop(), 404, "ResourceNotFoundError", `router group '${guid}' does not exist`);
  });

  const invalid: readonly (readonly [group: object, message: string])[] = [
    [{}, "missing name in router group"],
    [{ name: "g" }, "missing type in router group"],
    [{ name: "g", type: "tcp" }, "missing reservable_ports in router group: g"],
    [
      { name: "g", type: "http", reservable_ports: "2000" },
      "reservable ports are not supported for router groups of type http",
    ],
    ...["1023", "65536", "x", "2000, 2001", "1023-2000", "2000-65536", "2000,", " 2000"].map(
      (ports) => [{ name: "g", type: "tcp", reservable_ports: ports }, "port must be between 1024 and 65535"] as const,
    ),
    ...(
      [
        ["10000-", "range (10000-) requires an ending port"],
        ["-10000", "range (-10000) requires a starting port"],
        ["10000-9999", "range (10000-9999) must be in ascending numeric order"],
        ["10-999-1000", "range (10-999-1000) has too many '-' separators"],
        ["6010-6020,6020-6030", "Overlapping values: [6010-6020] and [6020-6030]"],
        ["6000-6010,7000,6005-6006", "Overlapping values: [6000-6010] and [6005-6006]"],
        ["6000-6010,6010", "Overlapping values: [6000-6010] and 6010"],
        [
          "5555",
          "Invalid ports. Reservable ports must not include the following reserved system component ports: [5555 6666].",
        ],
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
    const locked = "database unavailable due to backup or restore";
    const isLocked = (answer: ApiAnswer): void => isError(answer, 503, "DBCommunicationError", locked);
    // As the backup hooks send it.
    const lock = async (path: string): Promise<void> => {
      const answer = await exchange(suite.api.adminPort, `PUT ${path} HTTP/1.0\r\nContent-Length: 0\r\n\r\n`);
      assert.match(answer.statusLine, / 200 /);
      assert.equal(answer.body, "");
    };
    const [{ guid }] = JSON.parse((await named("default-tcp")).body) as [{ guid: string }];
    const send = async (method: string, body: object = {}): Promise<ApiAnswer> =>
      await suite.api.send({ method, path: `${groups}/${guid}`, token: suite.all, body });
    const changes = async (): Promise<ApiAnswer[]> => [
      await create({ name: "locked", type: "http" }),
      await send("PUT", { reservable_ports: "4000" }),
      await send("DELETE"),
    ];
    const unlocked = async (): Promise<void> => {
      assert.equal((await suite.post(`${tcpRoutes}/create`, [])).status, 201);
      assert.equal((await suite.post(routes, [])).status, 201);
      for (const path of [groups, tcpRoutes, routes])
        assert.equal((await suite.api.send({ path, token: suite.all })).status, 200);
    };

    await lock("/lock_router_group_writes");
    for (const answer of await changes()) isLocked(answer);
    assert.equal((await send("PUT", { reservable_ports: "1024,1025" })).status, 200, "changes nothing");
    await unlocked();
    await lock("/unlock_router_group_writes");

    await lock("/lock_router_group_reads");
    for (const answer of await changes()) isLocked(answer);
    isLocked(await send("PUT", { reservable_ports: "1024,1025" }));
    isLocked(await named("default-tcp"));
    isLocked(await suite.api.send({ path: groups, token: suite.all }));
    isLocked(await suite.post(`${tcpRoutes}/create`, []));
    assert.equal((await suite.post(`${tcpRoutes}/delete`, [])).status, 204);
    assert.equal((await suite.api.send({ path: tcpRoutes, token: suite.all })).status, 200);
    assert.equal((await suite.post(routes, [])).status, 201);
    await lock("/unlock_router_group_reads");
    await unlocked();
  });
});
