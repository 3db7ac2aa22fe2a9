import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { inflateSync } from "node:zlib";
import { wsconnect } from "@nats-io/nats-core";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { get } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { type RouterUnderTest, startRouter, writeConfig } from "./harness/router.ts";

/** Waits until a GET for that host brings that body. */
async function served(router: RouterUnderTest, host: string, body: string): Promise<void> {
  await condition(`${host} leads to ${body}`, async () => {
    const answer = await get(router.port, host);
    return answer.body === body || undefined;
  });
}

/** Waits until the route is unknown. */
async function gone(router: RouterUnderTest, host: string): Promise<void> {
  await condition(`${host} is gone`, async () => (await get(router.port, host)).status === 404 || undefined);
}

describe("NATS clients that nobody here wrote (issue A, acceptance 3)", () => {
  let backend: Backend;

  before(async () => {
    backend = await Backend.start(() => ok("app"));
  });
  after(() => backend?.stop());

  /** Registers and unregisters by that client, and asks for the start message. */
  async function useClient(client: NatsConnection, router: RouterUnderTest): Promise<void> {
    try {
      const message = JSON.stringify({ host: "127.0.0.1", port: backend.port, uris: ["client.test"] });
      client.publish("router.register", message);
      await served(router, "client.test", "app");
      const greeting = await client.request("router.greet", "{}", { timeout: 5000 });
      assert.match(
        greeting.string(),
        /^\{"id":"0-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}","hosts":\["[0-9.]+"\],"minimumRegisterIntervalInSeconds":0,"pruneThresholdInSeconds":120\}$/,
      );
      client.publish("router.unregister", message);
      await gone(router, "client.test");
    } finally {
      await client.close();
    }
  }

  describe("on the embedded server", () => {
    let router: RouterUnderTest;
    before(async () => {
      router = await startRouter("embedded");
    });
    after(() => router?.stop());

    it("over TCP (@nats-io/transport-node)", async () => {
      await useClient(await connect({ servers: `127.0.0.1:${router.natsPort}` }), router);
    });
    it("over WebSocket (wsconnect)", async () => {
      await useClient(await wsconnect({ servers: `ws://127.0.0.1:${router.webSocketPort}` }), router);
    });
  });

  describe("on nats-server", () => {
    let nats: NatsServer;
    before(async () => {
      nats = await startNatsServer({ webSocketPort: 0 });
    });
    after(() => nats?.stop());

    for (const scheme of ["nats", "ws"] as const) {
      it(`that the router reaches by ${scheme}://, the client by TCP and by WebSocket`, async () => {
        const port = scheme === "nats" ? nats.port : nats.webSocketPort;
        const router = await startRouter(nats.port, { nats: { servers: [`${scheme}://127.0.0.1:${port}`] } });
        try {
          await useClient(await connect({ servers: `127.0.0.1:${nats.port}` }), router);
          await useClient(await wsconnect({ servers: `ws://127.0.0.1:${nats.webSocketPort}` }), router);
        } finally {
          await router.stop();
        }
      });
    }
  });
});

