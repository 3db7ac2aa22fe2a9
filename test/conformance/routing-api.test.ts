import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { condition } from "./harness/condition.ts";
import { type LogLine, Program } from "./harness/program.ts";
import { type ApiAnswer, ownRoute } from "./harness/routing-api-server.ts";
import { ApiSuite, groups, isError, route, routes, tcpRoutes } from "./harness/routing-api-suite.ts";

let suite: ApiSuite;
before(async () => {
  suite = await ApiSuite.start();
});
after(async () => {
  await suite?.stop();
});

describe("HTTP conventions (routing-api §4)", () => {
  it("answers a list as text with a line feed", async () => {
    const { status, headers, body } = await suite.api.send({ path: tcpRoutes, token: suite.all });
    assert.deepEqual([status, headers["content-type"], body], [200, "text/plain; charset=utf-8", "[]\n"]);
    assert.match((await suite.api.send({ path: routes, token: suite.all })).body, /^\[\{"route":.*\}\]\n$/);
    assert.match(
      headers["x-vcap-request-id"] as string,
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/,
    );
  });

  it("keeps a request id that is a UUID in lower case", async () => {
    const ask = async (id: string): Promise<unknown> => {
      const answer = await suite.api.send({ path: routes, token: suite.all, headers: { "X-Vcap-Request-Id": id } });
      return answer.headers["x-vcap-request-id"];
    };
    const id = "0f0e0d0c-1111-4222-8333-444455556666";
    assert.equal(await ask(id), id);
    assert.notEqual(await ask(id.toUpperCase()), id.toUpperCase());
  });

  const paths: readonly (readonly [path: string, ...methods: string[]])[] = [
    [routes, "DELETE", "GET", "POST"],
    ["/routing/v1/events", "GET"],
    [tcpRoutes, "GET"],
    [`${tcpRoutes}/create`, "POST"],
    [`${tcpRoutes}/delete`, "POST"],
    [`${tcpRoutes}/events`, "GET"],
    [groups, "GET", "POST"],
    [`${groups}/x`, "DELETE", "PUT"],
  ];
  const others = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
  for (const [path, ...methods] of paths) {
    it(`takes ${methods.join()} at ${path} and no other method, and nothing behind a slash`, async () => {
      for (const method of others.filter((other) => !methods.includes(other))) {
        const { status, headers, body } = await suite.api.send({ method, path });
        assert.deepEqual([status, body], [405, method === "HEAD" ? "" : "Method Not Allowed\n"], method);
        assert.deepEqual(String(headers["allow"]).split(", ").sort(), methods, method);
        assert.equal(headers["content-type"], "text/plain; charset=utf-8");
        assert.equal(headers["x-content-type-options"], "nosniff");
        assert.match(String(headers["x-vcap-request-id"]), /^[0-9a-f-]{36}$/);
      }
      await isUnknown(`${path}/`);
    });
  }

  async function isUnknown(path: string): Promise<void> {
    const { status, headers, body } = await suite.api.send({ path, token: suite.all });
    assert.deepEqual([status, body], [404, "404 page not found\n"]);
    assert.equal(headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.match(String(headers["x-vcap-request-id"]), /^[0-9a-f-]{36}$/);
  }
  for (const path of ["/", "/routing/v2/routes", "/routing/v1", `${groups}/x/y`])
    it(`has nothing at ${path}`, () => isUnknown(path));

  const bodies: readonly (readonly [body: string, status: number, message: string])[] = [
    ["[]", 201, ""],
    ["null", 201, ""],
    ["[] and more", 201, ""],
    ["", 400, "EOF"],
    [" \n", 400, "EOF"],
    ["[{", 400, "unexpected EOF"],
    ["[tru", 400, "unexpected EOF"],
    ["[1.", 400, "unexpected EOF"],
    ["[tru]", 400, "invalid character ']' in literal true (expecting 'e')"],
    ["[\u00e4]", 400, "invalid character '\u00c3' looking for beginning of value"],
    ["[\u20ac]", 400, "invalid character '\u00e2' looking for beginning of value"],
    ["{}", 400, "json: cannot unmarshal object into Go value of type []models.Route"],
    ["[7]", 400, "json: cannot unmarshal number into Go value of type models.Route"],
    ["[}", 400, "invalid character '}' looking for beginning of value"],
    ['[{"port":65537}]', 400, "json: cannot unmarshal number 65537 into Go struct field Route.port of type uint16"],
    ['[{"port":-1}]', 400, "json: cannot unmarshal number -1 into Go struct field Route.port of type uint16"],
    ['[{"ttl":1.5}]', 400, "json: cannot unmarshal number 1.5 into Go struct field Route.ttl of type int"],
    ['[{"ttl":1e2}]', 400, "json: cannot unmarshal number 1e2 into Go struct field Route.ttl of type int"],
    ['[{"ttl":"x"}]', 400, "json: cannot unmarshal string into Go struct field Route.ttl of type int"],
    ['[{"route":1}]', 400, "json: cannot unmarshal number into Go struct field Route.route of type string"],
  ];
  for (const [body, status, message] of bodies) {
    it(`reads the body ${JSON.stringify(body)}`, async () => {
      const answer = await suite.post(routes, body);
      if (status === 201) assert.deepEqual([answer.status, answer.body], [201, ""]);
      else isError(answer, status, "ProcessRequestError", `Cannot process request: ${message}`);
    });
  }

  it("reads bodies of the other endpoints alike, whatever their Content-Type", async () => {
    const ask = async (method: string, path: string, body: string): Promise<ApiAnswer> =>
      await suite.api.send({ method, path, body, token: suite.all, headers: { "Content-Type": "image/png" } });
    for (const [method, path, status] of [
      ["DELETE", routes, 204],
      ["POST", `${tcpRoutes}/create`, 201],
      ["POST", `${tcpRoutes}/delete`, 204],
    ] as const) {
      for (const body of ["[]", "null"]) {
        const answer = await ask(method, path, body);
        assert.deepEqual([answer.status, answer.body, answer.headers["content-type"]], [status, "", undefined]);
      }
    }
    for (const [method, path] of [
      ["DELETE", routes],
      ["POST", `${tcpRoutes}/create`],
      ["POST", `${tcpRoutes}/delete`],
      ["POST", groups],
      ["PUT", `${groups}/x`],
    ] as const)
      isError(await ask(method, path, ""), 400, "ProcessRequestError", "Cannot process request: EOF");
    const wrong = "json: cannot unmarshal array into Go value of type models.RouterGroup";
    isError(await ask("POST", groups, "[]"), 400, "ProcessRequestError", `Cannot process request: ${wrong}`);
  });

  it("ignores what it does not know, takes keys in any case, the last of equal ones, and null for nothing", async () => {
    const body = `[{"ROUTE":"x","route":"read.example.com","Ip":"10.0.0.1","port":1,"ttl":null,"log_guid":null,"other":{"a":[]}}]`;
    assert.equal((await suite.post(routes, body)).status, 201);
    const [read] = await suite.listed("read.example.com");
    assert.deepEqual([read!["ip"], read!["port"], read!["ttl"], read!["log_guid"]], ["10.0.0.1", 1, 120, ""]);
    assert.equal((await suite.remove(body)).status, 204);
    assert.deepEqual(await suite.listed("read.example.com"), []);
  });
});

describe("authentication (routing-api §5)", () => {
  const unauthorized = "You are not authorized to perform the requested action";
  const cases: readonly (readonly [what: string, header: () => string | undefined, message: string])[] = [
    ["no header", () => undefined, "invalid token format"],
    ["one part", () => "bearer", "invalid token format"],
    ["three parts", () => `bearer ${suite.all} x`, "invalid token format"],
    ["another scheme", () => `basic ${suite.all}`, "Invalid token type: basic"],
    ["two segments", () => "bearer a.b", "token contains an invalid number of segments"],
    ["algorithm none", () => `bearer ${suite.uaa.unsigned(["routing.routes.read"])}`, "invalid signing method"],
    [
      "the public key as a secret",
      () => `bearer ${suite.uaa.confused(["routing.routes.read"])}`,
      "invalid signing method",
    ],
    ["another issuer", () => `bearer ${suite.uaa.token([], { iss: "https://x" })}`, "invalid issuer"],
    [
      "another key",
      () => {
        const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
        return `bearer ${suite.uaa.signed({ alg: "RS256", kid: "key-1" }, { scope: ["routing.routes.read"] }, privateKey)}`;
      },
      "crypto/rsa: verification error",
    ],
    ["expired", () => `bearer ${suite.uaa.token(["routing.routes.read"], { exp: 1 })}`, "Token is expired"],
    [
      "expired, issued in the future",
      () => `bearer ${suite.uaa.token(["routing.routes.read"], { exp: 1, iat: 9e9 })}`,
      "Token is expired",
    ],
    [
      "not yet valid",
      () => `bearer ${suite.uaa.token(["routing.routes.read"], { nbf: 9e9 })}`,
      "Token is not valid yet",
    ],
    [
      "expired, of another issuer: the issuer comes first",
      () => `bearer ${suite.uaa.token([], { exp: 1, iss: "https://x" })}`,
      "invalid issuer",
    ],
    [
      "expired, signed by another key: the signature comes first",
      () => `bearer ${suite.uaa.token([], { exp: 1 }).replace(/.{8}$/, "AAAAAAAA")}`,
      "crypto/rsa: verification error",
    ],
    ["a scope that is no list", () => `bearer ${suite.uaa.token([], { scope: "routing.routes.read" })}`, unauthorized],
    ["no scope at all", () => `bearer ${suite.uaa.token([], { scope: undefined })}`, unauthorized],
    ["another scope", () => `bearer ${suite.uaa.token(["routing.routes.write"])}`, unauthorized],
  ];
  for (const [what, header, message] of cases) {
    it(`refuses: ${what}`, async () => {
      const authorization = header();
      const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
      isError(await suite.api.send({ path: routes, headers }), 401, "UnauthorizedError", message);
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
        (await suite.api.send({ method, path, token, ...(method === "GET" ? {} : { body: "[]" }) })).status;
      const others = scopes.map(([, , other]) => other).filter((other) => other !== scope);
      assert.equal(await ask(suite.uaa.token(others)), 401, `${method} ${path}`);
      assert.notEqual(await ask(suite.uaa.token([scope])), 401, `${method} ${path}`);
    }
  });

  it("demands a scope for streams too", async () => {
    for (const path of ["/routing/v1/events", `${tcpRoutes}/events`]) {
      const token = suite.uaa.token(["routing.routes.write", "routing.router_groups.read"]);
      isError(await suite.api.send({ path, token }), 401, "UnauthorizedError", unauthorized);
      const stream = await suite.api.stream(path, {
        Authorization: `BEARER ${suite.uaa.token(["routing.routes.read"])}`,
      });
      assert.equal(stream.status, 200);
      stream.stop();
    }
  });

  for (const bits of [384, 512] as const)
    it(`takes RS${bits}`, async () => {
      const token = suite.uaa.token(["routing.routes.read"], {}, "key-1", bits);
      assert.equal((await suite.api.send({ path: routes, token })).status, 200);
    });

  it("takes two keys at a time, and a new one without a restart", async () => {
    suite.uaa.addKey("key-2");
    const status = async (): Promise<number> => {
      const token = suite.uaa.token(["routing.routes.read"], {}, "key-2");
      return (await suite.api.send({ path: routes, token })).status;
    };
    await condition("the new key is known", async () => ((await status()) === 200 ? true : undefined));
    assert.equal((await suite.api.send({ path: routes, token: suite.all })).status, 200);
  });
});

describe("hostile requests", () => {
  it("refuses bodies that are too large, and stores nothing of them", async () => {
    const large = Array.from({ length: 2000 }, (_, index) => route({ route: `${index}.large.example.com` }));
    const answer = await suite.post(routes, large);
    isError(answer, 413, "RequestTooLargeError", "The request body is larger than 100000 bytes");
    assert.deepEqual(await suite.api.list(routes, suite.all), []);
  });

  it("refuses bodies that do not come", async () => {
    const socket = connect(suite.api.port, "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1").on("data", (piece: string) => {
      text += piece;
    });
    socket.write(
      `POST ${routes} HTTP/1.1\r\nHost: x\r\nAuthorization: bearer ${suite.all}\r\nContent-Length: 100\r\n\r\n[{"route":`,
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
    assert.equal((await suite.post(routes, [route({ route: name, ip: "' OR 1=1 --" })])).status, 201);
    assert.equal((await suite.listed(name))[0]?.["ip"], "' OR 1=1 --");
    await suite.remove([route({ route: name })]);
    assert.equal((await suite.listed(name)).length, 1);
    await suite.remove([route({ route: name, ip: "' OR 1=1 --" })]);
    const quoted = await suite.api.send({
      path: `${groups}?name=${encodeURIComponent("' OR 1=1 --")}`,
      token: suite.all,
    });
    isError(quoted, 404, "ResourceNotFoundError", "router group '' OR 1=1 --' not found");
    assert.equal((await suite.api.list(groups, suite.all)).length, 1);
  });
});

describe("operation", () => {
  it("describes itself, without a token", async () => {
    const { status, headers, body } = await suite.api.send({ path: "/openapi.json" });
    assert.deepEqual([status, headers["content-type"]], [200, "application/json"]);
    const document = JSON.parse(body) as { openapi: string; paths: Record<string, object> };
    assert.equal(document.openapi, "3.1.0");
    assert.deepEqual(Object.keys(document.paths["/routing/v1/routes"]!), ["get", "post", "delete"]);
  });

  it("tells its health and metrics on the admin port", async () => {
    const get = async (path: string): Promise<ApiAnswer> => await suite.api.send({ path }, suite.api.adminPort);
    assert.deepEqual([(await get("/health")).status, (await get("/health")).body], [200, "ok\n"]);
    const { body } = await get("/metrics");
    assert.match(body, /^routing_api_total_http_routes 1$/m);
    assert.match(body, /^routing_api_total_token_errors [1-9]\d*$/m);
    assert.match(body, /^routing_api_requests_total\{status="201"\} [1-9]\d*$/m);
  });

  it("logs requests, their answers and their decoded bodies (§13.2)", async () => {
    const sent: readonly (readonly [method: string, path: string, session: string, data: string])[] = [
      ["POST", routes, "create-route", "route_creation"],
      ["DELETE", routes, "delete-route", "route_deletion"],
      ["POST", `${tcpRoutes}/create`, "create-tcp-route-mappings", "tcp_mapping_creation"],
      ["POST", `${tcpRoutes}/delete`, "delete-tcp-route-mappings", "tcp_mapping_deletion"],
    ];
    for (const [index, [method, path, session, data]] of sent.entries()) {
      const id = `0f0e0d0c-1111-4222-8333-44445555667${index}`;
      const headers = { "X-Vcap-Request-Id": id };
      const body = [{ ttl: 0, unknown: 1 }];
      await suite.api.send({ method, path: `${path}?a=b`, body, token: suite.all, headers });
      const lines = async (what: string, found: (data: LogLine["data"]) => boolean) => {
        const message = `routing-api.api-http-server.${what}`;
        return await condition(message, () =>
          suite.api.program.logLines.find((one) => one.message === message && found(one.data)),
        );
      };
      await lines(`${session}.request`, (logged) => isDeepStrictEqual(logged?.[data], [{ ttl: 0 }]));
      const own = (logged: LogLine["data"]): boolean =>
        logged?.["method"] === method && JSON.stringify(logged["request-headers"]).includes(id);
      const [serving, done] = [await lines("request.serving", own), await lines("request.done", own)];
      assert.deepEqual([serving.data?.["method"], serving.data?.["request"]], [method, `${path}?a=b`]);
      const shown = serving.data?.["request-headers"] as Record<string, string[]>;
      assert.deepEqual([shown["X-Vcap-Request-Id"], shown["Authorization"]], [[id], undefined]);
      assert.deepEqual((done.data?.["response-headers"] as typeof shown)["X-Vcap-Request-Id"], [id]);
    }
  });

  it("logs the two lines of a request under one session, fields sorted, and of a stream when it ends (§13.2)", async () => {
    const id = "0f0e0d0c-1111-4222-8333-444455556680";
    const headers = { "X-Vcap-Request-Id": id, Authorization: `bearer ${suite.all}`, Accept: "*/*" };
    const stream = await suite.api.stream("/routing/v1/events", headers);
    // Another request's lines come in between.
    await suite.post(routes, []);
    const lines = (what: string): LogLine[] =>
      suite.api.program.logLines.filter(
        ({ message, data }) =>
          message === `routing-api.api-http-server.request.${what}` && JSON.stringify(data).includes(id),
      );
    const [serving] = await condition("serving", () => (lines("serving").length > 0 ? lines("serving") : undefined));
    assert.deepEqual(Object.keys(serving!.data?.["request-headers"] as object), [
      "Accept",
      "Connection",
      "X-Vcap-Request-Id",
    ]);
    assert.deepEqual(lines("done"), []);
    stream.stop();
    const [done] = await condition("done", () => (lines("done").length > 0 ? lines("done") : undefined));
    assert.equal(done!.data?.["session"], serving!.data?.["session"]);
    assert.deepEqual(Object.keys(done!.data?.["response-headers"] as object), [
      "Cache-Control",
      "Content-Type",
      "X-Vcap-Request-Id",
    ]);
    const started = suite.api.program.logLines.find(({ message }) => message === "routing-api.started");
    assert.deepEqual(started?.data, { port: suite.api.port });
  });

  it("never logs a token", () => {
    assert.ok(suite.api.program.stdout.includes("routing-api.api-http-server.request.serving"));
    assert.ok(!suite.api.program.stdout.includes("eyJ"));
  });

  it("has a route of its own, beside a plain listener, for as long as it runs (§2.2)", async () => {
    const [own] = (
      JSON.parse((await suite.api.send({ path: routes, token: suite.all })).body) as Record<string, unknown>[]
    ).filter((one) => one["route"] === ownRoute);
    assert.deepEqual(
      [own!["ip"], own!["port"], own!["ttl"], own!["log_guid"]],
      ["127.0.0.1", suite.api.port, 120, "log-guid"],
    );
  });

  it("ends streams and itself on a signal, and has kept its routes at the next start", async () => {
    await suite.post(routes, [route({ route: "kept.example.com" })]);
    const stream = await suite.api.stream("/routing/v1/events", { Authorization: `bearer ${suite.all}` });
    assert.equal(await suite.api.program.stop(), 0);
    await condition("the end of the stream", () => stream.ended || undefined);
    assert.deepEqual(
      stream.events.map(({ event, data }) => [event, data["route"]]),
      [["Delete", ownRoute]],
    );
    assert.equal(suite.api.program.logLines.at(-1)?.message, "routing-api.exited");
    const again = new Program(["routing-api", "-config", join(suite.api.folder, "config.yml"), "-ip", "127.0.0.1"]);
    await again.logged("routing-api.started");
    assert.equal((await suite.listed("kept.example.com")).length, 1);
    assert.equal(await again.stop(), 0);
  });
});
