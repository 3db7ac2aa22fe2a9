import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Endpoint, type EndpointFields } from "../../../src/core/routing/endpoint.ts";
import { isAuthorized } from "../../../src/status/basic-auth.ts";
import { healthApp } from "../../../src/status/health.ts";
import { cleanPath } from "../../../src/status/mux.ts";
import { routesApp } from "../../../src/status/routes.ts";

interface App {
  fetch(request: Request): Response | Promise<Response>;
}

/** What our own listener hands to a Fetch handler: no `Request`, and an URL that nobody has cleaned. */
const plain = (method: string, target: string, headers: Record<string, string> = {}): Request =>
  ({
    method,
    url: `http://127.0.0.1:8080${target}`,
    headers: new Headers(headers),
    body: null,
    signal: new AbortController().signal,
  }) as unknown as Request;

/** Status, headers and body in one comparable value. */
async function seen(app: App, request: Request): Promise<readonly [number, Record<string, string>, string]> {
  const response = await app.fetch(request);
  return [response.status, Object.fromEntries(response.headers), await response.text()];
}

const cache = { "cache-control": "private, max-age=0", expires: "0" };
const plainText = { "content-type": "text/plain; charset=utf-8" };
const notFound = [
  404,
  { ...plainText, "content-length": "19", "x-content-type-options": "nosniff" },
  "404 page not found\n",
] as const;
const moved = (to: string) =>
  [
    301,
    {
      location: to,
      "content-type": "text/html; charset=utf-8",
      "content-length": String(35 + to.length),
    },
    `<a href="${to}">Moved Permanently</a>.\n\n`,
  ] as const;

describe("health listener (control-plane §4.2)", () => {
  const healthy = healthApp({ state: "healthy" });

  it("answers any method by the state of the process", async () => {
    for (const method of ["GET", "POST", "DELETE", "PROPFIND", "OPTIONS"]) {
      assert.deepEqual(await seen(healthy, plain(method, "/health")), [
        200,
        { ...cache, ...plainText, "content-length": "3" },
        "ok\n",
      ]);
    }
    for (const state of ["initializing", "degraded"] as const) {
      const answer = [503, { ...cache, "content-length": "0" }, ""];
      assert.deepEqual(await seen(healthApp({ state }), plain("GET", "/health")), answer);
    }
  });

  it("follows the state", async () => {
    const health: { state: "initializing" | "healthy" } = { state: "initializing" };
    const app = healthApp(health);
    assert.equal((await app.fetch(plain("GET", "/health"))).status, 503);
    health.state = "healthy";
    assert.equal((await app.fetch(plain("GET", "/health"))).status, 200);
  });

  it("answers HEAD with the head of GET", async () => {
    assert.deepEqual(await seen(healthy, plain("HEAD", "/health")), [
      200,
      { ...cache, ...plainText, "content-length": "3" },
      "",
    ]);
  });

  it("is alive in every state", async () => {
    const path = "/is-process-alive-do-not-use-for-loadbalancing";
    const answer = [200, { ...plainText, "content-length": "3" }, "ok\n"];
    assert.deepEqual(await seen(healthApp({ state: "degraded" }), plain("GET", path)), answer);
  });

  it("knows no other path", async () => {
    for (const target of ["/", "/health/", "/healthz", "/routes", "/HEALTH", "/health%20"])
      assert.deepEqual(await seen(healthy, plain("GET", target)), notFound, target);
    assert.equal((await healthy.fetch(plain("GET", "/health?x=//y"))).status, 200);
  });

  it("redirects unclean paths", async () => {
    for (const [target, to] of [
      ["//health", "/health"],
      ["/./health", "/health"],
      ["/a/../health", "/health"],
      ["/health/.", "/health/"],
      ["//x/?q=1&r=//", "/x/?q=1&amp;r=//"],
    ] as const) {
      const [status, headers, body] = await seen(healthy, plain("GET", target));
      const [, expectedHeaders, expectedBody] = moved(to);
      assert.deepEqual([status, body], [301, expectedBody], target);
      assert.deepEqual(headers, { ...expectedHeaders, location: to.replace("&amp;", "&") });
    }
    assert.deepEqual(await seen(healthy, plain("POST", "//health")), [
      301,
      { location: "/health", "content-length": "0" },
      "",
    ]);
  });

  it("takes a platform Request as well", async () => {
    assert.equal((await healthy.fetch(new Request("http://x/health"))).status, 200);
  });
});

describe("clean path", () => {
  for (const [path, clean] of [
    ["/", "/"],
    ["//", "/"],
    ["/..", "/"],
    ["/a/", "/a/"],
    ["/a//b/./c/../d", "/a/b/d"],
    ["/../../a", "/a"],
    ["/a/..", "/"],
    ["/a/b/..", "/a/"],
  ] as const) {
    it(`of ${path} is ${clean}`, () => assert.equal(cleanPath(path), clean));
  }
});

const basic = (pair: string): string => `Basic ${btoa(pair)}`;

