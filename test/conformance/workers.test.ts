import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { issue, makeAuthority } from "../fixtures/certificates.ts";
import { Backend, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, get } from "./harness/connection.ts";
import { allGone, clientPorts, isAlive, workerIds } from "./harness/processes.ts";
import { type RouterUnderTest, startRouter } from "./harness/router.ts";
import { scrape } from "./harness/scrape.ts";

const request = (host: string, path = "/"): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

/** So many clients that each of two workers gets some: that one gets none happens once in 2^31 runs. */
const enough = 32;

let router: RouterUnderTest;
const waiting: (() => void)[] = [];
let one: Backend;
let two: Backend;
const answers =
  (name: string) =>
  async ({ requestLine }: { requestLine: string }): Promise<string> => {
    if (requestLine.startsWith("GET /wait ")) await new Promise<void>((resolve) => waiting.push(resolve));
    return ok(name);
  };
const release = (): void => {
  for (const resolve of waiting.splice(0)) resolve();
};

before(async () => {
  one = await Backend.start(answers("one"));
  two = await Backend.start(answers("two"));
  router = await startRouter("embedded", {
    workers: 2,
    backends: { max_conns: 2, max_attempts: 3 },
    prometheus: { enabled: true, port: 0 },
    status: {
      host: "127.0.0.1",
      port: 0,
      user: "user",
      pass: "pass",
      routes: { port: 0 },
      enable_deprecated_varz_healthz_endpoints: true,
    },
    drain_wait: "0s",
    drain_timeout: "20s",
  });
});
after(async () => {
  release();
  await router?.stop();
  for (const backend of [one, two]) await backend?.stop();
});

/** Sends requests at the same time, each on a connection of its own; gives the connections. */
async function open(count: number, text: string): Promise<Connection[]> {
  return await Promise.all(Array.from({ length: count }, () => Connection.open(router.port, text)));
}

async function statuses(connections: readonly Connection[]): Promise<number[]> {
  return await Promise.all(connections.map(async (connection) => (await connection.response()).status));
}

/** Sends requests one after the other, each on a connection of its own that stays open. */
async function inTurn(count: number, text: string): Promise<Connection[]> {
  const connections: Connection[] = [];
  for (let i = 0; i < count; i++) {
    const connection = await Connection.open(router.port, text);
    assert.equal((await connection.response()).status, 200);
    connections.push(connection);
  }
  return connections;
}

const metricsPort = (): number =>
  Number(/Metrics endpoint is listening on 127\.0\.0\.1:(\d+)/.exec(router.program.stderr)![1]);

