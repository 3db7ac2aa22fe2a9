import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import packageFile from "../../package.json" with { type: "json" };
import { startNatsServer } from "../fixtures/nats-server.ts";
import { alone } from "./harness/alone.ts";
import { Backend, deadPort, ok } from "./harness/backend.ts";
import { condition } from "./harness/condition.ts";
import { exchange, get } from "./harness/connection.ts";
import { type LogLine, Program } from "./harness/program.ts";
import {
  type BusChoice,
  readStartBlock,
  type StartPorts,
  startRouter,
  writeConfig,
  type Yaml,
} from "./harness/router.ts";

/** Binds a port of 127.0.0.1; undefined when it is taken. */
async function bind(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return await new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
const close = async (server: Server): Promise<void> => await new Promise((resolve) => server.close(() => resolve()));
const portOf = (server: Server): number => (server.address() as { port: number }).port;

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "causeway-start-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a router that is expected to fail; gives exit code and log lines. */
async function failing(bus: BusChoice, config: Yaml): Promise<{ code: number | string; lines: readonly LogLine[] }> {
  const program = new Program(["router", "-c", writeConfig(folder, bus, config)]);
  const code = await program.end();
  assert.equal(program.stderr, "");
  return { code, lines: program.logLines };
}

/** The last line, reduced to what matters. */
const last = (lines: readonly LogLine[]): unknown[] => {
  const { log_level, source, message, data } = lines.at(-1)!;
  return [log_level, source, message, data];
};

describe("start without configuration (issue A, architecture §6)", () => {
  it("gives a working router on 8081 with an embedded bus on 4222; a taken port is named", async (t: TestContext) => {
    await alone("default-ports", async () => await withDefaults(t));
  });

  async function withDefaults(t: TestContext): Promise<void> {
    const ports = [4222, 4223, 7070, 8080, 8081, 8082];
    const held = await Promise.all(ports.map(bind));
    await Promise.all(held.map(async (server) => server && (await close(server))));
    const taken = ports[held.indexOf(undefined)];
    const occupant = taken === undefined ? await bind(8082) : undefined;
    const refused = new Program(["router"]);
    assert.equal(await refused.end(), 1);
    assert.match(refused.stdout, new RegExp(`\\b${taken ?? 8082}\\b`));
    assert.match(refused.stderr, / 7070, .*\n.*-c FILE.*\n.*status\.routes\.port/);
    if (taken !== undefined) {
      // Somebody else's program has one of the ports.
      t.diagnostic(`port ${taken} is taken on this machine`);
      return;
    }
    await close(occupant!);
    const program = new Program(["router"]);
    try {
      const found = await program.waitFor("the start block", () => readStartBlock(program.stderr));
      const expected: StartPorts = { http: 8081, https: 0, health: 8080, routes: 8082, nats: 4222, webSocket: 4223 };
      assert.deepEqual(found, expected);
      assert.match(program.stderr, /^ {2}npx causeway register --uri app\.localhost --port 3000\n/m);
      assert.equal((await exchange(8080, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")).body, "ok\n");
      const backend = await Backend.start(() => ok("hello from the app"));
      const registrar = new Program(["register", "--uri", "app.localhost", "--port", String(backend.port)]);
      try {
        // From here on it takes signals, and its route is on the way.
        await registrar.waitFor("what it says", () => registrar.stderr.includes("leads to") || undefined);
        const answer = await condition("the route", async () => {
          const one = await get(8081, "app.localhost");
          return one.status === 404 ? undefined : one;
        });
        assert.equal(answer.body, "hello from the app");
      } finally {
        assert.equal(await registrar.stop("SIGINT"), 0);
        await backend.stop();
      }
    } finally {
      assert.equal(await program.stop(), 0);
    }
  }
});

describe("the start block (issue A)", () => {
  it("says on standard error where the router listens and how to bring an app", async () => {
    const router = await startRouter("embedded");
    try {
      const { program, port, statusPort, routesPort, natsPort, webSocketPort } = router;
      const block = program.stderr.replace(/ on (bun|deno|node) [\d.]+\n/, " on RUNTIME\n");
      assert.equal(
        block,
        [
          `causeway ${packageFile.version} on RUNTIME`,
          `  http    http://127.0.0.1:${port}`,
          `  health  http://127.0.0.1:${statusPort}/health`,
          `  routes  http://127.0.0.1:${routesPort}/routes`,
          `  bus     nats://127.0.0.1:${natsPort}  ws://127.0.0.1:${webSocketPort}  (embedded, this machine only)`,
          "To bring an app on port 3000 behind it:",
          `  npx causeway register --uri app.localhost --port 3000 --nats nats://127.0.0.1:${natsPort}`,
          `  curl -H 'Host: app.localhost' http://127.0.0.1:${port}/`,
          "",
        ].join("\n"),
      );
    } finally {
      await router.stop();
    }
  });
});

describe("log lines at start (control-plane §6.1, §6.3)", () => {
  const sourced = (prefix: string): string[] => [
    `1 ${prefix} starting`,
    `0 ${prefix} local-az-set`,
    `1 ${prefix} retrieved-isolation-segments`,
    `1 ${prefix} setting-up-nats-connection`,
    `1 ${prefix}.nats Successfully-connected-to-nats`,
    `1 ${prefix}.subscriber subscriber-starting`,
    `1 ${prefix}.subscriber subscriber-started`,
    `0 ${prefix}.router Sleeping before returning success on /health endpoint to preload routing table`,
    `1 ${prefix}.router tcp-listener-started`,
    `1 ${prefix}.router tls-listener-not-enabled`,
    `1 ${prefix}.router gorouter.started`,
  ];

  it("are those of the reference, in order, with their data", async () => {
    const nats = await startNatsServer();
    const router = await startRouter(nats.port, { zone: "z1", start_response_delay_interval: "250ms" });
    try {
      const { program, natsPort, port } = router;
      await program.logged("gorouter.started");
      assert.deepEqual(program.loggedMessages.slice(0, 11), sourced("gorouter.stdout"));
      const data = program.logLines.map((line) => line.data);
      assert.deepEqual(data.slice(0, 11), [
        undefined,
        { AvailabilityZone: "z1" },
        { isolation_segments: [], routing_table_sharding_mode: "all" },
        undefined,
        { host: `127.0.0.1:${natsPort}`, addr: `127.0.0.1:${natsPort}` },
        undefined,
        undefined,
        { sleep_time_seconds: 0.25 },
        { address: { IP: "127.0.0.1", Port: port, Zone: "" } },
        undefined,
        undefined,
      ]);
      const raw = program.stdout.split("\n")[0]!.replace(/"timestamp":\d{10}(?:\.\d{1,7})?,/, '"timestamp":T,');
      assert.equal(raw, '{"log_level":1,"timestamp":T,"message":"starting","source":"gorouter.stdout"}');
    } finally {
      await router.stop();
      await nats.stop();
    }
  });

  it("rfc3339 timestamps, logging.syslog as source, level info", async () => {
    const logging = { level: "info", syslog: "vcap.gorouter", format: { timestamp: "rfc3339" } };
    const router = await startRouter("embedded", { logging });
    try {
      const { program } = router;
      await program.logged("gorouter.started");
      const expected = sourced("vcap.gorouter").filter((line) => !line.startsWith("0 "));
      // A router of several workers tells of each besides.
      const messages = program.loggedMessages.filter((message) => !message.endsWith(" worker-started"));
      assert.deepEqual(messages, expected);
      const raw = program.stdout.split("\n")[0]!;
      assert.match(
        raw,
        /^\{"log_level":1,"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z","message":"starting","source":"vcap\.gorouter"\}$/,
      );
    } finally {
      await router.stop();
    }
  });
});

describe("order of start (control-plane §8.2, §4.1)", () => {
  /**
   * Looks at a router while it waits for so many milliseconds, and after. False: they were over before everything had been
   * looked at, so that nothing is said about the wait.
   */
  async function seenWaiting(delayMs: number): Promise<boolean> {
    const port = await deadPort();
    const statusPort = await deadPort();
    const delay = { start_response_delay_interval: `${delayMs}ms` };
    const config = { port, status: { port: statusPort, routes: { port: 0 } }, ...delay };
    const program = new Program(["router", "-c", writeConfig(folder, "embedded", config)]);
    const health = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    try {
      const sleeping = await program.logged(
        "Sleeping before returning success on /health endpoint to preload routing table",
      );
      const early = await exchange(statusPort, health);
      const alive = "GET /is-process-alive-do-not-use-for-loadbalancing HTTP/1.1\r\nHost: x\r\n\r\n";
      const living = await exchange(statusPort, alive);
      const atMainPort = await exchange(port, health).catch((error: NodeJS.ErrnoException) => error.code);
      const inTime = Date.now() < Number(sleeping.timestamp) * 1000 + delayMs;
      const started = await program.logged("gorouter.started");
      assert.ok(
        Number(started.timestamp) - Number(sleeping.timestamp) >= (delayMs - 50) / 1000,
        "waited for the delay",
      );
      assert.equal((await exchange(statusPort, health)).status, 200);
      assert.equal((await exchange(port, health)).status, 404);
      assert.equal(living.body, "ok\n");
      if (!inTime) return false;
      assert.deepEqual([early.status, early.body], [503, ""]);
      assert.equal(atMainPort, "ECONNREFUSED");
      return true;
    } finally {
      assert.equal(await program.stop(), 0);
    }
  }

  it("/health is 503 and the main port closed until the start delay is over", async () => {
    // A busy machine may take a second for three small requests.
    assert.ok((await seenWaiting(500)) || (await seenWaiting(3000)) || (await seenWaiting(20_000)));
  });
});

describe("starts that fail (control-plane §1.3, §2.1, §8.1): the line, exit 1", () => {
  let occupant: Server;
  let taken: number;

  before(async () => {
    occupant = (await bind(0))!;
    taken = portOf(occupant);
  });
  after(() => close(occupant));

  const routerSource = "gorouter.stdout.router";
  const initialize = "initialize-router-error";

  it("main port taken", async () => {
    const { code, lines } = await failing("embedded", { port: taken });
    assert.equal(code, 1);
    const error = `listen tcp 127.0.0.1:${taken}: bind: address already in use`;
    assert.deepEqual(last(lines), [3, routerSource, "tcp-listener-error", { error }]);
    assert.ok(lines.some(({ message }) => message === "subscriber-started"));
  });

  it("health port taken", async () => {
    const { code, lines } = await failing("embedded", { status: { port: taken, routes: { port: 0 } } });
    assert.equal(code, 1);
    const error = `listen tcp 127.0.0.1:${taken}: bind: address already in use`;
    assert.deepEqual(last(lines), [3, "gorouter.stdout", initialize, { error }]);
  });

  it("/routes port taken", async () => {
    const { code, lines } = await failing("embedded", { status: { port: 0, routes: { port: taken } } });
    assert.equal(code, 1);
    const error = `listen tcp 127.0.0.1:${taken}: bind: address already in use`;
    assert.deepEqual(last(lines), [3, "gorouter.stdout", initialize, { error }]);
  });

  it("an address that is not the machine's; a name of the debug server that nobody knows", async () => {
    const status = {
      host: "203.0.113.77",
      port: 8080,
      routes: { port: 0 },
      enable_deprecated_varz_healthz_endpoints: true,
    };
    const { code, lines } = await failing("embedded", { status, debug_addr: "nobody.invalid:1" });
    assert.equal(code, 1);
    const error = "listen tcp 203.0.113.77:8080: bind: cannot assign requested address";
    assert.deepEqual(last(lines), [3, "gorouter.stdout", initialize, { error }]);
    const debug = lines.find(({ message }) => message === "failed-to-start-debug-server");
    assert.deepEqual(debug?.data, { error: "listen tcp: lookup nobody.invalid: no such host" });
  });

  for (const key of ["embedded_port", "embedded_websocket_port"]) {
    it(`nats.${key} taken: the error names the port (architecture §6)`, async () => {
      const nats = { embedded: true, embedded_port: 0, embedded_websocket_port: 0, [key]: taken };
      const { code, lines } = await failing("embedded", { nats });
      assert.equal(code, 1);
      const [level, source, message, data] = last(lines);
      assert.deepEqual([level, source, message], [3, "gorouter.stdout.nats", "nats-connection-error"]);
      assert.match((data as { error: string }).error, new RegExp(`\\b${taken}\\b`));
    });
  }

  it("NATS unreachable: three sweeps, then nats-connection-error", async () => {
    const port = await deadPort();
    const { code, lines } = await failing(port, {});
    assert.equal(code, 1);
    assert.deepEqual(last(lines), [
      3,
      "gorouter.stdout.nats",
      "nats-connection-error",
      { error: "nats: no servers available for connection", servers: [`127.0.0.1:${port}`] },
    ]);
    const took = Number(lines.at(-1)!.timestamp) - Number(lines[0]!.timestamp);
    assert.ok(took >= 0.25 && took < 5, `took ${took} s`);
  });

  it("access log file that cannot be opened: both lines", async () => {
    const file = join(folder, "absent", "access.log");
    const { code, lines } = await failing("embedded", { access_log: { file } });
    assert.equal(code, 1);
    const [first, second] = lines.slice(-2);
    assert.deepEqual(
      [first?.source, first?.message],
      ["gorouter.stdout.access-grlog", "error-creating-accesslog-file"],
    );
    assert.equal(first?.data?.["filename"], file);
    assert.deepEqual([second?.source, second?.message], ["gorouter.stdout", "error-creating-access-logger"]);
    assert.deepEqual(second?.data, { error: `open ${file}: no such file or directory` });
  });
});
