import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { issue, makeAuthority } from "../../fixtures/certificates.ts";
import type { TestDatabase } from "../../fixtures/databases.ts";
import { startNatsServer } from "../../fixtures/nats-server.ts";
import { condition } from "./condition.ts";
import { startRouter } from "./router.ts";
import { RoutingApiProcess, type SeenStream } from "./routing-api-server.ts";

/** Passes connections on to the first port that takes them, and notes the `Last-Event-ID` of requests. */
class Balancer {
  readonly lastEventIds: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(ports: readonly number[]): Promise<Balancer> {
    const server = createServer((client) => balancer.#pass(client, ports));
    const balancer = new Balancer(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return balancer;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  #pass(client: Socket, [port, ...others]: readonly number[]): void {
    if (port === undefined) {
      client.destroy();
      return;
    }
    const server = connect(port, "127.0.0.1");
    server.once("connect", () => {
      client.on("data", (bytes: Buffer) => {
        const id = /^Last-Event-ID: (.*)\r$/m.exec(bytes.toString("latin1"))?.[1];
        if (id !== undefined) this.lastEventIds.push(id);
      });
      client.pipe(server).pipe(client);
      for (const [one, peer] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(one);
        one.on("error", () => {});
        one.on("close", () => peer.destroy());
      }
    });
    server.once("error", () => {
      if (server.connecting || server.bytesRead === 0) this.#pass(client, others);
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const sqldb = (type: string, { server }: TestDatabase): object => ({
  type,
  host: server.host,
  port: server.port,
  schema: server.database,
  username: server.user,
  password: server.password,
});

/** The tests of the Routing API on a database server, of one instance and of two. */
export function databaseTests(type: "postgres" | "mysql", start: () => Promise<TestDatabase>): void {
  describe(`the Routing API on ${type}`, () => {
    let database: TestDatabase;
    before(async () => {
      database = await start();
    });
    after(async () => {
      await database?.stop();
    });

    it("is as on SQLite", async () => {
      const files = ["-routes", "-tcp", "-groups", ""].map((part) =>
        fileURLToPath(new URL(`../routing-api${part}.test.ts`, import.meta.url)),
      );
      const env = { ...process.env, CAUSEWAY_SQLDB: JSON.stringify(sqldb(type, database)) };
      // The variable of the outer run would make it report there.
      delete (env as NodeJS.ProcessEnv)["NODE_TEST_CONTEXT"];
      const child = spawn(process.execPath, ["--test", "--test-concurrency=1", ...files], {
        env,
        stdio: ["ignore", "pipe", "inherit"],
      });
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      const code = await new Promise((resolve) => child.on("close", resolve));
      assert.equal(code, 0, output.slice(-4000));
      assert.match(output, /pass \d\d\d/);
    });

    it("has a router go on at the other of two instances when one is killed under 200 writes/s", async (test) => {
      const config = { sqldb: sqldb(type, database), max_ttl: "1h" };
      const one = await RoutingApiProcess.start(config, ["-devMode"]);
      const other = await RoutingApiProcess.start(config, ["-devMode"]);
      // What stands before the instances: a connection goes to the first that lives.
      const balancer = await Balancer.start([one.port, other.port]);
      const nats = await startNatsServer();
      const authority = makeAuthority();
      const pair = issue(authority, { names: ["router"], client: true });
      const router = await startRouter(nats.port, {
        routing_api: {
          uri: "http://127.0.0.1",
          port: balancer.port,
          auth_disabled: true,
          ca_certs: authority.certificate,
          cert_chain: pair.certificate,
          private_key: pair.key,
        },
        logging: { level: "info" },
        // Lists come with subscriptions only: the rest is the stream's.
        prune_stale_droplets_interval: "1h",
        droplet_stale_threshold: "2h",
      });
      test.after(async () => {
        await router.stop();
        await Promise.all([one.stop(), other.stop(), balancer.stop(), nats.stop()]);
      });
      const acknowledged = new Set<string>();
      const perSecond = 200;
      const began = performance.now();
      const write = async (index: number): Promise<void> => {
        const route = `${index}.killed.example.com`;
        const body = [{ route, ip: "10.0.0.1", port: 80 }];
        const send = async (api: RoutingApiProcess): Promise<number> =>
          (await api.send({ method: "POST", path: "/routing/v1/routes", body })).status;
        // Every other write goes to the one that is killed; its writers go on at the other.
        const status = await (index % 2 === 0 ? send(one).catch(() => send(other)) : send(other));
        if (status === 201) acknowledged.add(route);
      };
      // At the rate, whatever the answers take.
      const pending: Promise<void>[] = [];
      const ticker = setInterval(() => {
        const due = ((performance.now() - began) * perSecond) / 1000;
        while (pending.length < due) pending.push(write(pending.length));
      }, 5);
      await condition("writes before", () => acknowledged.size > 300 || undefined);
      const rateBefore = acknowledged.size / ((performance.now() - began) / 1000);
      const subscribed = balancer.lastEventIds.length;
      one.program.child.kill("SIGKILL");
      const killed = acknowledged.size;
      const killedAt = performance.now();
      await condition(
        "a subscription behind the last event",
        () => balancer.lastEventIds.length > subscribed || undefined,
      );
      assert.ok(Number(balancer.lastEventIds.at(-1)) > 0);
      const resubscribed = performance.now() - killedAt;
      await condition("writes after", () => acknowledged.size > killed + 300 || undefined);
      const rateAfter = (acknowledged.size - killed) / ((performance.now() - killedAt) / 1000);
      clearInterval(ticker);
      await Promise.all(pending);
      const stopped = performance.now();
      const stored = (await other.list("/routing/v1/routes"))
        .map((element) => String(element["route"]))
        .filter((route) => route.endsWith(".killed.example.com"));
      await condition("the table of the router as the database has it", async () => {
        const table = Object.keys(await router.routes()).filter((route) => route.endsWith(".killed.example.com"));
        return isDeepStrictEqual(table.sort(), stored.sort()) || undefined;
      });
      const equal = performance.now() - stopped;
      test.diagnostic(
        `${rateBefore.toFixed(0)} writes/s before the kill, ${rateAfter.toFixed(0)} after; subscribed again after ` +
          `${resubscribed.toFixed(0)} ms; table equal to the database ${equal.toFixed(0)} ms after the last write`,
      );
      for (const route of acknowledged) assert.ok(stored.includes(route), `${route} was acknowledged and is not there`);
    });

    it("loses nothing when one of two instances is killed under load", async (test) => {
      const config = { sqldb: sqldb(type, database) };
      const one = await RoutingApiProcess.start(config, ["-devMode"]);
      const other = await RoutingApiProcess.start(config, ["-devMode"]);
      test.after(() => Promise.all([one.stop(), other.stop()]));
      const seen = new Map<string, number>();
      const note = (stream: SeenStream): void => {
        for (const { id, event, data } of stream.events)
          if (event === "Upsert") seen.set(String(data["route"]), Number(id));
      };
      const first = await one.stream("/routing/v1/events");
      const acknowledged = new Set<string>();
      let running = true;
      const write = async (api: RoutingApiProcess, name: string): Promise<void> => {
        for (let index = 0; running; index++) {
          const route = `${index}.${name}.example.com`;
          const body = [{ route, ip: "10.0.0.1", port: 80 }];
          try {
            if ((await api.send({ method: "POST", path: "/routing/v1/routes", body })).status === 201)
              acknowledged.add(route);
          } catch {
            // The killed one; what it did not acknowledge may be there or not.
            return;
          }
        }
      };
      const writers = [write(one, "a"), write(one, "b"), write(other, "c"), write(other, "d")];
      await condition("some writes", () => (acknowledged.size > 200 ? true : undefined));
      one.program.child.kill("SIGKILL");
      await condition("the end of the stream", () => first.ended || undefined);
      note(first);
      const last = first.events.at(-1)!.id;
      const second = await other.stream("/routing/v1/events", { "Last-Event-ID": last });
      const before = acknowledged.size;
      await condition("more writes", () => (acknowledged.size > before + 100 ? true : undefined));
      running = false;
      await Promise.all(writers);
      await condition("every acknowledged write on the streams", () => {
        note(second);
        return [...acknowledged].every((route) => seen.has(route)) || undefined;
      });
      const table = (await other.list("/routing/v1/routes")).map((element) => String(element["route"]));
      // The other test leaves one of its own behind.
      const written = table.filter((route) => /^\d+\.[abcd]\.example\.com$/.test(route));
      assert.deepEqual(written.sort(), [...seen.keys()].sort());
      assert.ok(second.events.every(({ id }) => Number(id) > Number(last)));
      second.stop();
    });
  });
}
