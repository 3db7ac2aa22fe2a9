import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gap } from "../fixtures/gap.ts";
import { startNatsServer } from "../fixtures/nats-server.ts";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { Connection, exchange, get } from "./harness/connection.ts";
import { Program } from "./harness/program.ts";
import { type RouterUnderTest, startRouter, writeConfig } from "./harness/router.ts";

const stopMessages = [
  "1 gorouter.stdout.router gorouter.stopping",
  "1 gorouter.stdout.router gorouter.stopped",
  "1 gorouter.stdout.router gorouter.exited",
  "1 gorouter.stdout.NATSMonitor exited",
  "1 gorouter.stdout.subscriber exited",
  "1 gorouter.stdout.FileDescriptor exited",
];
const health = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

/** What was logged, debug lines left out, from the first line with that message on. */
const loggedFrom = (router: RouterUnderTest, message: string): string[] => {
  const all = router.program.loggedMessages.filter((line) => !line.startsWith("0 "));
  return all.slice(all.findIndex((line) => line.endsWith(` ${message}`)));
};

describe("SIGTERM and SIGINT (control-plane §8.3, §8.5)", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`${signal}: stop lines in order, connections closed, active requests not waited for, exit 0`, async () => {
      const backend = await Backend.start(() => undefined);
      const router = await startRouter("embedded");
      try {
        await router.register({ uris: ["a.b"], port: backend.port });
        const busy = await Connection.open(router.port, "GET /never HTTP/1.1\r\nHost: a.b\r\n\r\n");
        const idle = await Connection.open(router.port);
        await backend.request(1);
        const stderr = router.program.stderr;
        assert.equal(await router.program.stop(signal), 0);
        await busy.toEnd();
        await idle.toEnd();
        assert.equal(busy.received, "", "no made-up answer");
        assert.deepEqual(loggedFrom(router, "gorouter.stopping"), stopMessages);
        const stopped = router.program.logLines.find(({ message }) => message === "gorouter.stopped");
        assert.equal(typeof stopped?.data?.["took"], "number");
        assert.equal(router.program.stderr, stderr, "nothing more on standard error");
        await assert.rejects(Connection.open(router.port), { code: "ECONNREFUSED" });
      } finally {
        await router.stop();
        await backend.stop();
      }
    });
  }

  it("a NATS server that stands still keeps nobody from stopping", async () => {
    for (const webSocket of [false, true]) {
      const nats = await startNatsServer({ webSocketPort: 0 });
      const servers = [webSocket ? `ws://127.0.0.1:${nats.webSocketPort}` : `nats://127.0.0.1:${nats.port}`];
      const router = await startRouter(nats.port, { nats: { servers } });
      try {
        await router.nats.close();
        nats.standStill();
        assert.equal(await router.program.stop("SIGTERM"), 0);
        assert.deepEqual(loggedFrom(router, "gorouter.stopping"), stopMessages);
      } finally {
        await nats.kill();
        await router.stop();
      }
    }
  });

  it("a signal during the start delay takes effect when the start is complete, exit 0", async () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-early-"));
    const config = { start_response_delay_interval: "1s" };
    const program = new Program(["router", "-c", writeConfig(folder, "embedded", config)]);
    try {
      await program.logged("subscriber-started");
      assert.equal(await program.stop("SIGTERM"), 0);
      // A router of several workers tells of each besides.
      const messages = program.loggedMessages.filter((message) => !message.endsWith(" worker-started"));
      assert.deepEqual(messages.slice(-9), [
        "1 gorouter.stdout.router tcp-listener-started",
        "1 gorouter.stdout.router tls-listener-not-enabled",
        "1 gorouter.stdout.router gorouter.started",
        ...stopMessages,
      ]);
    } finally {
      await program.stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("of two signals during the start delay the first counts, exit 0", async () => {
    const folder = mkdtempSync(join(tmpdir(), "causeway-early-"));
    const statusPort = await deadPort();
    const status = { port: statusPort, routes: { port: 0 } };
    const config = { start_response_delay_interval: "1s", drain_wait: "0s", status };
    const program = new Program(["router", "-c", writeConfig(folder, "embedded", config)]);
    try {
      await program.logged("subscriber-started");
      program.child.kill("SIGUSR1");
      // Signals that are pending together arrive in any order.
      for (let round = 0; round < 3; round++) await exchange(statusPort, health);
      program.child.kill("SIGTERM");
      assert.equal(await program.end(), 0);
      const lines = program.logLines.filter(({ source }) => source === "gorouter.stdout.router");
      const others = ["worker-started", "gorouter.signal.ignored"];
      const messages = lines.map(({ message }) => message).filter((message) => !others.includes(message));
      assert.deepEqual(messages.slice(messages.indexOf("gorouter.started"), -3), [
        "gorouter.started",
        "gorouter-draining",
        "Draining with 0 outstanding active connections",
        "Draining with 0 outstanding idle connections",
      ]);
    } finally {
      await program.stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  });

  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    it(`${signal} while it connects to a bus that never speaks: ends at once and without a word, USR1 does nothing`, async () => {
      const silent = createServer(() => {});
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const { port } = silent.address() as AddressInfo;
      const folder = mkdtempSync(join(tmpdir(), "causeway-early-"));
      const program = new Program(["router", "-c", writeConfig(folder, port)]);
      try {
        const dialled = new Promise<Socket>((resolve) => silent.once("connection", resolve));
        const socket = await dialled;
        program.child.kill("SIGUSR1");
        assert.equal(await program.stop(signal, 1500), code);
        assert.equal(program.logLines.at(-1)?.message, "setting-up-nats-connection");
        socket.destroy();
      } finally {
        await program.stop("SIGKILL");
        silent.close();
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }

  it("the access log is complete: lines of the last moment are written before the exit", async () => {
    const backend = await Backend.start(() => ok("x"));
    const router = await startRouter("embedded");
    try {
      await router.register({ uris: ["a.b"], port: backend.port });
      const connection = await Connection.open(router.port);
      for (let at = 0; at < 50; at++) connection.write(`GET /${at} HTTP/1.1\r\nHost: a.b\r\n\r\n`);
      for (let at = 0; at < 50; at++) await connection.response();
      assert.equal(await router.program.stop(), 0);
      const paths = router.accessLog().map((line) => line.split(" ")[4]);
      assert.deepEqual(
        paths,
        Array.from({ length: 50 }, (_, at) => `/${at}`),
      );
      connection.close();
    } finally {
      await router.stop();
      await backend.stop();
    }
  });
});

describe("USR2 and QUIT (control-plane §8.3)", () => {
  it("USR2 is ignored, QUIT ends at once with 2; no log line for either", async () => {
    const router = await startRouter("embedded");
    try {
      router.program.child.kill("SIGUSR2");
      await router.settledLogLines();
      assert.equal((await get(router.port, "nowhere")).status, 404);
      assert.equal(await router.program.stop("SIGQUIT"), 2);
      assert.match(router.program.stderr, /^SIGQUIT: quit$/m);
      assert.doesNotMatch(router.program.stdout, /signal|stopping/);
    } finally {
      await router.stop();
    }
  });
});

describe("SIGUSR1 drains (control-plane §8.4)", () => {
  let backend: Backend;
  let release: () => void;

  before(async () => {
    backend = await Backend.start(async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return ok("late");
    });
  });
  after(() => backend?.stop());

  /** A router with one request under way and one idle kept-alive connection. */
  async function busyRouter(config: Record<string, unknown>): Promise<[RouterUnderTest, Connection, Connection]> {
    backend.clear();
    const router = await startRouter("embedded", config);
    await router.register({ uris: ["a.b"], port: backend.port });
    const idle = await Connection.open(router.port, "GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n");
    await idle.response();
    const busy = await Connection.open(router.port, "GET /slow HTTP/1.1\r\nHost: a.b\r\n\r\n");
    await backend.request(1);
    return [router, busy, idle];
  }

  it("serves on for drain_wait, refuses new connections then, lets a slow response end, exit 0", async () => {
    const [router, busy, idle] = await busyRouter({ drain_wait: "1s", drain_timeout: "20s" });
    const { program } = router;
    try {
      program.child.kill("SIGUSR1");
      const draining = await program.logged("gorouter-draining");
      assert.deepEqual(draining.data, { wait_seconds: 1, timeout_seconds: 20 });
      // Deno offers its inspector at this signal, to any local process; nobody may be able to use it.
      await condition("no inspector", async () => {
        const opened = await Connection.open(9229).catch(() => undefined);
        opened?.close();
        return opened === undefined || undefined;
      });
      // Within drain_wait everything is served, but health says no.
      assert.equal((await get(router.port, "nowhere")).status, 404);
      assert.equal((await exchange(router.statusPort, health)).status, 503);
      const agent = await get(router.port, "x", "/", "User-Agent: HTTP-Monitor/1.1");
      assert.deepEqual([agent.status, agent.body], [503, ""]);
      await program.waitFor("the drain", () =>
        program.stdout.includes("outstanding idle connections") ? true : undefined,
      );
      await assert.rejects(Connection.open(router.port), { code: "ECONNREFUSED" });
      assert.equal((await exchange(router.statusPort, health)).status, 503, "status listeners stay up");
      await idle.toEnd();
      release();
      const answer = await busy.response();
      assert.deepEqual([answer.status, answer.body, answer.header("connection")], [200, "late", undefined]);
      assert.equal(await program.end(), 0);
      assert.deepEqual(loggedFrom(router, "gorouter-draining"), [
        "1 gorouter.stdout.router gorouter-draining",
        "1 gorouter.stdout.router Draining with 1 outstanding active connections",
        "1 gorouter.stdout.router Draining with 1 outstanding idle connections",
        ...stopMessages,
      ]);
    } finally {
      release();
      await router.stop();
    }
  });

  it("drain_timeout ends it: both lines, exit 0", async () => {
    const [router, busy] = await busyRouter({ drain_wait: "0s", drain_timeout: "300ms" });
    try {
      assert.equal(await router.program.stop("SIGUSR1"), 0);
      await busy.toEnd();
      assert.deepEqual(loggedFrom(router, "gorouter-draining"), [
        "1 gorouter.stdout.router gorouter-draining",
        "1 gorouter.stdout.router Draining with 1 outstanding active connections",
        "1 gorouter.stdout.router Draining with 1 outstanding idle connections",
        "1 gorouter.stdout.router router.drain.timed-out",
        "3 gorouter.stdout.router gorouter-draining-error",
        ...stopMessages,
      ]);
      const error = router.program.logLines.find(({ message }) => message === "gorouter-draining-error");
      assert.deepEqual(error?.data, { error: "router: Drain timeout" });
    } finally {
      release();
      await router.stop();
    }
  });

  it("further signals are ignored: one that differs from the last is logged, TERM does not shorten a drain", async () => {
    const [router, busy] = await busyRouter({ drain_wait: "0s", drain_timeout: "20s" });
    const { program } = router;
    const ignored = (): unknown[] =>
      program.logLines
        .filter(({ message }) => message === "gorouter.signal.ignored")
        .map(({ source, data }) => [source, data?.["signal"]]);
    // Signals that are pending together arrive in any order, so each is given time for a round trip through the program.
    const send = async (signal: NodeJS.Signals): Promise<void> => {
      program.child.kill(signal);
      for (let round = 0; round < 3; round++) await exchange(router.statusPort, health);
    };
    try {
      await send("SIGUSR1");
      await program.waitFor("the drain", () => (program.stdout.includes("outstanding idle") ? true : undefined));
      for (const signal of ["SIGUSR1", "SIGTERM", "SIGTERM", "SIGINT", "SIGUSR1"] as const) await send(signal);
      await condition("the last", () => ignored().length >= 3 || undefined);
      const source = "gorouter.stdout.router";
      assert.deepEqual(ignored(), [
        [source, "terminated"],
        [source, "interrupt"],
        [source, "user defined signal 1"],
      ]);
      assert.equal(program.ended, undefined);
      release();
      assert.equal((await busy.response()).body, "late");
      assert.equal(await program.end(), 0);
    } finally {
      release();
      await router.stop();
    }
  });
});

describe("SIGHUP (docs/differences.md: upstream dies of it)", () => {
  it("opens the access log anew after rotation; nothing is lost", async () => {
    const backend = await Backend.start(() => ok("x"));
    const router = await startRouter("embedded");
    try {
      await router.register({ uris: ["a.b"], port: backend.port });
      await get(router.port, "a.b", "/before");
      await router.accessLogged((line) => line.includes("GET /before "));
      const rotated = `${router.accessLogFile}.1`;
      renameSync(router.accessLogFile, rotated);
      await get(router.port, "a.b", "/between");
      router.program.child.kill("SIGHUP");
      const reopened = await router.program.logged("access-log-reopened");
      assert.deepEqual(reopened.data, { filename: router.accessLogFile });
      await get(router.port, "a.b", "/behind");
      await router.accessLogged((line) => line.includes("GET /behind "));
      const old = readFileSync(rotated, "utf8");
      assert.match(old, /GET \/before /);
      assert.match(old, /GET \/between /);
      assert.equal(router.accessLog().length, 1);
    } finally {
      await router.stop();
      await backend.stop();
    }
  });
});

describe("a full disk under the access log", () => {
  const none = gap("deno", "Deno opens devices only with all permissions, and /dev/full is the disk here");
  it("requests are served, and it is said once, with what was lost when it is over", none, async () => {
    const backend = await Backend.start(() => ok("x"));
    const router = await startRouter("embedded", { access_log: { file: "/dev/full" }, workers: 1 });
    const began = "error-emitting-access-log-to-writer-accesslog";
    const said = (message: string) => router.program.logLines.filter((line) => line.message === message);
    try {
      await router.register({ uris: ["a.b"], port: backend.port });
      assert.equal((await get(router.port, "a.b")).status, 200);
      const line = await router.program.logged(began);
      assert.deepEqual(line.data, { error: "write /dev/full: no space left on device" });
      for (let i = 0; i < 500; i++) assert.equal((await get(router.port, "a.b")).status, 200);
      router.program.child.kill("SIGTERM");
      assert.equal(await router.program.end(), 0);
      assert.equal(said(began).length, 1);
      const lost = said("access-log-to-file-stall-ended").map(({ data }) => Number(data?.["dropped_bytes"]));
      assert.equal(lost.length, 1);
      // 501 lines of some two hundred characters, in several batches.
      assert.ok(lost[0]! > 501 * 200, `lost ${lost}`);
    } finally {
      await router.stop();
      await backend.stop();
    }
  });
});

describe("loss of the bus for good (control-plane §2.1)", () => {
  it("changed credentials: nats-connection-closed, exit 1", async () => {
    const first = await startNatsServer({ user: "u", pass: "one" });
    const credentials = { user: "u", pass: "one" };
    const folder = mkdtempSync(join(tmpdir(), "causeway-lost-"));
    const nats = { hosts: [{ hostname: "127.0.0.1", port: first.port }], ...credentials };
    const program = new Program(["router", "-c", writeConfig(folder, first.port, { nats })]);
    try {
      await program.logged("gorouter.started");
      await first.kill();
      await program.logged("nats-connection-disconnected");
      const second = await startNatsServer({ port: first.port, user: "u", pass: "two" });
      assert.equal(await program.end(), 1);
      await second.stop();
      const closed = program.logLines.at(-1);
      assert.equal(closed?.message, "nats-connection-closed", "the last word");
      assert.deepEqual(
        [closed?.log_level, closed?.source, closed?.data],
        [3, "gorouter.stdout.nats", { error: "unexpected close", last_error: "nats: Authorization Violation" }],
      );
    } finally {
      await program.stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
