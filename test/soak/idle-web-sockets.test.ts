import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { condition } from "../conformance/harness/condition.ts";
import { underTest } from "../conformance/harness/program.ts";
import { type RouterUnderTest, startRouter } from "../conformance/harness/router.ts";
import { SteadyLoad } from "../fault/harness/http-client.ts";
import type { HeapReport } from "../fixtures/heap-report.ts";

// More than the thousand that are wanted: an engine gives and takes ten MiB as it likes, which must not decide.
const sockets = 4000;
const KiB = 1024;
const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

const ordinary = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const agent = new Agent({ keepAlive: true });

let router: RouterUnderTest;
let server: Server;
const folder = mkdtempSync(join(tmpdir(), "causeway-idle-"));
const reports = join(folder, "reports");
const preload = fileURLToPath(new URL("../fixtures/heap-report.ts", import.meta.url));
const backends = new Set<Socket>();

before(async () => {
  server = createServer((socket) => {
    backends.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => backends.delete(socket));
    socket.on("data", (bytes) => socket.write(bytes.toString("latin1").includes("Upgrade: ") ? switching : ordinary));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  router = await startRouter(
    "embedded",
    { disable_keep_alives: false, max_idle_conns_per_host: 100, logging: { level: "error" } },
    {
      descriptorLimit: 16384,
      env: underTest === "bun" ? { BUN_OPTIONS: `--preload ${preload}`, CAUSEWAY_HEAP_REPORT: reports } : {},
    },
  );
  await router.register({ uris: ["idle.test"], port: (server.address() as { port: number }).port });
});
after(async () => {
  agent.destroy();
  await router?.stop();
  for (const socket of backends) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

async function open(count: number): Promise<Socket[]> {
  const opened: Socket[] = [];
  let switched = 0;
  for (let batch = 0; batch < count; batch += 100) {
    for (let at = 0; at < 100; at++) {
      const socket = connect(router.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        if (bytes.toString("latin1").startsWith("HTTP/1.1 101 ")) switched++;
      });
      const key = Buffer.from(`socket ${batch + at}`.padEnd(16)).toString("base64");
      socket.write(
        `GET /idle HTTP/1.1\r\nHost: idle.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
      opened.push(socket);
    }
    await condition(`${batch + 100} WebSockets`, () => switched === batch + 100 || undefined);
  }
  return opened;
}

async function closeAll(opened: readonly Socket[]): Promise<void> {
  for (const socket of opened) socket.destroy();
  await condition("all tunnels are gone", () => backends.size <= 32 || undefined);
}

/**
 * The router's memory after it has served ordinary requests for a while, in KiB: the least of several looks, as its
 * engine collects garbage in steps.
 */
async function workingKiB(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 8; round++) {
    const load = new SteadyLoad({ agent, port: router.port, host: "idle.test", path: "/" }, 16);
    await condition("ordinary requests", () => load.served >= 3000 || undefined, 60_000);
    assert.deepEqual((await load.stop()).failures, []);
    least = Math.min(least, router.program.residentMiB * KiB);
  }
  return least;
}

let asked = 0;
/** What is left in a router on Bun when all garbage is gone. */
async function collected(): Promise<HeapReport> {
  asked++;
  router.program.child.kill("SIGUSR2");
  const line = await condition("a report", () => linesOf(reports)[asked - 1]);
  return JSON.parse(line) as HeapReport;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "latin1").split("\n").slice(0, -1);
  } catch {
    return []; // before the first report
  }
}

const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

describe("idle WebSockets (issue B, acceptance 4)", () => {
  it(`${sockets} of them, each at a few KB of the router's memory`, async (t: TestContext) => {
    // A hundred at a time before, so that the figure is of connections and not of compiled code.
    for (let round = 0; round < 10; round++) await closeAll(await open(100));
    if (underTest !== "bun") {
      const before = await workingKiB();
      const opened = await open(sockets);
      const each = ((await workingKiB()) - before) / sockets;
      t.diagnostic(`${each.toFixed(1)} KiB for each of ${sockets} idle WebSockets, garbage included`);
      await closeAll(opened);
      assert.ok(each <= 40, `${each} KiB each, at most 40 wanted`);
      return;
    }
    const figures: HeapReport[] = [];
    for (let round = 0; round < 3; round++) {
      const before = await collected();
      const opened = await open(sockets);
      const after = await collected();
      const each = (key: keyof HeapReport): number => Math.round((after[key] - before[key]) / sockets);
      figures.push({ live: each("live"), resident: each("resident") });
      t.diagnostic(`bytes for each of ${sockets} idle WebSockets: ${JSON.stringify(figures.at(-1))}`);
      await closeAll(opened);
    }
    const resident = middle(figures.map((one) => one.resident));
    assert.ok(resident <= 6000, `${resident} bytes each, at most 6000 wanted`);
  });
});