describe("router.start and losing NATS (control-plane §2.1, §2.3)", () => {
  it("publishes router.start before it subscribes and again after a reconnect; logs both", async () => {
    const first = await startNatsServer();
    const watcher = await connect({
      servers: `127.0.0.1:${first.port}`,
      reconnectTimeWait: 50,
      maxReconnectAttempts: -1,
    });
    const starts: string[] = [];
    watcher.subscribe("router.start", { callback: (_error, message) => void starts.push(message.string()) });
    await watcher.flush();
    const router = await startRouter(first.port, { index: 3, start_response_delay_interval: "1s" });
    let second: NatsServer | undefined;
    try {
      assert.equal(starts.length, 1);
      assert.match(starts[0]!, /^\{"id":"3-[^"]+","hosts":\["[0-9.]+"\],"minimumRegisterIntervalInSeconds":1,/);
      await first.kill();
      await router.program.logged("nats-connection-disconnected");
      second = await startNatsServer({ port: first.port });
      const { data, source } = await router.program.logged("nats-connection-reconnected");
      assert.equal(source, "gorouter.stdout.nats");
      assert.deepEqual(data, { host: `127.0.0.1:${first.port}`, addr: `127.0.0.1:${first.port}` });
      // The watcher may reconnect after the router has spoken; a greeting shows that the id is still the same.
      const answer = await condition("the watcher's reconnect", async () => {
        try {
          return await watcher.request("router.greet", "{}", { timeout: 500 });
        } catch {
          return undefined;
        }
      });
      assert.equal(answer.string(), starts[0]);
    } finally {
      await router.stop();
      await watcher.close();
      await second?.stop();
    }
  });
});

describe("router.active_apps (control-plane §2.2)", () => {
  it("tells which apps were active, most recently first, as a zlib stream; the sender hears itself", async () => {
    const backend = await Backend.start(() => ok("app"));
    const router = await startRouter("embedded", { publish_active_apps_interval: "400ms" });
    try {
      const told: string[][] = [];
      const sizes: number[] = [];
      router.nats.subscribe("router.active_apps", {
        callback(_error, message) {
          sizes.push(message.data.length);
          told.push(JSON.parse(inflateSync(message.data).toString()) as string[]);
        },
      });
      for (const app of ["app-1", "app-2", ""]) {
        await router.register({ uris: [`x${app}.test`], port: backend.port, app });
      }
      // Two seconds later at the most nobody is active any more; on a busy machine one is not when the other begins to be.
      await condition("both apps", async () => {
        const from = told.length;
        for (const app of ["app-1", "app-2", ""]) assert.equal((await get(router.port, `x${app}.test`)).status, 200);
        const since = await condition("lists until nobody is active", () => {
          const lists = told.slice(from);
          const first = lists.findIndex(({ length }) => length > 0);
          return first >= 0 && lists.at(-1)!.length === 0 ? lists : undefined;
        });
        return since.some(({ length }) => length === 2) || undefined;
      });
      const apps = told.find((one) => one.length === 2)!;
      // In the same second it is the order of the requests that counts.
      assert.deepEqual(apps, ["app-2", "app-1"]);
      const lines = await router.settledLogLines();
      const index = lines.findIndex(({ data }) => data?.["Active apps"] === 2);
      const { log_level, source, message, data } = lines[index]!;
      assert.deepEqual([log_level, source, message], [0, "gorouter.stdout.router", "Debug Info"]);
      assert.deepEqual(data, { "Active apps": 2, "message size:": sizes[told.indexOf(apps)] });
      const heard = lines.slice(index).find((line) => line.message === "validation-error");
      assert.equal(heard?.data?.["subject"], "router.active_apps");
      assert.equal(heard?.data?.["error"], "invalid character 'x' looking for beginning of value");
    } finally {
      await router.stop();
      await backend.stop();
    }
  });

  it("negative: Go's panic once the ticker is to start, exit 2", async () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-bus-"));
    const program = new Program([
      "router",
      "-c",
      writeConfig(folder, "embedded", { publish_active_apps_interval: "-1s" }),
    ]);
    assert.equal(await program.end(), 2);
    rmSync(folder, { recursive: true });
    assert.equal(program.stderr.split("\n")[0], "panic: non-positive interval for NewTicker");
    assert.equal(program.logLines.at(-1)?.message, "subscriber-started");
  });
});

describe("causeway register (issue A)", () => {
  let router: RouterUnderTest;
  let backend: Backend;

  before(async () => {
    backend = await Backend.start(() => ok("registered app"));
    router = await startRouter("embedded", { prune_stale_droplets_interval: "200ms", droplet_stale_threshold: "2s" });
  });
  after(async () => {
    await router?.stop();
    await backend?.stop();
  });

  for (const [signal, scheme] of [
    ["SIGINT", "nats"],
    ["SIGTERM", "ws"],
  ] as const) {
    it(`registers by ${scheme}://, keeps the heartbeat, unregisters at ${signal}`, async () => {
      const bus = scheme === "nats" ? router.natsPort : router.webSocketPort;
      const registrar = new Program([
        "register",
        ...["--uri", "app.localhost", "--uri", "also.localhost/path", "--port", String(backend.port)],
        ...["--tag", "component=demo", "--app", "guid-1", "--interval", "0.5"],
        ...["--nats", `${scheme}://127.0.0.1:${bus}`],
      ]);
      try {
        await served(router, "app.localhost", "registered app");
        assert.equal((await get(router.port, "also.localhost", "/path/x")).body, "registered app");
        const [endpoint] = (await router.routes())["app.localhost"]!;
        assert.deepEqual(endpoint, {
          address: `127.0.0.1:${backend.port}`,
          availability_zone: "",
          protocol: "http1",
          tls: false,
          ttl: 2,
          tags: { component: "demo" },
        });
        // Without heartbeat the route would go after 2 s.
        const since = performance.now();
        await condition("3 s with the route", async () => {
          assert.equal((await get(router.port, "app.localhost")).status, 200);
          return performance.now() - since > 3000 || undefined;
        });
        assert.equal(await registrar.stop(signal), 0);
        assert.equal((await get(router.port, "app.localhost")).status, 404);
        assert.equal((await get(router.port, "also.localhost", "/path/x")).status, 404);
        assert.equal(
          registrar.stderr,
          `app.localhost, also.localhost/path leads to 127.0.0.1:${backend.port} until you stop this command (Ctrl-C)\n` +
            "app.localhost, also.localhost/path unregistered\n",
        );
      } finally {
        await registrar.stop("SIGKILL");
      }
    });
  }
});
