import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { runtime } from "#runtime";
import { limitTime } from "../../../src/core/time-limit.ts";
import type { ConnectOptions } from "../../../src/runtime/interface/dialling.ts";
import { afterwards, closeAll, connectedPair, Recorder, until } from "./recorder.ts";

/** Another process that listens, and says a word on each connection when it is told to. */
interface Talker {
  readonly port: number;
  /** Stands still until the talker's words are in the kernel's buffers. */
  readonly talk: () => void;
}

async function startTalker(): Promise<Talker> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-talker-"));
  const said = join(folder, "said");
  const script = `
    const sockets = [];
    const server = require("node:net").createServer((socket) => {
      socket.on("error", () => {});
      sockets.push(socket);
      socket.write("welcome");
    });
    server.listen(0, "127.0.0.1", () => process.stdout.write(server.address().port + "\\n"));
    process.on("SIGUSR2", async () => {
      await Promise.all(sockets.map((socket) => new Promise((done) => socket.write("word", done))));
      require("node:fs").writeFileSync(${JSON.stringify(said)}, "");
    });`;
  const child = spawn("node_modules/.bin/node", ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  afterwards(async () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const port = await new Promise<string>((resolve) => child.stdout.once("data", (chunk) => resolve(String(chunk))));
  const wait = `kill -USR2 ${child.pid}; until [ -e '${said}' ]; do sleep 0.01; done`;
  return { port: Number(port), talk: () => void execFileSync("sh", ["-c", wait]) };
}

/** Calls back when something arrives from a socket: behind the timers of a turn, and before those of the next. */
async function inSocketCallback(callback: () => void): Promise<void> {
  const { client, server } = await connectedPair(runtime);
  let called = false;
  const listening = new Recorder();
  listening.data = () => {
    callback();
    called = true;
  };
  server.handler = listening;
  client.write(new Uint8Array(1));
  await until("something arrives", () => called);
}

function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe(`what had arrived when a time limit was over (${runtime.name})`, () => {
  afterEach(closeAll);

  it("is told before the limit", async () => {
    const { port, talk } = await startTalker();
    const ends = Array.from({ length: 20 }, () => new Recorder());
    for (const end of ends) await runtime.connect({ host: "127.0.0.1", port }, end);
    await until("all are welcome", () => ends.every(({ bytes }) => bytes === 7));
    let heard: readonly number[] = [];
    await inSocketCallback(() => {
      limitTime(runtime.clock, 5, () => {
        heard = ends.map(({ bytes }) => bytes);
      });
      talk();
      standStill(10);
    });
    await until("the limit is over", () => heard.length > 0);
    assert.deepEqual(heard, new Array(20).fill(11));
  });

  for (const [what, options] of [
    ["an address", { host: "127.0.0.1" }],
    ["an address for a stream that TLS may take over", { host: "127.0.0.1", takeover: true }],
    ["an address that is looked at", { host: "127.0.0.1", admits: () => true }],
  ] as const satisfies readonly (readonly [string, ConnectOptions])[]) {
    it(`lets a dial of ${what} succeed`, async () => {
      const { port } = await startTalker();
      let dialled: Promise<unknown> | undefined;
      await inSocketCallback(() => {
        dialled = runtime.connect({ ...options, port, timeoutMs: 20 }, new Recorder());
        standStill(60);
      });
      await dialled;
    });
  }
});
