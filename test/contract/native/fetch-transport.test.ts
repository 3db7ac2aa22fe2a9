import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { createRouter, type Router } from "../../../src/mod.ts";
import { Backend, deadPort, ok } from "../../conformance/harness/backend.ts";
import { condition } from "../../conformance/harness/condition.ts";
import { kept } from "./adapter.ts";

/** A request whose URL nobody has normalised yet, as Deno's server gives it. */
const init = (host: string) => ({
  method: "GET",
  headers: new Headers({ Host: host }),
  body: null,
  signal: new AbortController().signal,
});

describe("upstream fetch", () => {
  let backend: Backend;
  let router: Router;
  let dead: number;
  const log: string[] = [];
  before(async () => {
    backend = await Backend.start(() => ok("hello"));
    dead = await deadPort();
    router = await createRouter({
      upstream: "fetch",
      routes: [
        { uri: "app.test", port: backend.port },
        { uri: "dead.test", port: dead },
      ],
      accessLog: (line) => log.push(line),
    });
    router.register({ uri: "half.test", port: dead });
    router.register({ uri: "half.test", port: backend.port });
  });
  after(async () => {
    await router.close();
    await backend.stop();
  });
  beforeEach(() => {
    backend.clear();
    backend.answer = () => ok("hello");
    log.length = 0;
  });
  const send = (host: string, init: RequestInit = {}, path = "/x?q=1") =>
    router.fetch(new Request(`http://${host}${path}`, init), { remoteAddress: "10.1.2.3", remotePort: 4 });

  it("sends a request and gives back the answer", async () => {
    const answer = await send("app.test", { headers: { "X-One": "1" } });
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), "hello");
    const seen = await backend.request(1);
    assert.equal(seen.requestLine, "GET /x?q=1 HTTP/1.1");
    assert.equal(seen.header("x-one"), "1");
    assert.equal(seen.header("x-forwarded-for"), "10.1.2.3");
    assert.equal(seen.header("x-forwarded-host"), "app.test");
    assert.match(await condition("the access log line", () => log[0]), /" 200 0 5 .*"10\.1\.2\.3:4"/);
  });

  it("sends bodies, and logs their size", async () => {
    await (await send("app.test", { method: "POST", body: "12345" })).text();
    assert.equal((await backend.request(1)).body, "12345");
    assert.match(await condition("the access log line", () => log[0]), /" 200 5 5 /);
  });

  it("follows no redirect", async () => {
    backend.answer = () => ok("", "Location: http://127.0.0.1:1/").replace("200 OK", "302 Found");
    const answer = await send("app.test");
    assert.deepEqual([answer.status, answer.headers.get("location")], [302, "http://127.0.0.1:1/"]);
  });

  it("asks for bodies without coding", async () => {
    await (await send("app.test", { headers: { "Accept-Encoding": "gzip" } })).text();
    assert.equal((await backend.request(1)).header("accept-encoding"), "identity");
  });

  it("keeps every Set-Cookie", async () => {
    backend.answer = () => ok("x", "Set-Cookie: a=1", "Set-Cookie: b=2");
    assert.deepEqual((await send("app.test")).headers.getSetCookie(), ["a=1", "b=2"]);
  });

  it("answers 502 for a backend that is gone, and says so", async () => {
    const answer = await send("dead.test");
    assert.equal(answer.status, 502);
    assert.match(answer.headers.get("x-cf-routererror") ?? "", /^endpoint_failure \(dial tcp 127\.0\.0\.1:\d+: /);
  });

  it("goes on to the next backend", async () => {
    for (let i = 0; i < 4; i++) assert.equal((await send("half.test")).status, 200);
  });

  const taken = "fetch takes the body before it connects, so no other backend can have it";
  kept("the body for the next backend", { deno: taken, node: taken }, async () => {
    // A router of its own remembers no failure: one of the first two requests meets the dead backend.
    const fresh = await createRouter({ upstream: "fetch" });
    fresh.register({ uri: "half.test", port: dead });
    fresh.register({ uri: "half.test", port: backend.port });
    for (let i = 0; i < 2; i++) {
      const answer = await fresh.fetch(new Request("http://half.test/", { method: "POST", body: "again" }));
      assert.equal(answer.status, 200);
      assert.equal(backend.requests.at(-1)?.body, "again");
    }
  });

  const again = "fetch sends a request again when its connection has died";
  kept("one sending of a request", { bun: again, deno: again }, async () => {
    const routes = [{ uri: "once.test", port: backend.port }];
    const once = await createRouter({ upstream: "fetch", routes, config: { backends: { max_attempts: 1 } } });
    const get = () => once.fetch(new Request("http://once.test/"));
    await (await get()).text();
    backend.answer = ({ socket }) => {
      socket.destroy();
      return undefined;
    };
    assert.equal((await get()).status, 502);
    assert.equal(backend.requests.length, 2);
  });

  kept(
    "Host by fetch",
    { deno: "fetch sends the backend's address as Host", node: "fetch sends the backend's address as Host" },
    async () => {
      await (await send("app.test")).text();
      assert.equal((await backend.request(1)).header("host"), "app.test");
    },
  );

  const normalised = "fetch normalises the path";
  kept("the path byte for byte by fetch", { bun: normalised, deno: normalised, node: normalised }, async () => {
    const peer = { remoteAddress: "10.1.2.3" };
    const request = { ...init("app.test"), url: "http://app.test/a/../b" };
    await router.fetch(request as unknown as Request, peer);
    assert.equal((await backend.request(1)).requestLine, "GET /a/../b HTTP/1.1");
  });

  it("answers 502 for a backend that closes before its answer", async () => {
    backend.answer = ({ socket }) => {
      socket.end();
      return undefined;
    };
    assert.equal((await send("app.test", { method: "POST", body: "x" })).status, 502);
  });

  it("answers 502 for an answer that is no HTTP", async () => {
    backend.answer = ({ socket }) => {
      socket.end("hello there\r\n\r\n");
      return undefined;
    };
    assert.equal((await send("app.test", { method: "POST", body: "x" })).status, 502);
  });

  it("answers 502 to methods that fetch changes, and to upgrades", async () => {
    assert.equal((await send("app.test", { method: "PURGE" })).status, 502);
    assert.equal((await send("app.test", { headers: { Connection: "Upgrade", Upgrade: "tcp" } })).status, 502);
    assert.equal(backend.requests.length, 0);
  });

  it("gives up a request whose client has left", async () => {
    backend.answer = () => undefined;
    const left = new AbortController();
    const answer = send("app.test", { signal: left.signal });
    await backend.request(1);
    left.abort();
    assert.equal((await answer).status, 499);
    await condition("the end of the backend's connection", () => backend.connections.at(-1)?.ended || undefined);
  });

  it("fails the body that ends early", async () => {
    backend.answer = ({ socket }) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      return undefined;
    };
    const answer = await send("app.test");
    await assert.rejects(answer.text());
  });

  it("keeps endpoint_timeout", async () => {
    const hasty = await createRouter({
      upstream: "fetch",
      routes: [{ uri: "app.test", port: backend.port }],
      config: { endpoint_timeout: 200 },
    });
    backend.answer = () => undefined;
    const answer = await hasty.fetch(new Request("http://app.test/"));
    assert.equal(answer.status, 502);
    assert.equal(answer.headers.get("x-cf-routererror"), "endpoint_failure (context deadline exceeded)");
    await hasty.close();
  });
});