describe("two workers (architecture §6)", () => {
  it("are processes that both serve on one port, and the log tells of the port once", async () => {
    const ids = await workerIds(router.program);
    assert.equal(ids.length, 2);
    assert.ok(ids.every(isAlive));
    assert.equal(router.program.logLines.filter(({ message }) => message === "tcp-listener-started").length, 1);
    await router.register({ uris: ["both.test"], port: one.port });
    const connections = await inTurn(enough, request("both.test"));
    const served = ids.map((id) => clientPorts(id, router.port));
    for (const ports of served) assert.ok(ports.size > 0);
    for (const { socket } of connections)
      assert.equal(served.filter((ports) => ports.has(socket.localPort!)).length, 1);
    for (const connection of connections) connection.close();
  });

  it("write whole lines to one access log, and to the new file after a rotation", async () => {
    await router.register({ uris: ["log.test"], port: one.port });
    const requests = 200;
    const connections = await open(enough, "");
    for (let sent = 0; sent < requests; sent += enough) {
      for (const connection of connections) connection.write(request("log.test", `/${"x".repeat(2000)}`));
      await statuses(connections);
    }
    const lines = (): string[] => router.accessLog().filter((line) => line.startsWith("log.test "));
    await condition("the lines", () => lines().length === Math.ceil(requests / enough) * enough || undefined);
    for (const line of router.accessLog()) assert.match(line, /^\S* - \[.*\] ".* HTTP\/1\.1" \d+ .*$/);
    renameSync(router.accessLogFile, `${router.accessLogFile}.1`);
    router.program.child.kill("SIGHUP");
    await router.program.logged("access-log-reopened");
    for (const connection of connections) connection.write(request("log.test", "/new"));
    await statuses(connections);
    await condition("lines in the new file", () => lines().length === enough || undefined);
    for (const connection of connections) connection.close();
  });

  it("count together: /metrics and /varz show the requests of both as soon as they are over", async () => {
    await router.register({ uris: ["count.test"], port: one.port, tags: { component: "counted" } });
    const connections = await inTurn(enough, request("count.test"));
    const samples = await scrape(metricsPort());
    assert.equal(samples.get('total_requests{component="counted"}'), enough);
    const status = /health +(http:\/\/[^/]*)/.exec(router.program.stderr)![1];
    const answer = await fetch(`${status}/varz`, {
      headers: { authorization: `Basic ${btoa("user:pass")}` },
    });
    const varz = (await answer.json()) as { tags: { component: Record<string, { requests: number }> } };
    assert.equal(varz.tags.component["counted"]?.requests, enough);
    for (const connection of connections) connection.close();
  });

  it("never exceed max_conns together, and use all of it (data-plane §3.2)", async () => {
    await router.register({ uris: ["full.test"], port: one.port });
    for (let round = 0; round < 5; round++) {
      const connections = await open(enough, request("full.test", "/wait"));
      // Two are with the backend, all others have been refused.
      await condition("the requests", () => waiting.length === 2 || undefined);
      await condition(
        "the refusals",
        () => connections.filter(({ received }) => received !== "").length === enough - 2 || undefined,
      );
      assert.equal(waiting.length, 2);
      release();
      const found = await statuses(connections);
      assert.equal(found.filter((status) => status === 200).length, 2);
      assert.equal(found.filter((status) => status === 503).length, enough - 2);
      for (const connection of connections) connection.close();
    }
  });

  it("never exceed max_conns under load, and use all of it again and again", async () => {
    let [now, most, refused] = [0, 0, 0];
    const busy = await Backend.start(async () => {
      most = Math.max(most, ++now);
      // Until the other place is taken too; the last request of all waits in vain.
      for (let turn = 0; turn < 50 && now < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      await new Promise<void>((resolve) => setImmediate(resolve));
      now--;
      return ok("busy");
    });
    await router.register({ uris: ["load.test"], port: busy.port });
    const connections = await open(enough, "");
    const work = async (connection: Connection): Promise<void> => {
      for (let sent = 0; sent < 50; sent++) {
        connection.write(request("load.test"));
        const { status } = await connection.response();
        if (status === 503) refused++;
        else assert.equal(status, 200);
      }
    };
    await Promise.all(connections.map(work));
    assert.equal(most, 2);
    assert.ok(refused > 0);
    // Nothing is left counted.
    const after = await open(2, request("load.test"));
    assert.deepEqual(await statuses(after), [200, 200]);
    for (const connection of [...connections, ...after]) connection.close();
    await busy.stop();
  });

  it("least-connection fills endpoints evenly, whichever worker a request comes to (data-plane §3.6)", async () => {
    const held: Record<string, number> = { one: 0, two: 0, three: 0 };
    const resolvers: (() => void)[] = [];
    const backends: Backend[] = [];
    for (const name of Object.keys(held)) {
      const backend = await Backend.start(async () => {
        held[name]!++;
        await new Promise<void>((resolve) => resolvers.push(resolve));
        return ok(name);
      });
      backends.push(backend);
      await router.register({
        uris: ["even.test"],
        port: backend.port,
        options: { loadbalancing: "least-connection" },
      });
    }
    const connections: Connection[] = [];
    // max_conns is 2 for each of the three.
    for (let sent = 1; sent <= 6; sent++) {
      connections.push(...(await open(1, request("even.test"))));
      await condition("the request", () => resolvers.length === sent || undefined);
      const counts = Object.values(held);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${counts}`);
    }
    assert.deepEqual(Object.values(held), [2, 2, 2]);
    for (const resolve of resolvers) resolve();
    assert.deepEqual(new Set(await statuses(connections)), new Set([200]));
    for (const connection of connections) connection.close();
    for (const backend of backends) await backend.stop();
  });

  it("least-connection counts the requests of both (data-plane §3.6)", async () => {
    const options = { loadbalancing: "least-connection" };
    await router.register({ uris: ["least.test"], port: one.port, options });
    await router.register({ uris: ["least.test"], port: two.port, options });
    const busy = await Connection.open(router.port, request("least.test", "/wait"));
    await condition("the request", () => waiting.length === 1 || undefined);
    const held = one.requests.at(-1)?.head.includes("least.test") === true ? "one" : "two";
    const bodies: string[] = [];
    for (let i = 0; i < enough; i++) bodies.push((await get(router.port, "least.test")).body);
    assert.deepEqual(new Set(bodies), new Set([held === "one" ? "two" : "one"]));
    release();
    assert.equal((await busy.response()).status, 200);
    busy.close();
  });

  it("round-robin goes on from one worker to the other (data-plane §3.4)", async () => {
    await router.register({ uris: ["turns.test"], port: one.port });
    await router.register({ uris: ["turns.test"], port: two.port });
    const bodies: string[] = [];
    for (let i = 0; i < enough; i++) bodies.push((await get(router.port, "turns.test")).body);
    for (let i = 2; i < enough; i++) assert.equal(bodies[i], bodies[i - 2]);
    assert.notEqual(bodies[0], bodies[1]);
  });

  it("an endpoint that one worker found dead is dead for the other at once (data-plane §3.3)", async () => {
    const dead = await Backend.start(() => undefined);
    await dead.stop();
    await router.register({ uris: ["dead.test"], port: one.port });
    await router.register({ uris: ["dead.test"], port: dead.port });
    for (let i = 0; i < enough; i++) assert.equal((await get(router.port, "dead.test")).body, "one");
    await router.settledLogLines();
    const failed = router.program.logLines.filter(
      ({ message, data }) => message === "backend-endpoint-failed" && JSON.stringify(data).includes(`:${dead.port}`),
    );
    assert.equal(failed.length, 1);
  });

  it("a drain counts and waits for the requests of both, and leaves nothing behind (control-plane §8.4)", async () => {
    await router.register({ uris: ["drain.test"], port: one.port });
    await router.register({ uris: ["drain2.test"], port: two.port });
    const ids = await workerIds(router.program);
    const busy = await Promise.all([
      ...(await open(2, request("drain.test", "/wait"))),
      ...(await open(2, request("drain2.test", "/wait"))),
    ]);
    await condition("the requests", () => waiting.length === 4 || undefined);
    router.program.child.kill("SIGUSR1");
    await router.program.waitFor("the counts", () => router.program.stdout.includes("outstanding idle") || undefined);
    assert.ok(router.program.stdout.includes('"Draining with 4 outstanding active connections"'));
    release();
    assert.deepEqual(await statuses(busy), [200, 200, 200, 200]);
    assert.equal(await router.program.end(), 0);
    await allGone(ids);
    const lines = router.accessLog().filter((line) => line.includes(" /wait ") && line.startsWith("drain"));
    assert.equal(lines.length, 4, "every line has left the workers");
    assert.deepEqual(leftOver(router.program.child.pid!), []);
    for (const line of router.program.stdout.split("\n").slice(0, -1))
      assert.doesNotThrow(() => JSON.parse(line), line);
    for (const connection of busy) connection.close();
  });
});

/** Files of shared numbers that a supervisor has not removed. */
function leftOver(id: number): string[] {
  return ["/dev/shm", tmpdir()].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.startsWith(`causeway-${id}-`))
          .map((name) => join(folder, name))
      : [],
  );
}

describe("the start and the end of two workers", () => {
  it("a taken port is a start failure, in the words of one worker (control-plane §1.3)", async () => {
    const holder: Server = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as { port: number };
    await assert.rejects(
      startRouter("embedded", { workers: 2, port }),
      (error: Error) =>
        error.message.includes('"message":"tcp-listener-error"') &&
        error.message.includes(`"error":"listen tcp 127.0.0.1:${port}: bind: address already in use"`) &&
        error.message.includes("the program ended (1)"),
    );
    await new Promise((resolve) => holder.close(resolve));
  });

  it("a port of 0 is one port for both, of each listener", async () => {
    const pair = issue(makeAuthority(), { names: ["secure.test"] });
    const both = await startRouter("embedded", {
      workers: 2,
      enable_ssl: true,
      ssl_port: 0,
      client_cert_validation: "none",
      cipher_suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
      tls_pem: [{ cert_chain: pair.certificate, private_key: pair.key }],
    });
    const ids = await workerIds(both.program);
    for (const port of [both.port, both.tlsPort]) {
      const connections = await Promise.all(Array.from({ length: enough }, () => Connection.open(port)));
      const wanted = connections.map(({ socket }) => socket.localPort!).sort();
      await condition(`connections to ${port}`, () => {
        const [one, two] = ids.map((id) => [...clientPorts(id, port)]) as [number[], number[]];
        if (one.length === 0 || two.length === 0) return undefined;
        return JSON.stringify([...one, ...two].sort()) === JSON.stringify(wanted) || undefined;
      });
      for (const connection of connections) connection.close();
    }
    await both.stop();
  });

  it("a worker that cannot start anew is tried again, later each time, with the reason, and the other serves", async () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-loop-"));
    const logs = join(folder, "logs");
    mkdirSync(logs);
    const looping = await startRouter("embedded", { workers: 2, access_log: { file: join(logs, "access.log") } });
    const { program } = looping;
    const [victim, other] = await workerIds(program);
    await looping.register({ uris: ["loop.test"], port: one.port });
    renameSync(logs, join(folder, "away"));
    process.kill(victim, "SIGKILL");
    const pauses = (): unknown[] =>
      program.logLines.flatMap(({ message, data }) => (message === "worker-ended" ? [data!["restart_in_ms"]] : []));
    await condition("three tries", () => pauses().length >= 4 || undefined, 60_000);
    assert.deepEqual(pauses().slice(0, 4), [50, 100, 200, 400]);
    const reason = program.logLines.find(({ message }) => message === "worker-not-started");
    assert.equal(reason?.data!["reason"], "error-creating-access-logger");
    assert.match(String(reason?.data!["error"]), /^open .*access\.log: no such file or directory$/);
    assert.ok(isAlive(other));
    assert.equal((await get(looping.port, "loop.test")).status, 200);
    renameSync(join(folder, "away"), logs);
    const started = await program.logged(
      "worker-started",
      ({ data }) => ![victim, other].includes(data!["pid"] as number),
    );
    assert.equal(started.data!["worker"], 0);
    await condition("a client of the new worker", async () => {
      const connection = await Connection.open(looping.port, request("loop.test"));
      assert.equal((await connection.response()).status, 200);
      const own = clientPorts(started.data!["pid"] as number, looping.port).has(connection.socket.localPort!);
      connection.close();
      return own || undefined;
    });
    await looping.stop();
    rmSync(folder, { recursive: true });
  });

  it("what is left of a router whose processes were all killed goes with the next start", async () => {
    const killed = await startRouter("embedded", { workers: 2 });
    const ids = await workerIds(killed.program);
    const supervisor = killed.program.child.pid!;
    // The supervisor last: the workers would tidy up after it, and it would start others.
    process.kill(supervisor, "SIGSTOP");
    for (const id of ids) process.kill(id, "SIGKILL");
    process.kill(supervisor, "SIGKILL");
    await killed.program.end();
    await allGone(ids);
    const left = leftOver(supervisor);
    assert.equal(left.length, 1);
    // As if that had been a while ago.
    utimesSync(left[0]!, 0, 0);
    const next = await startRouter("embedded", { workers: 2 });
    assert.deepEqual(leftOver(supervisor), []);
    await next.stop();
    await killed.stop();
  });

  it("workers end with a supervisor that is killed, and remove what it cannot", async () => {
    const killed = await startRouter("embedded", { workers: "auto", go_max_procs: 2 });
    const ids = await workerIds(killed.program);
    assert.equal(ids.length, 2);
    killed.program.child.kill("SIGKILL");
    await allGone(ids);
    assert.deepEqual(leftOver(killed.program.child.pid!), []);
    await killed.stop();
  });
});
