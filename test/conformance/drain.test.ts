import assert from "node:assert/strict";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import { startNatsServer } from "../fixtures/nats-server.ts";
import { condition } from "./harness/condition.ts";
import { exchange } from "./harness/connection.ts";
import { Http2Client } from "./harness/http2-client.ts";
import { type RouterUnderTest, startRouter, type Yaml } from "./harness/router.ts";

/** A load balancer as they are in front of routers: asks `/health` again and again, and sends to who is healthy. */
class Balancer {
  readonly #routers: readonly RouterUnderTest[];
  readonly #agent = new Agent({ keepAlive: true });
  readonly #healthy: boolean[] = [];
  #next = 0;
  #checking = true;
  readonly #checks: Promise<void>;

  constructor(routers: readonly RouterUnderTest[]) {
    this.#routers = routers;
    this.#checks = this.#check();
  }

  async #check(): Promise<void> {
    while (this.#checking) {
      for (const [index, { statusPort }] of this.#routers.entries()) {
        const answer = await exchange(statusPort, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").catch(() => undefined);
        this.#healthy[index] = answer?.status === 200;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  healthy(router: number): boolean {
    return this.#healthy[router] === true;
  }

  /** Sends a request to a healthy router and gives which one it was; rejects unless it is answered with `body`. */
  async send(host: string, body: string): Promise<number> {
    const able = this.#routers.flatMap((_, index) => (this.#healthy[index] ? [index] : []));
    const chosen = able[this.#next++ % able.length];
    if (chosen === undefined) throw new Error("no router is healthy");
    const { port } = this.#routers[chosen]!;
    return await new Promise((resolve, reject) => {
      const sent = request({ port, host: "127.0.0.1", headers: { host }, agent: this.#agent }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        answer.on("error", reject);
        answer.on("end", () => {
          if (answer.statusCode === 200 && text === body) resolve(chosen);
          else reject(new Error(`${answer.statusCode} ${text}`));
        });
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  async stop(): Promise<void> {
    this.#checking = false;
    await this.#checks;
    this.#agent.destroy();
  }
}

describe("drain under load (control-plane §8.4)", () => {
  it("behind a load balancer that follows /health, of 64 clients not one request fails", async () => {
    const nats = await startNatsServer();
    const backend = createServer((_, answer) => setTimeout(() => answer.end("ok"), 5));
    await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
    const { port } = backend.address() as AddressInfo;
    const config = { drain_wait: "1s", drain_timeout: "10s", logging: { level: "info" } };
    const routers = await Promise.all([startRouter(nats.port, config), startRouter(nats.port, config)]);
    const [first, second] = routers as [RouterUnderTest, RouterUnderTest];
    const balancer = new Balancer(routers);
    let running = true;
    try {
      await first.register({ uris: ["a.b"], port });
      await second.register({ uris: ["a.b"], port });
      await condition("both healthy", () => (balancer.healthy(0) && balancer.healthy(1)) || undefined);
      const failures: unknown[] = [];
      const served = [0, 0];
      const client = async (): Promise<void> => {
        while (running) {
          // Some thousand requests a second, as 64 clients of a router have; at full speed they would take the machine.
          await pause(10);
          await balancer.send("a.b", "ok").then(
            (router) => {
              served[router]!++;
            },
            (error: unknown) => failures.push(error),
          );
        }
      };
      const clients = Array.from({ length: 64 }, client);
      await condition("load on both", () => (served[0]! > 500 && served[1]! > 500) || undefined);
      assert.equal(await first.program.stop("SIGUSR1"), 0);
      const atExit = served[1]!;
      await condition("load on the other", () => served[1]! > atExit + 500 || undefined);
      running = false;
      await Promise.all(clients);
      assert.deepEqual(failures, []);
      assert.equal(balancer.healthy(0), false);
    } finally {
      running = false;
      await balancer.stop();
      await Promise.all(routers.map((router) => router.stop()));
      backend.closeAllConnections();
      backend.close();
      await nats.stop();
    }
  });
});

describe("WebSockets in a drain (docs/differences.md: upstream cuts them)", () => {
  let server: WebSocketServer;
  /** Codes of the close frames that the backend got. */
  let closedAtBackend: number[];

  before(async () => {
    server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => server.once("listening", resolve));
    server.on("connection", (socket) => {
      socket.on("message", (message) => socket.send(message));
      socket.on("close", (code) => closedAtBackend.push(code));
    });
  });
  after(() => server?.close());

  /** A router with so many open WebSockets, each of which has carried a message; and the codes they are closed with. */
  async function busyRouter(count: number, config: Yaml): Promise<[RouterUnderTest, number[]]> {
    closedAtBackend = [];
    const closed: number[] = [];
    const router = await startRouter("embedded", { logging: { level: "info" }, ...config });
    await router.register({ uris: ["ws.b"], port: (server.address() as AddressInfo).port });
    const open = async (): Promise<void> => {
      const socket = new WebSocket(`ws://127.0.0.1:${router.port}/`, { headers: { host: "ws.b" } });
      socket.on("close", (code) => closed.push(code));
      await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
      socket.send("hello");
      await new Promise((resolve) => socket.once("message", resolve));
    };
    for (let opened = 0; opened < count; opened += 50)
      await Promise.all(Array.from({ length: Math.min(50, count - opened) }, open));
    return [router, closed];
  }

  const all = (count: number, code: number): number[] => Array.from({ length: count }, () => code);

  it("of 1000 each end gets a close frame with 1001", async () => {
    const [router, closed] = await busyRouter(1000, { drain_wait: "2s", drain_timeout: "10s" });
    try {
      assert.equal(await router.program.stop("SIGUSR1"), 0);
      await condition("the ends", () => (closed.length === 1000 && closedAtBackend.length === 1000) || undefined);
      assert.deepEqual(closed, all(1000, 1001));
      assert.deepEqual(closedAtBackend, all(1000, 1001));
      assert.ok(router.program.stdout.includes("Draining with 0 outstanding active connections"));
    } finally {
      await router.stop();
    }
  });

  it("without drain_wait as well", async () => {
    const [router, closed] = await busyRouter(10, { drain_wait: "0s", drain_timeout: "10s" });
    try {
      assert.equal(await router.program.stop("SIGUSR1"), 0);
      await condition("the ends", () => (closed.length === 10 && closedAtBackend.length === 10) || undefined);
      assert.deepEqual([closed, closedAtBackend], [all(10, 1001), all(10, 1001)]);
    } finally {
      await router.stop();
    }
  });

  it("those over HTTP/2 too, and they do not hold it (RFC 8441)", async () => {
    closedAtBackend = [];
    const router = await startRouter("embedded", { enable_h2c: true, drain_wait: "0s", drain_timeout: "60s" });
    const client = await Http2Client.open(router.port, "http");
    try {
      await router.register({ uris: ["app.test"], port: (server.address() as AddressInfo).port });
      const request = { ":method": "CONNECT", ":protocol": "websocket", "sec-websocket-version": "13" };
      const stream = client.begin(request);
      let received = "";
      stream.setEncoding("latin1").on("data", (text: string) => {
        received += text;
      });
      stream.write("\x82\x85\0\0\0\0hello", "latin1");
      await condition("the echo", () => received === "\x82\x05hello" || undefined);
      const exit = router.program.stop("SIGUSR1");
      await condition("the close frame", () => received === "\x82\x05hello\x88\x02\x03\xe9" || undefined);
      stream.end("\x88\x82\0\0\0\0\x03\xe9", "latin1");
      assert.equal(await exit, 0);
      await condition("the backend's end", () => closedAtBackend.length === 1 || undefined);
      assert.deepEqual(closedAtBackend, [1001]);
      assert.ok(!router.program.stdout.includes("router.drain.timed-out"));
      assert.ok(router.program.stdout.includes("Draining with 0 outstanding active connections"));
    } finally {
      client.close();
      await router.stop();
    }
  });

  it("websocket_close_on_drain: false cuts them", async () => {
    const [router, closed] = await busyRouter(3, { drain_wait: "0s", websocket_close_on_drain: false });
    try {
      assert.equal(await router.program.stop("SIGUSR1"), 0);
      await condition("the ends", () => (closed.length === 3 && closedAtBackend.length === 3) || undefined);
      assert.deepEqual([closed, closedAtBackend], [all(3, 1006), all(3, 1006)]);
    } finally {
      await router.stop();
    }
  });

  it("listener: native closes them too", async () => {
    const [router, closed] = await busyRouter(10, { listener: "native", drain_wait: "1s", drain_timeout: "10s" });
    try {
      assert.equal(await router.program.stop("SIGUSR1"), 0);
      await condition("the ends", () => (closed.length === 10 && closedAtBackend.length === 10) || undefined);
      assert.deepEqual([closed, closedAtBackend], [all(10, 1001), all(10, 1001)]);
    } finally {
      await router.stop();
    }
  });
});
