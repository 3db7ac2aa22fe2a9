import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { exchange, get } from "./harness/connection.ts";
import { assertLines } from "./harness/dated-lines.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";

let nats: NatsServer;
let router: RouterUnderTest;

before(async () => {
  nats = await startNatsServer();
  router = await startRouter(nats.port);
});
after(async () => {
  await router?.stop();
  await nats?.stop();
});

describe("status listeners (control-plane §4)", () => {
  const health = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

  it("/health of a healthy router (§4.2)", async () => {
    const answer = await exchange(router.statusPort, health("/health"));
    assert.deepEqual([answer.statusLine, answer.body], ["HTTP/1.1 200 OK", "ok\n"]);
  });

  const own = `Authorization: Basic ${Buffer.from("user:pass").toString("base64")}`;
  const sniffed = "Content-Type: text/plain; charset=utf-8";
  const cache = ["Cache-Control: private, max-age=0", "Expires: 0"];
  const notFound = ["Content-Type: text/plain; charset=utf-8", "X-Content-Type-Options: nosniff", "Date:"];
  const moved = ["Content-Type: text/html; charset=utf-8", "Location: /health", "Date:"];
  const table = ["Connection: close", "Content-Type: application/json", "Date:", "Content-Length: 3"];
  for (const [port, start, sent, expected] of [
    ["statusPort", "GET /health HTTP/1.1", [], [...cache, "Date:", "Content-Length: 3", sniffed]],
    ["statusPort", "HEAD /health HTTP/1.1", [], [...cache, "Date:", "Content-Length: 3", sniffed]],
    ["statusPort", "GET /health HTTP/1.0", [], [...cache, "Date:", "Content-Length: 3", sniffed]],
    [
      "statusPort",
      "GET /health HTTP/1.1",
      ["Connection: close"],
      [...cache, "Date:", "Content-Length: 3", sniffed, "Connection: close"],
    ],
    [
      "statusPort",
      "GET /is-process-alive-do-not-use-for-loadbalancing HTTP/1.1",
      [],
      ["Date:", "Content-Length: 3", sniffed],
    ],
    ["statusPort", "GET /nope HTTP/1.1", [], [...notFound, "Content-Length: 19"]],
    ["statusPort", "GET //health HTTP/1.1", [], [...moved, "Content-Length: 42"]],
    ["statusPort", "HEAD //health HTTP/1.1", [], moved],
    ["statusPort", "POST //health HTTP/1.1", [], ["Location: /health", "Date:", "Content-Length: 0"]],
    ["routesPort", "GET /routes HTTP/1.1", [], ["Www-Authenticate: Basic", "Date:", "Content-Length: 17", sniffed]],
    ["routesPort", "GET /routes HTTP/1.1", [own], table],
    ["routesPort", "GET /routes HTTP/1.0", [own], table],
    ["routesPort", "HEAD /routes HTTP/1.1", [own], table],
  ] as const) {
    it(`${start}${sent.map((line) => `, ${line}`).join("")}: header lines in the order of Go's server`, async () => {
      const head = [start, "Host: x", ...sent].map((line) => `${line}\r\n`).join("");
      const answer = await exchange(router[port], `${head}\r\n`, start.startsWith("HEAD"));
      const lines = answer.lines.map((line) => line.replace(/^Date: .*/, "Date:"));
      assert.deepEqual(lines, expected);
    });
  }

  it("of several Authorization lines the first counts", async () => {
    const other = "Authorization: Basic eDp5";
    for (const [lines, status] of [
      [[own, other], 200],
      [[other, own], 401],
    ] as const) {
      const request = `GET /routes HTTP/1.1\r\nHost: x\r\n${lines.join("\r\n")}\r\n\r\n`;
      assert.equal((await exchange(router.routesPort, request)).status, status);
    }
  });

  it("/is-process-alive-do-not-use-for-loadbalancing, and 404 for the rest (§4.2)", async () => {
    const alive = await exchange(router.statusPort, health("/is-process-alive-do-not-use-for-loadbalancing"));
    assert.deepEqual([alive.status, alive.body, alive.header("cache-control")], [200, "ok\n", undefined]);
    for (const path of ["/health/", "/healthz", "/routes", "/"]) {
      const answer = await exchange(router.statusPort, health(path));
      assert.deepEqual([answer.status, answer.body], [404, "404 page not found\n"], path);
      assert.equal(answer.header("x-content-type-options"), "nosniff");
    }
  });

  it("the main port answers the load balancer's User-Agent (data-plane §1.4.10)", async () => {
    const answer = await get(router.port, "whatever", "/any", "User-Agent: HTTP-Monitor/1.1");
    assert.deepEqual([answer.status, answer.body], [200, "ok\n"]);
    assertLines(answer.lines, ["Cache-Control: private, max-age=0", "Expires: 0", "Content-Length: 3"]);
  });

  const routes = (
    authorization?: string,
  ): Promise<{ status: number; body: string; header(n: string): string | undefined }> =>
    exchange(
      router.routesPort,
      `GET /routes HTTP/1.1\r\nHost: x\r\n${authorization === undefined ? "" : `Authorization: ${authorization}\r\n`}\r\n`,
    );

  it("/routes demands exactly its basic credentials (§4.3)", async () => {
    const good = Buffer.from("user:pass").toString("base64");
    for (const wrong of [
      undefined,
      `Basic ${Buffer.from("user:wrong").toString("base64")}`,
      `Basic ${Buffer.from("user:pass:more").toString("base64")}`,
      `basic ${good}`,
      `Basic  ${good}`,
      "Basic !!!",
    ]) {
      const answer = await routes(wrong);
      assert.deepEqual([answer.status, answer.body], [401, "401 Unauthorized\n"], String(wrong));
      assert.equal(answer.header("www-authenticate"), "Basic");
    }
    const answer = await routes(`Basic ${good}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.header("content-type"), "application/json");
    assert.equal(answer.header("connection"), "close");
  });

  it("/routes shows the example of the reference byte for byte (§4.3)", async () => {
    const message = {
      host: "10.0.0.1",
      port: 80,
      tls_port: 9024,
      uris: ["api.example.com"],
      availability_zone: "z1",
      tags: { component: "api" },
      private_instance_id: "i-1",
      server_cert_domain_san: "api.internal",
    };
    await router.register(message);
    const { body } = await routes(`Basic ${Buffer.from("user:pass").toString("base64")}`);
    assert.equal(
      body,
      '{"api.example.com":[{"address":"10.0.0.1:9024","availability_zone":"z1","protocol":"http1","tls":true,"ttl":120,"tags":{"component":"api"},"private_instance_id":"i-1","server_cert_domain_san":"api.internal"}]}\n',
    );
    await router.unregister(message);
  });
});