describe("basic authentication (control-plane §4.3)", () => {
  const credentials = { user: "some", pass: "one" };
  for (const [value, right] of [
    [basic("some:one"), true],
    [null, false],
    ["", false],
    [basic("some:two"), false],
    [basic("somebody:one"), false],
    [basic("some"), false],
    [basic("some:one:"), false],
    [`basic ${btoa("some:one")}`, false],
    [`Basic  ${btoa("some:one")}`, false],
    [`${basic("some:one")} `, false],
    [`Basic ${btoa("some:one").replace(/=+$/, "")}`, btoa("some:one").endsWith("=") === false],
    ["Basic !!!!", false],
  ] as const) {
    it(`${right ? "lets in" : "refuses"} ${JSON.stringify(value)}`, () =>
      assert.equal(isAuthorized(value, credentials), right));
  }

  it("is no bypass when nothing is configured", () => {
    assert.equal(isAuthorized(null, { user: "", pass: "" }), false);
    assert.equal(isAuthorized("Basic Og==", { user: "", pass: "" }), true);
  });

  it("needs padding, can never match a password with a colon, and compares bytes", () => {
    assert.equal(isAuthorized("Basic YTpi", { user: "a", pass: "b" }), true);
    assert.equal(isAuthorized("Basic Og", { user: "", pass: "" }), false);
    assert.equal(isAuthorized(basic("a:b:c"), { user: "a", pass: "b:c" }), false);
    assert.equal(isAuthorized("Basic w6Q6w7Y=", { user: "ä", pass: "ö" }), true);
  });
});

describe("routes listener (control-plane §4.3)", () => {
  const credentials = { user: "u", pass: "p" };
  const authorization = { Authorization: basic("u:p") };
  const view = (routes: Record<string, readonly EndpointFields[]>) => ({
    routes: () =>
      Object.entries(routes).map(
        ([key, list]) => [key, { members: list.map((fields) => ({ endpoint: new Endpoint(fields) })) }] as const,
      ),
  });
  const json = { connection: "close", "content-type": "application/json" };

  it("refuses those who do not know the credentials, on every path but two", async () => {
    const app = routesApp(view({}), credentials);
    const refusal = [401, { "www-authenticate": "Basic", ...plainText, "content-length": "17" }, "401 Unauthorized\n"];
    for (const target of ["/routes", "/", "//routes"]) assert.deepEqual(await seen(app, plain("GET", target)), refusal);
    for (const target of ["/health", "/healthz"]) assert.deepEqual(await seen(app, plain("GET", target)), notFound);
    assert.deepEqual(await seen(app, plain("GET", "/other", authorization)), notFound);
    assert.deepEqual(await seen(app, plain("GET", "//routes", authorization)), moved("/routes"));
  });

  it("shows an empty table", async () => {
    const answer = [200, { ...json, "content-length": "3" }, "{}\n"];
    for (const method of ["GET", "POST"])
      assert.deepEqual(await seen(routesApp(view({}), credentials), plain(method, "/routes", authorization)), answer);
  });

  it("shows every field in order, as the example of the reference", async () => {
    const api = {
      host: "10.0.0.1",
      port: 9024,
      tls: true,
      availabilityZone: "z1",
      staleThresholdSeconds: 120,
      tags: new Map([["component", "api"]]),
      privateInstanceId: "i-1",
      serverCertDomainSan: "api.internal",
      applicationId: "not shown",
    };
    const app = routesApp(view({ "api.example.com": [api] }), credentials);
    const [, , body] = await seen(app, plain("GET", "/routes", authorization));
    assert.equal(
      body,
      '{"api.example.com":[{"address":"10.0.0.1:9024","availability_zone":"z1","protocol":"http1","tls":true,"ttl":120,"tags":{"component":"api"},"private_instance_id":"i-1","server_cert_domain_san":"api.internal"}]}\n',
    );
  });

  it("shows optional fields, sorts tags and escapes as Go does", async () => {
    const full = {
      host: "h",
      port: 1,
      routeServiceUrl: "https://rs?a&b",
      tags: new Map([
        ["z", "<\u2028>"],
        ["\ud83d\ude00", ""],
        ["\uffee", ""],
        ["a", '"'],
      ]),
      isolationSegment: "is",
      loadBalancing: "bogus",
    };
    const app = routesApp(view({ "": [], a: [full, { host: "h", port: 2, tags: new Map() }] }), credentials);
    const [, , body] = await seen(app, plain("GET", "/routes", authorization));
    const one =
      '{"address":"h:1","availability_zone":"","protocol":"http1","tls":false,"ttl":0,"route_service_url":"https://rs?a\\u0026b",' +
      '"tags":{"a":"\\"","z":"\\u003c\\u2028\\u003e","\uffee":"","\ud83d\ude00":""},"isolation_segment":"is","load_balancing_algorithm":"bogus"}';
    const two = '{"address":"h:2","availability_zone":"","protocol":"http1","tls":false,"ttl":0,"tags":{}}';
    assert.equal(body, `{"":[],"a":[${one},${two}]}\n`);
  });

  it("shows what belongs to hash-based routing (control-plane §9.1)", async () => {
    const hashes = { host: "h", port: 1, loadBalancing: "hash", hashHeader: "X-<a>", hashBalance: 1.25 };
    const app = routesApp(
      view({ a: [hashes, { ...hashes, hashBalance: 0 }, { ...hashes, hashHeader: "" }] }),
      credentials,
    );
    const [, , body] = await seen(app, plain("GET", "/routes", authorization));
    const tails = [...String(body).matchAll(/"load_balancing_algorithm":"hash"([^}]*)}/g)].map(([, tail]) => tail);
    assert.deepEqual(tails, [
      ',"hash_header":"X-\\u003ca\\u003e","hash_balance":1.25',
      ',"hash_header":"X-\\u003ca\\u003e","hash_balance":0',
      ',"hash_balance":0',
    ]);
  });

  it("announces no length above 2 KB", async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`r${i}`, [{ host: "h", port: i }]]));
    const [status, headers, body] = await seen(
      routesApp(view(many), credentials),
      plain("GET", "/routes", authorization),
    );
    assert.equal(status, 200);
    assert.deepEqual(headers, json);
    assert.equal(Object.keys(JSON.parse(body) as object).length, 100);
  });
});
