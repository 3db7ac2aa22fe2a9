import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Backend, ok } from "../conformance/harness/backend.ts";
import { condition } from "../conformance/harness/condition.ts";
import { Connection, get } from "../conformance/harness/connection.ts";
import { clientPorts, isAlive, workerIds } from "../conformance/harness/processes.ts";
import { type RouterUnderTest, startRouter } from "../conformance/harness/router.ts";

/** Clients at work at the same time, each on one connection. */
const clients = 32;
/** `max_conns`. */
const limit = 64;

let router: RouterUnderTest;
let backend: Backend;
const waiting: (() => void)[] = [];

before(async () => {
  backend = await Backend.start(async ({ requestLine }) => {
    if (requestLine.startsWith("GET /wait ")) await new Promise<void>((resolve) => waiting.push(resolve));
    return ok("app");
  });
  router = await startRouter("embedded", { workers: 2, backends: { max_conns: limit }, logging: { level: "info" } });
  await router.register({ uris: ["load.test"], port: backend.port });
});
after(async () => {
  await router?.stop();
  await backend?.stop();
});

/** Sends one request after the other on one connection, for as long as that lives. */
class Client {
  served = 0;
  /** Why it is over; undefined while it goes on. */
  failure: string | undefined;
  readonly port: number;
  readonly #connection: Connection;
  readonly #over: Promise<void>;
  #stopped = false;

  private constructor(connection: Connection) {
    this.#connection = connection;
    this.port = connection.socket.localPort!;
    this.#over = this.#work().catch((error: Error) => {
      if (!this.#stopped) this.failure = error.message;
    });
  }

  static async start(): Promise<Client> {
    return new Client(await Connection.open(router.port));
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      this.#connection.write("GET / HTTP/1.1\r\nHost: load.test\r\n\r\n");
      const { status } = await this.#connection.response();
      if (status !== 200) throw new Error(`status ${status}`);
      this.served++;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#over;
    this.#connection.close();
  }
}

describe("a worker is killed under load (issue G, acceptance 5)", () => {
  it("the other goes on, only the victim's connections fail, and another takes its place", async () => {
    const [victim, other] = await workerIds(router.program);
    const all = await Promise.all(Array.from({ length: clients }, () => Client.start()));
    await condition("work before", () => all.every(({ served }) => served > 50) || undefined);
    const lost = clientPorts(victim, router.port);
    assert.ok(lost.size > 0 && lost.size < clients, `${lost.size} of ${clients} clients are the victim's`);
    // Routes come and go all the while.
    let routes = 0;
    const churn = setInterval(() => {
      const message = { host: "127.0.0.1", port: backend.port, uris: [`churn-${routes % 50}.test`] };
      router.nats.publish(routes++ % 3 === 2 ? "router.unregister" : "router.register", JSON.stringify(message));
    }, 2);
    const killedAt = Date.now();
    process.kill(victim, "SIGKILL");
    const ended = await router.program.logged("worker-ended", ({ data }) => data!["pid"] === victim);
    assert.equal(ended.data!["signal"], "SIGKILL");
    // New clients are served at once, by the other worker.
    assert.equal((await get(router.port, "load.test")).status, 200);
    const before = new Map(all.map((client) => [client, client.served]));
    const kept = all.filter(({ port }) => !lost.has(port));
    await condition("work after", () => kept.every((client) => client.served > before.get(client)! + 50) || undefined);
    const started = await router.program.logged(
      "worker-started",
      ({ data }) => ![victim, other].includes(data!["pid"] as number),
    );
    clearInterval(churn);
    for (const client of all) await client.stop();
    assert.deepEqual(
      all
        .filter(({ failure }) => failure !== undefined)
        .map(({ port }) => port)
        .sort(),
      [...lost].sort(),
    );
    assert.equal(router.program.logLines.filter(({ message }) => message === "worker-ended").length, 1);
    const successor = started.data!["pid"] as number;
    assert.ok(isAlive(successor) && isAlive(other));
    await condition("a client of the new worker", async () => {
      const connection = await Connection.open(router.port, "GET / HTTP/1.1\r\nHost: load.test\r\n\r\n");
      assert.equal((await connection.response()).status, 200);
      const own = clientPorts(successor, router.port).has(connection.socket.localPort!);
      connection.close();
      return own || undefined;
    });
    const back = Math.round(Number(started.timestamp) * 1000 - killedAt);
    console.log(`the killed worker's place was taken after ${back} ms`);
  });

  it("its requests under way no longer count against max_conns", async () => {
    const waits = "GET /wait HTTP/1.1\r\nHost: load.test\r\n\r\n";
    const all = await Promise.all(Array.from({ length: limit }, () => Connection.open(router.port, waits)));
    await condition("a full endpoint", () => waiting.length === limit || undefined);
    assert.equal((await get(router.port, "load.test")).status, 503);
    const [victim] = await workerIds(router.program);
    const lost = clientPorts(victim, router.port).size;
    assert.ok(lost > 0 && lost < limit, `${lost} of ${limit} requests are the victim's`);
    process.kill(victim, "SIGKILL");
    await router.program.logged("worker-ended", ({ data }) => data!["pid"] === victim);
    const more = await Promise.all(Array.from({ length: lost }, () => Connection.open(router.port, waits)));
    await condition("their places", () => waiting.length === limit + lost || undefined);
    assert.equal((await get(router.port, "load.test")).status, 503);
    for (const resolve of waiting) resolve();
    for (const connection of [...all, ...more]) connection.close();
  });
});
