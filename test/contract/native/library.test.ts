import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createRouter, type RouterOptions, serve } from "../../../src/mod.ts";
import { Backend, ok } from "../../conformance/harness/backend.ts";
import { exchange, get } from "../../conformance/harness/connection.ts";

describe("library", () => {
  let backend: Backend;
  before(async () => {
    backend = await Backend.start(() => ok("hello"));
  });
  after(async () => {
    await backend.stop();
  });

  it("serves routes given in code, on the router's own listener", async () => {
    const router = await createRouter({ routes: [{ uri: "app.test/api", host: "127.0.0.1", port: backend.port }] });
    const server = await serve(router, { port: 0 });
    assert.equal((await get(server.port, "app.test", "/api/x")).body, "hello");
    assert.equal((await get(server.port, "app.test", "/")).status, 404);
    await server.close();
    await assert.rejects(get(server.port, "app.test", "/api/x"));
    await router.close();
  });

  it("takes routes in and away at any time", async () => {
    const router = await createRouter();
    const route = { uri: "later.test", port: backend.port, applicationId: "app-1", privateInstanceId: "i-1" };
    const status = async () => (await router.fetch(new Request("http://later.test/"))).status;
    assert.equal(await status(), 404);
    router.register(route);
    assert.equal(await status(), 200);
    assert.equal(backend.requests.at(-1)?.header("x-cf-applicationid"), "app-1");
    assert.equal(backend.requests.at(-1)?.header("x-cf-instanceid"), "i-1");
    router.unregister(route);
    assert.notEqual(await status(), 200);
    await router.close();
  });

  it("says what is wrong with a route", async () => {
    const wrong = async (options: RouterOptions) => {
      try {
        await createRouter(options);
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    };
    assert.equal(
      await wrong({ routes: [{ uri: "", port: 1 }] }),
      'cannot use route "" to 127.0.0.1:1: give a host with an optional path, "app.example.com/api" for example',
    );
    assert.match(await wrong({ routes: [{ uri: "http://a", port: 1 }] }), /^cannot use route "http:\/\/a"/);
    assert.match(await wrong({ routes: [{ uri: "a", port: 70_000 }] }), /give a port from 1 to 65535$/);
  });

  it("says which key of the configuration is wrong", async () => {
    const config = { balancing_algorithm: "random" } as unknown as RouterOptions["config"];
    await assert.rejects(createRouter({ config }), /^Error: cannot use configuration key "balancing_algorithm"/);
    await assert.rejects(
      createRouter({ config: { logging: { level: "loud" } } }),
      /^Error: cannot use configuration key "logging.level": unrecognized level: "loud"/,
    );
  });

  it("lays the configuration over the defaults of a start without a file", async () => {
    const router = await createRouter({ config: { backends: { max_attempts: 7 }, drain_wait: 5 } });
    assert.equal(router.config.backends.max_attempts, 7);
    assert.equal(router.config.backends.max_conns, 500);
    assert.equal(router.config.drain_wait, 5);
    assert.equal(router.config.disable_keep_alives, false);
    await router.close();
  });

  it("rejects when NATS cannot be reached", async () => {
    await assert.rejects(
      createRouter({ nats: { servers: ["nats://127.0.0.1:1"] } }),
      /^Error: cannot connect to NATS: nats: no servers available for connection \(tried 127\.0\.0\.1:1\)$/,
    );
  });

  it("gives its log and access log to the program", async () => {
    const log: string[] = [];
    const accessLog: string[] = [];
    const router = await createRouter({
      routes: [{ uri: "app.test", port: backend.port }],
      log: (line) => log.push(line),
      accessLog: (line) => accessLog.push(line),
    });
    await (await router.fetch(new Request("http://app.test/x"))).text();
    assert.ok(log.some((line) => JSON.parse(line).message === "endpoint-registered"));
    assert.match(accessLog[0] ?? "", /^app\.test - .* "GET \/x HTTP\/1\.1" 200 /);
    await router.close();
  });

  for (const listener of ["wire", "native"] as const) {
    it(`rejects with the reason when a port is taken (${listener})`, async () => {
      const router = await createRouter();
      const reason = /^listen on 127\.0\.0\.1:\d+: .*(?:EADDRINUSE|address already in use)/i;
      await assert.rejects(serve(router, { port: backend.port, listener }), {
        kind: "address-in-use",
        message: reason,
      });
      await router.close();
    });

    it(`lets requests under way end when it closes (${listener})`, async () => {
      const router = await createRouter({ routes: [{ uri: "slow.test", port: backend.port }] });
      const server = await serve(router, { port: 0, listener });
      let finish = (): void => {};
      let asked = (): void => {};
      const arrived = new Promise<void>((resolve) => {
        asked = resolve;
      });
      backend.answer = async () => {
        asked();
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return ok("late");
      };
      const answer = exchange(server.port, "GET / HTTP/1.1\r\nHost: slow.test\r\n\r\n");
      await arrived;
      const closed = server.close();
      finish();
      assert.equal((await answer).body, "late");
      await closed;
      backend.answer = () => ok("hello");
      await router.close();
    });
  }
});
